//! When it began: the change point that the evidence, added up backwards, supports best.

use crate::config::Kind;
use crate::recent::Recent;
use crate::verdict::Onset;

/// Starts whose log-likelihood is within this of the best are possible too. More than the 1.9 of a regular parameter's 95 %: the best of
/// many starts is compared, and a few quiet buckets before the true one gain as much by chance.
const SUPPORT: f64 = 3.5;
/// Effects closer to 1 than this are not told from it.
const RATIO_MIN_DISTANCE: f64 = 0.03;

/// Finds where a deviation that the last `length` buckets show began, looking back no further than `barrier`.
///
/// # Source
/// The maximum-likelihood change point of Page's CUSUM (1954), with the size of the change estimated twice.
pub(crate) fn locate(recent: &Recent, kind: Kind, length: usize, barrier: usize) -> Onset {
    let end = recent.len();
    let mut start = end - length.min(end);
    let mut range = (start, start);
    for _ in 0..3 {
        let ratio = away_from_one(recent.sum(start, end).ratio());
        let (best, earliest, latest) = change_point(recent, kind, ratio, barrier);
        start = best;
        range = (earliest, latest);
    }
    Onset { at_ms: recent.start_of(start), earliest_ms: recent.start_of(range.0), latest_ms: recent.start_of(range.1) }
}

/// A ratio that a likelihood can work with: not 0, not 1.
pub(crate) fn away_from_one(ratio: f64) -> f64 {
    let ratio = ratio.clamp(0.02, 50.0);
    if (ratio - 1.0).abs() >= RATIO_MIN_DISTANCE {
        ratio
    } else if ratio < 1.0 {
        1.0 - RATIO_MIN_DISTANCE
    } else {
        1.0 + RATIO_MIN_DISTANCE
    }
}

fn change_point(recent: &Recent, kind: Kind, ratio: f64, barrier: usize) -> (usize, usize, usize) {
    let end = recent.len();
    let mut sums = Vec::with_capacity(end - barrier);
    let mut sum = 0.0;
    for entry in recent.backwards().take(end - barrier) {
        sum += entry.log_likelihood_ratio(kind, ratio);
        sums.push(sum);
    }
    let best = (0..sums.len()).fold(0, |best, i| if sums[i] > sums[best] { i } else { best });
    let Some(&top) = sums.get(best) else {
        return (end.saturating_sub(1), end.saturating_sub(1), end.saturating_sub(1));
    };
    let supported = |i: &usize| sums[*i] >= top - SUPPORT;
    let latest = (0..=best).find(supported).unwrap_or(best);
    let earliest = (best..sums.len()).rev().find(supported).unwrap_or(best);
    (end - 1 - best, end - 1 - earliest, end - 1 - latest)
}
