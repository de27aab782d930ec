//! Looks at several trailing windows at once: a short one catches a collapse, a long one a small persistent shift.

use crate::calibration::Calibration;
use crate::config::{Config, Kind};
use crate::recent::{Recent, Sum};
use crate::tails::normal_tail;
use wakeman_types::{DAY_MS, HOUR_MS};

/// Window lengths in buckets.
const LENGTHS: [usize; 8] = [1, 2, 3, 6, 12, 24, 72, 144];
/// No window is longer than this.
const WINDOW_MS_MAX: i64 = 12 * HOUR_MS;
/// Price of looking at all windows: they overlap, so it is a little less than their number.
const MULTIPLICITY: f64 = 6.0;
/// Alarms come in clumps; this many buckets below the line make one false alarm.
const CLUMP: f64 = 1.0;

/// The windows that make sense for a bucket length.
pub(crate) fn lengths(step_ms: i64) -> Vec<usize> {
    LENGTHS.into_iter().filter(|&n| n == 1 || n as i64 * step_ms <= WINDOW_MS_MAX).collect()
}

/// The p-value below which a bucket alarms, for the wanted rate of false alarms.
pub(crate) fn alarm_line(config: &Config) -> f64 {
    (config.false_alarms_per_week * CLUMP * config.step_ms as f64 / (7 * DAY_MS) as f64).min(0.05)
}

/// The trailing window that deviates most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widest {
    /// Buckets in it.
    pub length: usize,
    /// What it holds.
    pub sum: Sum,
    /// Signed score in units of the metric's own past.
    pub score: f64,
    /// Corrected for the number of windows.
    pub p_value: f64,
}

/// Scores of all windows that end with the newest bucket and do not begin before `barrier` (an index into `recent`).
pub(crate) struct Looked {
    /// Raw score per window; `None` where it is not complete.
    pub raw: [Option<f64>; LENGTHS.len()],
    /// The most deviating, `None` when no window is complete.
    pub widest: Option<Widest>,
}

pub(crate) fn look(
    recent: &Recent,
    lengths: &[usize],
    barrier: usize,
    config: &Config,
    calibration: &Calibration,
) -> Looked {
    let available = recent.len() - barrier.min(recent.len());
    let mut looked = Looked { raw: [None; LENGTHS.len()], widest: None };
    let (mut sum, mut next) = (Sum::default(), 0);
    for (i, entry) in recent.backwards().take(available).enumerate() {
        sum.add(entry);
        let length = i + 1;
        if lengths.get(next) != Some(&length) {
            continue;
        }
        // Half of a window unknown: it says nothing.
        if 2 * sum.known > length {
            let raw = sum.score(config.kind);
            looked.raw[next] = Some(raw);
            let score = calibration.calibrated(next, raw);
            if worth_it(&sum, config) && looked.widest.is_none_or(|w| score.abs() > w.score.abs()) {
                looked.widest = Some(Widest { length, sum, score, p_value: 1.0 });
            }
        }
        next += 1;
        if next == lengths.len() {
            break;
        }
    }
    if let Some(widest) = &mut looked.widest {
        widest.p_value = p_value(widest.score);
    }
    looked
}

fn p_value(score: f64) -> f64 {
    (MULTIPLICITY * 2.0 * normal_tail(score.abs())).clamp(1e-300, 1.0)
}

/// Whether a deviation is large enough for a person to care, however sure.
pub(crate) fn worth_it(sum: &Sum, config: &Config) -> bool {
    let relative = (sum.ratio() - 1.0).abs();
    match config.kind {
        Kind::Count => relative >= config.min_effect && (sum.observed - sum.expected).abs() >= 3.0,
        Kind::Duration => relative >= config.min_effect,
        // A share near 1 is judged by what is missing from it.
        Kind::Ratio => {
            let missing = sum.exposure - sum.expected;
            let other = if missing > 0.0 { (sum.observed - sum.expected).abs() / missing } else { 0.0 };
            relative.max(other) >= config.min_effect
        }
    }
}
