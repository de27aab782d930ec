//! Where the metric stands today against its seasons: a slow deviation that the last hours tell of.
//!
//! A young baseline is off by as much as a weekday it has not seen; some metrics wander all their lives. Both last for hours, so
//! what was seen until two hours ago says most of what to expect now. How far a metric wanders is learnt; for one that does not,
//! and has a month of history, this says nothing.

use super::Expected;
use serde::{Deserialize, Serialize};
use wakeman_types::{DAY_MS, HOUR_MS};

/// After this many hours a deviation has faded to 1/e.
const CORRELATION_HOURS: f64 = 12.0;
/// Wandering is measured between hours this far apart, so that neither scatter nor an incident's start counts.
const LAG_BLOCKS: usize = 3;
/// Hours of "does not wander" that the prior is worth.
const PRIOR_BLOCKS: f64 = 24.0;
/// Memory of the wandering.
const HALF_LIFE_MS: f64 = 10.0 * DAY_MS as f64;
/// Standard errors the covariance must exceed zero by, before it counts.
const CAUTION: f64 = 1.5;
/// Deviations beyond this many standard deviations are cut.
const CLIP: f64 = 3.0;

/// The deviation now, and how far this metric usually wanders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Drift {
    step_ms: i64,
    at_ms: i64,
    deviation: f64,
    variance: f64,
    /// Variance of the wandering beyond the baseline's own uncertainty.
    spread: f64,
    block: Block,
    past: [Option<f64>; LAG_BLOCKS],
    sums: [f64; 3],
}

/// The mean deviation of the current hour.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Block {
    number: i64,
    weight: f64,
    sum: f64,
}

impl Drift {
    pub(crate) fn new(step_ms: i64) -> Self {
        Self {
            step_ms,
            at_ms: i64::MIN,
            deviation: 0.0,
            variance: 1.0,
            spread: 0.0,
            block: Block::default(),
            past: [None; LAG_BLOCKS],
            sums: [0.0; 3],
        }
    }

    fn block_ms(&self) -> i64 {
        HOUR_MS.max(self.step_ms)
    }

    /// Deviation and variance expected at `at_ms`, when the baseline alone is unsure by `variance`.
    fn ahead(&self, at_ms: i64, variance: f64) -> (f64, f64) {
        let stationary = variance + self.spread;
        if self.at_ms == i64::MIN {
            return (0.0, stationary);
        }
        let kept = (-((at_ms - self.at_ms).max(0) as f64) / (CORRELATION_HOURS * HOUR_MS as f64)).exp();
        (self.deviation * kept, self.variance.min(stationary) * kept * kept + stationary * (1.0 - kept * kept))
    }

    /// What the seasons expect, moved to where the metric stands.
    pub(crate) fn apply(&self, at_ms: i64, expected: Expected) -> Expected {
        let (deviation, variance) = self.ahead(at_ms, expected.variance);
        Expected { rate: expected.rate * (1.0 + deviation).clamp(0.3, 3.0), variance }
    }

    /// Takes in a settled bucket that is not part of an anomaly: its relative deviation from the seasons, with its variance.
    pub(crate) fn learn(&mut self, at_ms: i64, deviation: f64, scatter: f64, expected: Expected) {
        let (prior, variance) = self.ahead(at_ms, expected.variance);
        let reach = CLIP * (variance + scatter).sqrt();
        // Of what cannot be computed nothing is learnt.
        if !(reach.is_finite() && deviation.is_finite() && prior.is_finite()) {
            return;
        }
        let innovation = (deviation - prior).clamp(-reach, reach);
        let gain = variance / (variance + scatter);
        (self.at_ms, self.deviation, self.variance) = (at_ms, prior + gain * innovation, variance * (1.0 - gain));
        self.measure(at_ms, prior + innovation, 1.0 / (scatter + 1e-4));
    }

    fn measure(&mut self, at_ms: i64, deviation: f64, weight: f64) {
        let number = at_ms.div_euclid(self.block_ms());
        if number != self.block.number {
            let done = std::mem::replace(&mut self.block, Block { number, weight: 0.0, sum: 0.0 });
            let mean = (done.weight > 0.0).then(|| done.sum / done.weight);
            let consecutive = number == done.number + 1;
            if let (Some(now), Some(before), true) = (mean, self.past[LAG_BLOCKS - 1], consecutive) {
                self.wander(now * before);
            }
            self.past.rotate_right(1);
            self.past[0] = mean;
            if !consecutive {
                self.past = [None; LAG_BLOCKS];
            }
        }
        self.block.weight += weight;
        self.block.sum += weight * deviation;
    }

    fn wander(&mut self, product: f64) {
        let block_hours = self.block_ms() as f64 / HOUR_MS as f64;
        let keep = 0.5_f64.powf(self.block_ms() as f64 / HALF_LIFE_MS);
        for (sum, term) in self.sums.iter_mut().zip([1.0, product, product * product]) {
            *sum = *sum * keep + term;
        }
        let [n, sum, squares] = self.sums;
        let (n, lag_hours) = (n + PRIOR_BLOCKS, block_hours * LAG_BLOCKS as f64);
        let sure = (sum - CAUTION * squares.sqrt()) / n;
        self.spread = (sure.max(0.0) * (lag_hours / CORRELATION_HOURS).min(3.0).exp()).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(deviations: impl Iterator<Item = f64>) -> Drift {
        let mut drift = Drift::new(300_000);
        for (i, deviation) in deviations.enumerate() {
            drift.learn(i as i64 * 300_000, deviation, 0.01, Expected { rate: 1.0, variance: 1e-4 });
        }
        drift
    }

    #[test]
    fn a_steady_metric_does_not_wander_and_a_slow_wave_does() {
        let steady = fed((0..4000).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 }));
        assert!(steady.spread < 1e-4, "{}", steady.spread);
        let wave = fed((0..4000).map(|i| 0.3 * (i as f64 / 90.0).sin()));
        assert!(wave.spread > 0.02, "{}", wave.spread);
        let expected = wave.apply(4000 * 300_000, Expected { rate: 1.0, variance: 1e-4 });
        assert!((expected.rate - 1.0 - 0.3 * (4000.0_f64 / 90.0).sin()).abs() < 0.1, "{expected:?}");
    }
}
