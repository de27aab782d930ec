//! How long after a change the trouble starts.

use wakeman_types::{HOUR_MS, MINUTE_MS};

/// A mixture of exponentials: weight and mean in hours.
type Kernel = [(f64, f64); 3];

/// What is live breaks things at once, or with the next wave of use, or with tomorrow's job.
const LIVE: Kernel = [(0.72, 0.25), (0.22, 1.5), (0.06, 12.0)];
/// A merge of which nobody knows when it went live.
const MERGED: Kernel = [(0.55, 0.5), (0.37, 2.0), (0.08, 12.0)];

/// No onset is known better than this.
const UNCERTAINTY_MS_MIN: i64 = 2 * MINUTE_MS;
/// Standard deviations looked at, each way, and the points between.
const REACH: f64 = 3.0;
const POINTS: i32 = 36;

/// Whether a change is known to be live from its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    /// From then on.
    AtOnce,
    /// Some time after.
    WhenShipped,
}

/// Density (per hour) of this lead time, given an onset known up to `uncertainty_ms` (taken as two standard deviations).
pub(crate) fn density(lead_ms: i64, uncertainty_ms: i64, acts: Acts) -> f64 {
    let kernel = if acts == Acts::AtOnce { LIVE } else { MERGED };
    let spread = uncertainty_ms.max(UNCERTAINTY_MS_MIN) as f64 / HOUR_MS as f64 / 2.0;
    let lead = lead_ms as f64 / HOUR_MS as f64;
    let (mut sum, mut weights) = (0.0, 0.0);
    for i in -POINTS..=POINTS {
        let z = REACH * f64::from(i) / f64::from(POINTS);
        let weight = (-0.5 * z * z).exp();
        weights += weight;
        sum += weight * at(&kernel, lead + z * spread);
    }
    sum / weights
}

fn at(kernel: &Kernel, hours: f64) -> f64 {
    if hours < 0.0 {
        return 0.0;
    }
    kernel.iter().map(|(weight, mean)| weight / mean * (-hours / mean).exp()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soon_beats_late_and_late_beats_after() {
        let f = |minutes: i64| density(minutes * MINUTE_MS, 5 * MINUTE_MS, Acts::AtOnce);
        assert!(f(5) > f(30) && f(30) > 5.0 * f(180) && f(180) > f(600) && f(600) > 0.0);
        assert!(f(-2) > 0.1 * f(5), "within the uncertainty");
        assert_eq!(f(-20), 0.0);
    }

    #[test]
    fn an_unshipped_merge_is_given_more_time() {
        let f = |minutes: i64, acts| density(minutes * MINUTE_MS, 5 * MINUTE_MS, acts);
        assert!(f(90, Acts::WhenShipped) > 1.5 * f(90, Acts::AtOnce));
        assert!(f(4, Acts::WhenShipped) < f(4, Acts::AtOnce));
    }
}
