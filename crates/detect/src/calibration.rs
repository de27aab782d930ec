//! Makes scores comparable with what this metric itself did before.
//!
//! A model's score is only as good as the model: real metrics have heavier tails and memory. For each window and side the past
//! scores are kept as a histogram. A new score is divided by how much further that tail reaches than the normal's, and beyond
//! what was ever common it is bent by how fast the tail falls off.

use serde::{Deserialize, Serialize};

/// Even bins up to [`EVEN_TO`], then bins that grow by [`GROWTH`].
const EVEN_BINS: usize = 24;
const GROWING_BINS: usize = 20;
const BINS: usize = EVEN_BINS + GROWING_BINS;
const BIN_WIDTH: f64 = 0.25;
const EVEN_TO: f64 = BIN_WIDTH * EVEN_BINS as f64;
const GROWTH: f64 = 1.1;
/// Tail levels compared with the normal: probability and its normal quantile.
const LEVELS: [(f64, f64); 5] = [(0.1, 1.2816), (0.03, 1.8808), (0.01, 2.3263), (0.003, 2.7478), (0.001, 3.0902)];
/// The level whose quantile, with the furthest readable one, tells how fast the tail falls.
const NEAR: usize = 1;
/// Independent windows that the prior is worth, and its scale.
const PRIOR: (f64, f64) = (25.0, 1.1);
/// Windows beyond the near level that the prior of a normal fall-off is worth.
const FALL_PRIOR: f64 = 15.0;
/// Scales stay in this range: scores are never sharpened much, and no past makes a metric blind.
const SCALE: (f64, f64) = (0.8, 12.0);
/// The slowest fall-off believed.
const FALL_MIN: f64 = 0.3;
/// Independent windows that must lie beyond a level before it is read.
const BEYOND_MIN: f64 = 3.0;

/// How one side of one window's scores turns into normal ones.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Tail {
    scale: f32,
    /// From this score on, whose normal score is `knee_normal`, the fall-off counts.
    knee: f32,
    knee_normal: f32,
    /// 1 for a normal's fall-off, less for a slower one.
    fall: f32,
}

impl Tail {
    const PRIOR: Self = Self { scale: PRIOR.1 as f32, knee: f32::MAX, knee_normal: 0.0, fall: 1.0 };

    fn normal(&self, size: f64) -> f64 {
        let scaled = size / f64::from(self.scale);
        let over = size / f64::from(self.knee);
        if over > 1.0 { scaled.min(f64::from(self.knee_normal) * over.powf(f64::from(self.fall))) } else { scaled }
    }
}

/// Past scores of every window, by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calibration {
    /// Window lengths in buckets.
    windows: Vec<usize>,
    /// `BINS` for down and `BINS` for up, per window.
    bins: Vec<f32>,
    totals: Vec<f32>,
    /// Down and up, per window.
    tails: Vec<[Tail; 2]>,
}

impl Calibration {
    pub(crate) fn new(windows: &[usize]) -> Self {
        let n = windows.len();
        Self {
            windows: windows.to_vec(),
            bins: vec![0.0; n * 2 * BINS],
            totals: vec![0.0; n],
            tails: vec![[Tail::PRIOR; 2]; n],
        }
    }

    /// A score of window number `window` as the normal score it is worth by this metric's own past.
    pub(crate) fn calibrated(&self, window: usize, score: f64) -> f64 {
        self.tails[window][usize::from(score > 0.0)].normal(score.abs()).copysign(score)
    }

    /// How much wider than the model's the shortest window's band is.
    pub(crate) fn stretch(&self) -> f64 {
        f64::from(self.tails[0][0].scale.max(self.tails[0][1].scale))
    }

    /// Remembers a score.
    pub(crate) fn learn(&mut self, window: usize, score: f64) {
        let side = (window * 2 + usize::from(score > 0.0)) * BINS;
        self.bins[side + bin_of(score.abs())] += 1.0;
        self.totals[window] += 1.0;
    }

    /// Forgets by `keep` and brings the tails up to date. Called now and then, not for every bucket.
    pub(crate) fn refresh(&mut self, keep: f64) {
        self.bins.iter_mut().chain(&mut self.totals).for_each(|v| *v *= keep as f32);
        for window in 0..self.windows.len() {
            for side in 0..2 {
                self.tails[window][side] = self.tail(window, side);
            }
        }
    }

