//! How much one bucket scatters around its expectation, beyond what its size explains.
//!
//! The relative variance of a bucket is `c · (a/size + φ)`:
//! count `c = 1, size = μ, a = 1` (negative binomial); ratio `c = (1−p)/p, size = n, a = 1` (beta-binomial with φ as
//! its intra-class correlation); duration `c = 1, size = n` with `a` (the samples' own scatter) estimated too.
//! φ comes from differences of neighbours, so neither the seasons nor a slow drift count as scatter.

use crate::config::Kind;
use serde::{Deserialize, Serialize};

/// Prior worth this many buckets.
const PRIOR_BUCKETS: f64 = 40.0;
/// A squared difference counts at most this many times its expectation, so that outliers do not widen the band …
const CLIP_MIN: f64 = 9.0;
/// … or more, until no more than this share of them is cut: what comes that often is the metric's nature.
const CUT_SHARE: f64 = 0.01;
/// How fast the cut moves.
const CUT_PACE: f64 = 0.1;

/// The scatter of one metric's buckets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Noise {
    kind: Kind,
    /// Forgetting factor per bucket.
    decay: f64,
    phi: f64,
    per_sample: f64,
    clip: f64,
    sums: Sums,
    previous: Option<(f64, f64)>,
}

/// Weighted sums for the regression of squared differences on 1/size.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    one: f64,
    u: f64,
    uu: f64,
    y: f64,
    uy: f64,
}

impl Noise {
    pub(crate) fn new(kind: Kind, half_life_buckets: f64) -> Self {
        let (phi, per_sample) = match kind {
            Kind::Count => (0.05, 1.0),
            Kind::Ratio => (0.002, 1.0),
            Kind::Duration => (0.01, 0.25),
        };
        Self {
            kind,
            decay: 0.5_f64.powf(1.0 / half_life_buckets),
            phi,
            per_sample,
            clip: CLIP_MIN,
            sums: Sums::default(),
            previous: None,
        }
    }

    fn c(&self, rate: f64) -> f64 {
        if self.kind == Kind::Ratio { ((1.0 - rate) / rate).max(1e-6) } else { 1.0 }
    }

    fn inverse_size(&self, rate: f64, exposure: f64) -> f64 {
        let size = if self.kind == Kind::Count { rate * exposure } else { exposure };
        1.0 / size.max(1e-9)
    }

    /// Relative variance of the mean over `buckets` buckets of rate `rate` and `exposure` in all.
    pub(crate) fn relative_variance(&self, rate: f64, exposure: f64, buckets: f64) -> f64 {
        self.c(rate) * (self.per_sample * self.inverse_size(rate, exposure) + self.phi / buckets.max(1.0))
    }

    /// Takes in a bucket: `observed` and `rate` per unit of exposure.
    pub(crate) fn learn(&mut self, observed: f64, rate: f64, exposure: f64) {
        let deviation = observed / rate - 1.0;
        let u = self.inverse_size(rate, exposure);
        if let Some((last, last_u)) = self.previous.replace((deviation, u)) {
            self.add(0.5 * (deviation - last).powi(2) / self.c(rate), 0.5 * (u + last_u));
        }
    }

    /// Forgets the last bucket, so that no difference spans a gap.
    pub(crate) fn skip(&mut self) {
        self.previous = None;
    }

    fn add(&mut self, y: f64, u: f64) {
        let predicted = self.per_sample * u + self.phi;
        let cut = self.clip * predicted;
        let pull = f64::from(u8::from(y > cut)) - CUT_SHARE;
        self.clip = (self.clip * (CUT_PACE * pull).exp()).clamp(CLIP_MIN, 1e4);
        let y = y.min(cut);
        let weight = predicted.powi(-2).min(1e12);
        let s = &mut self.sums;
        for (sum, term) in [(&mut s.one, 1.0), (&mut s.u, u), (&mut s.uu, u * u), (&mut s.y, y), (&mut s.uy, u * y)] {
            *sum = *sum * self.decay + weight * term;
        }
        self.solve(weight);
    }

    fn solve(&mut self, weight: f64) {
        let s = &self.sums;
        let prior = PRIOR_BUCKETS * weight;
        let (phi0, a0) = if self.kind == Kind::Ratio { (0.002, 1.0) } else { (0.02, 0.25) };
        if self.kind == Kind::Duration {
            // Two unknowns; the prior keeps the split sane when every bucket has the same size.
            let (one, u) = (s.one + prior, s.u);
            let uu = s.uu + prior * 1e-2;
            let (y, uy) = (s.y + prior * phi0, s.uy + prior * 1e-2 * a0);
            let det = one * uu - u * u;
            let (mut phi, mut a) = ((y * uu - uy * u) / det, (one * uy - u * y) / det);
            if a < 0.0 {
                (phi, a) = (y / one, 0.0);
            } else if phi < 0.0 {
                (phi, a) = (0.0, uy / uu);
            }
            self.phi = phi.clamp(1e-8, 10.0);
            self.per_sample = a.clamp(0.0, 100.0);
        } else {
            self.phi = ((s.y - s.u + prior * phi0) / (s.one + prior)).clamp(1e-6, 20.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_alternation_of_forty_per_cent_is_learnt() {
        let mut noise = Noise::new(Kind::Count, 2000.0);
        for i in 0..4000 {
            noise.learn(if i % 2 == 0 { 700.0 } else { 1300.0 }, 1000.0, 1.0);
        }
        assert!((noise.phi - 0.18).abs() < 0.02, "{}", noise.phi);
    }

    #[test]
    fn what_comes_in_bursts_is_wide_not_full_of_outliers() {
        let mut noise = Noise::new(Kind::Duration, 2000.0);
        for i in 0..8000 {
            noise.learn(if i % 25 == 0 { 2000.0 } else { 20.0 }, 100.0, 1.0);
        }
        assert!(noise.relative_variance(100.0, 1.0, 1.0) > 2.0, "{}", noise.relative_variance(100.0, 1.0, 1.0));
    }

    #[test]
    fn outliers_hardly_widen_it() {
        let mut noise = Noise::new(Kind::Duration, 2000.0);
        for i in 0..4000 {
            let usual = if i % 2 == 0 { 95.0 } else { 105.0 };
            noise.learn(if i % 200 == 0 { 2000.0 } else { usual }, 100.0, 50.0);
        }
        assert!(noise.relative_variance(100.0, 50.0, 1.0) < 0.02, "{}", noise.relative_variance(100.0, 50.0, 1.0));
    }
}
