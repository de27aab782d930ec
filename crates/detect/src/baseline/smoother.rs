//! A circle of factors, each close to its neighbours and to 1: the time of day, the hours of the week.

use serde::{Deserialize, Serialize};

/// Four fifths of a normal's deviations are smaller than this.
const Z_80: f64 = 1.2816;
/// No season's factors vary by more than this.
const SPREAD_MAX: f64 = 0.5;

/// Deviations from 1 on a circle of slots, with their variances.
///
/// The prior is a stationary autoregression around the circle (variance `spread`, correlation `rho` between neighbours);
/// the posterior is exact up to the closing of the circle, by one filter each way.
///
/// # Source
/// Rauch, Tung and Striebel (1965) in its two-filter form (Fraser and Potter, 1969).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Circle {
    deviation: Vec<f32>,
    variance: Vec<f32>,
}

/// Evidence on one slot: precision, and precision × deviation.
pub(crate) type Evidence = (f64, f64);

impl Circle {
    pub(crate) fn new(slots: usize, spread: f64) -> Self {
        Self { deviation: vec![0.0; slots], variance: vec![spread as f32; slots] }
    }

    pub(crate) fn len(&self) -> usize {
        self.deviation.len()
    }

    pub(crate) fn factor(&self, slot: usize) -> f64 {
        1.0 + f64::from(self.deviation[slot])
    }

    /// Factor and variance at a place between slot centres: `position` in slots, 0.5 is the middle of the first.
    pub(crate) fn at(&self, position: f64) -> (f64, f64) {
        let shifted = position - 0.5;
        let low = shifted.floor();
        let part = shifted - low;
        let n = self.len() as i64;
        let i = (low as i64).rem_euclid(n) as usize;
        let j = (low as i64 + 1).rem_euclid(n) as usize;
        let mix = |v: &[f32]| f64::from(v[i]) * (1.0 - part) + f64::from(v[j]) * part;
        (1.0 + mix(&self.deviation), mix(&self.variance))
    }

    /// Replaces the factors by the posterior given `evidence` on each slot.
    pub(crate) fn update(&mut self, evidence: &[Evidence], spread: f64, rho: f64) {
        let n = self.len();
        let filter = |order: &mut dyn Iterator<Item = usize>| {
            let mut before = vec![(0.0, 0.0); n];
            let (mut mean, mut variance) = (0.0, spread);
            for slot in order {
                mean *= rho;
                variance = rho * rho * variance + spread * (1.0 - rho * rho);
                before[slot] = (mean, variance);
                let (precision, sum) = evidence[slot];
                let total = 1.0 / variance + precision;
                mean = (mean / variance + sum) / total;
                variance = 1.0 / total;
            }
            before
        };
        // Twice round, so that the circle has no beginning.
        let ahead = filter(&mut (0..n).chain(0..n));
        let back = filter(&mut (0..n).rev().chain((0..n).rev()));
        for slot in 0..n {
            let ((fm, fv), (bm, bv)) = (ahead[slot], back[slot]);
            let (precision, sum) = evidence[slot];
            // Both filters carry the prior once: take one back.
            let total = (1.0 / fv + 1.0 / bv - 1.0 / spread + precision).max(1.0 / spread);
            self.deviation[slot] = (((fm / fv + bm / bv + sum) / total).max(-0.95)) as f32;
            self.variance[slot] = (1.0 / total) as f32;
        }
    }

    /// Divides all factors so that their mean is 1; returns the mean.
    pub(crate) fn normalise(&mut self) -> f64 {
        let mean = 1.0 + self.deviation.iter().map(|&d| f64::from(d)).sum::<f64>() / self.len() as f64;
        for deviation in &mut self.deviation {
            *deviation = ((1.0 + f64::from(*deviation)) / mean - 1.0) as f32;
        }
        mean
    }
}

/// Where an instant lies on a circle of `slots`, in slots. Weeks start on Thursday, as the epoch did.
pub(crate) fn position(at_ms: i64, period_ms: i64, slots: usize) -> f64 {
    at_ms.rem_euclid(period_ms) as f64 * slots as f64 / period_ms as f64
}

/// The variance of a season's factors: the prior's, or what the evidence shows if that is more. Read off the 80 % quantile of
/// the raw deviations, which weekends reach and rare outliers do not.
pub(crate) fn spread(evidence: &[Evidence], prior: f64) -> f64 {
    let known = || evidence.iter().filter(|(precision, _)| *precision > 0.0);
    let mut sizes: Vec<f64> = known().map(|(precision, shifted)| (shifted / precision).abs()).collect();
    let mut noise: Vec<f64> = known().map(|(precision, _)| 1.0 / precision).collect();
    if sizes.len() < 10 {
        return prior;
    }
    sizes.sort_by(f64::total_cmp);
    noise.sort_by(f64::total_cmp);
    let (size, noise) = (sizes[sizes.len() * 4 / 5], noise[noise.len() / 2]);
    ((size / Z_80).powi(2) - noise).clamp(prior, SPREAD_MAX.max(prior))
}

/// Adds a cell's ratio to a slot. A relative variance is of the factor, so the precision of the factor itself is less by its
/// square.
pub(crate) fn add_evidence(evidence: &mut Evidence, ratio: f64, weight: f64, factor: f64) {
    let weight = weight / (factor * factor);
    evidence.0 += weight;
    evidence.1 += weight * (ratio - 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_evidence_it_stays_at_the_prior() {
        let mut circle = Circle::new(48, 0.1);
        circle.update(&[(0.0, 0.0); 48], 0.1, 0.9);
        assert_eq!(circle.factor(7), 1.0);
        assert!((circle.at(7.5).1 - 0.1).abs() < 1e-3);
    }

    #[test]
    fn evidence_spreads_to_neighbours_and_across_midnight() {
        let mut circle = Circle::new(48, 0.1);
        let mut evidence = [(0.0, 0.0); 48];
        evidence[0] = (1000.0, 500.0);
        circle.update(&evidence, 0.1, 0.9);
        assert!((circle.factor(0) - 1.5).abs() < 0.01);
        assert!((circle.factor(47) - circle.factor(1)).abs() < 1e-3 && circle.factor(1) > 1.4);
        assert!(circle.factor(24) < 1.1 && circle.at(24.5).1 > 0.09 && circle.at(0.5).1 < 0.002);
    }
}