    fn tail(&self, window: usize, side: usize) -> Tail {
        let total = f64::from(self.totals[window]);
        // Overlapping windows repeat each other.
        let independent = total / (0.5 * self.windows[window] as f64).max(1.0);
        let bins = &self.bins[(window * 2 + side) * BINS..][..BINS];
        let readable = LEVELS.iter().take_while(|(q, _)| q * independent >= BEYOND_MIN).count();
        let mut quantiles = [0.0; LEVELS.len()];
        for (quantile, (q, _)) in quantiles.iter_mut().zip(LEVELS).take(readable) {
            *quantile = quantile_beyond(bins, q * total);
        }
        let widest = (0..readable).map(|i| quantiles[i] / LEVELS[i].1).fold(0.0, f64::max);
        let scale = (widest * independent + PRIOR.0 * PRIOR.1) / (independent + PRIOR.0);
        let mut tail = Tail { scale: scale.clamp(SCALE.0, SCALE.1) as f32, ..Tail::PRIOR };
        let far = readable.saturating_sub(1);
        if far > NEAR && quantiles[far] > 1.02 * quantiles[NEAR] && quantiles[NEAR] > 0.0 {
            let fall = (LEVELS[far].1 / LEVELS[NEAR].1).ln() / (quantiles[far] / quantiles[NEAR]).ln();
            let beyond = LEVELS[NEAR].0 * independent;
            let fall = 1.0 - (1.0 - fall.clamp(FALL_MIN, 1.0)) * beyond / (beyond + FALL_PRIOR);
            tail.knee = quantiles[far].max(0.5) as f32;
            tail.knee_normal = (quantiles[far] / f64::from(tail.scale)).min(LEVELS[far].1) as f32;
            tail.fall = fall as f32;
        }
        tail
    }
}

fn bin_of(size: f64) -> usize {
    if size < EVEN_TO {
        return (size / BIN_WIDTH) as usize;
    }
    (EVEN_BINS + ((size / EVEN_TO).ln() / GROWTH.ln()) as usize).min(BINS - 1)
}

fn bin_start(bin: usize) -> f64 {
    if bin <= EVEN_BINS { BIN_WIDTH * bin as f64 } else { EVEN_TO * GROWTH.powi((bin - EVEN_BINS) as i32) }
}

/// The score that `beyond` of the mass in `bins` exceeds.
fn quantile_beyond(bins: &[f32], beyond: f64) -> f64 {
    let mut above = 0.0;
    for (i, &mass) in bins.iter().enumerate().rev() {
        let mass = f64::from(mass);
        if above + mass >= beyond && mass > 0.0 {
            let (low, high) = (bin_start(i), bin_start(i + 1));
            return high - (high - low) * (beyond - above) / mass;
        }
        above += mass;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tails::normal_tail;
    use rand::{Rng, SeedableRng};

    fn trained(draw: impl Fn(&mut rand_chacha::ChaCha8Rng) -> f64) -> Calibration {
        let mut calibration = Calibration::new(&[1]);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for _ in 0..8000 {
            let z = draw(&mut rng);
            calibration.learn(0, z);
        }
        calibration.refresh(1.0);
        calibration
    }

    fn normal(rng: &mut rand_chacha::ChaCha8Rng) -> f64 {
        rng.sample(rand_distr::StandardNormal)
    }

    #[test]
    fn a_normal_past_changes_little_and_a_wide_side_is_narrowed() {
        assert!((trained(normal).calibrated(0, 4.5) - 4.5).abs() < 0.5);
        let wide = trained(|rng| normal(rng) * 1.5 + 0.5 * normal(rng).max(0.0));
        assert!(wide.calibrated(0, 4.5) < 3.2, "{}", wide.calibrated(0, 4.5));
    }

    #[test]
    fn an_exponential_tail_is_seen_as_one() {
        let past =
            trained(|rng| rng.sample::<f64, _>(rand_distr::Exp1) * if rng.random::<bool>() { 1.0 } else { -1.0 });
        for size in [8.0_f64, 10.0, 12.0] {
            let (believed, truth) = (normal_tail(past.calibrated(0, size)), 0.5 * (-size).exp());
            assert!((believed / truth).ln().abs() < 2.0, "{size}: {believed:e} for {truth:e}");
        }
    }

    #[test]
    fn bins_meet() {
        for bin in 0..BINS {
            assert_eq!(bin_of(bin_start(bin) + 1e-6), bin);
        }
        assert_eq!(bin_of(37.0), BINS - 1);
    }
}
