//! Makes scores comparable with what this metric itself did before.
//!
//! A model's score is only as good as the model: real metrics have heavier tails and memory. For each window and side the past
//! scores are kept as a histogram, and scores are divided by how much further its tail reaches than the normal's.

use serde::{Deserialize, Serialize};

/// Histogram bins per side, and their width.
const BINS: usize = 40;
const BIN_WIDTH: f64 = 0.25;
/// Tail levels compared with the normal: probability and its normal quantile.
const LEVELS: [(f64, f64); 5] = [(0.1, 1.2816), (0.03, 1.8808), (0.01, 2.3263), (0.003, 2.7478), (0.001, 3.0902)];
/// Independent windows that the prior is worth, and its scale.
const PRIOR: (f64, f64) = (25.0, 1.1);
/// Scales stay in this range: scores are never sharpened much, and no past makes a metric blind.
const SCALE: (f64, f64) = (0.8, 6.0);
/// Independent windows that must lie beyond a level before it is read.
const BEYOND_MIN: f64 = 3.0;

/// Past scores of every window, by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calibration {
    /// Window lengths in buckets.
    windows: Vec<usize>,
    /// `BINS` for down and `BINS` for up, per window.
    bins: Vec<f32>,
    totals: Vec<f32>,
    /// Down and up, per window.
    scales: Vec<[f32; 2]>,
}

impl Calibration {
    pub(crate) fn new(windows: &[usize]) -> Self {
        let n = windows.len();
        Self {
            windows: windows.to_vec(),
            bins: vec![0.0; n * 2 * BINS],
            totals: vec![0.0; n],
            scales: vec![[PRIOR.1 as f32; 2]; n],
        }
    }

    /// A score of window number `window`, in units of this metric's own past.
    pub(crate) fn calibrated(&self, window: usize, score: f64) -> f64 {
        score / f64::from(self.scales[window][usize::from(score > 0.0)])
    }

    /// How much wider than the model's the shortest window's band is.
    pub(crate) fn stretch(&self) -> f64 {
        f64::from(self.scales[0][0].max(self.scales[0][1]))
    }

    /// Remembers a score.
    pub(crate) fn learn(&mut self, window: usize, score: f64) {
        let side = (window * 2 + usize::from(score > 0.0)) * BINS;
        let bin = ((score.abs() / BIN_WIDTH) as usize).min(BINS - 1);
        self.bins[side + bin] += 1.0;
        self.totals[window] += 1.0;
    }

    /// Forgets by `keep` and brings the scales up to date. Called now and then, not for every bucket.
    pub(crate) fn refresh(&mut self, keep: f64) {
        self.bins.iter_mut().chain(&mut self.totals).for_each(|v| *v *= keep as f32);
        for window in 0..self.windows.len() {
            for side in 0..2 {
                self.scales[window][side] = self.scale(window, side) as f32;
            }
        }
    }

    fn scale(&self, window: usize, side: usize) -> f64 {
        let total = f64::from(self.totals[window]);
        // Overlapping windows repeat each other.
        let independent = total / (0.5 * self.windows[window] as f64).max(1.0);
        let bins = &self.bins[(window * 2 + side) * BINS..][..BINS];
        let widest = LEVELS
            .iter()
            .filter(|(q, _)| q * independent >= BEYOND_MIN)
            .map(|(q, z)| quantile(bins, q * total) / z)
            .fold(0.0, f64::max);
        ((widest * independent + PRIOR.0 * PRIOR.1) / (independent + PRIOR.0)).clamp(SCALE.0, SCALE.1)
    }
}

/// The score that `beyond` of the mass in `bins` exceeds.
fn quantile(bins: &[f32], beyond: f64) -> f64 {
    let mut above = 0.0;
    for (i, &mass) in bins.iter().enumerate().rev() {
        let mass = f64::from(mass);
        if above + mass >= beyond && mass > 0.0 {
            return BIN_WIDTH * (i as f64 + 1.0 - (beyond - above) / mass);
        }
        above += mass;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn trained(spread: f64) -> Calibration {
        let mut calibration = Calibration::new(&[1]);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for _ in 0..8000 {
            let z: f64 = rng.sample(rand_distr::StandardNormal);
            calibration.learn(0, z * if z > 0.0 { spread } else { 1.0 });
        }
        calibration.refresh(1.0);
        calibration
    }

    #[test]
    fn a_normal_past_changes_little_and_a_wide_side_is_narrowed() {
        assert!((trained(1.0).calibrated(0, 4.0) - 4.0).abs() < 0.4);
        let wide = trained(2.0);
        assert!((wide.calibrated(0, 4.0) - 2.0).abs() < 0.3, "{}", wide.calibrated(0, 4.0));
        assert!((wide.calibrated(0, -4.0) + 4.0).abs() < 0.4);
    }
}
