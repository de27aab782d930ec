//! How a bandit explores, and the exact probabilities that follow from it.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

/// How arms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Exploration {
    /// The largest mean + `alpha` · deviation. Li et al. (2010), "LinUCB".
    Ucb {
        /// How much a deviation is worth.
        alpha: f64,
    },
    /// The largest mean; exploration is left to the floor.
    Greedy,
    /// The largest draw from each arm's normal posterior, its deviation times `scale`. Agrawal, Goyal (2013). For arms with
    /// coefficients of their own, drawing the score is drawing the coefficients.
    Thompson {
        /// How much a deviation is worth.
        scale: f64,
    },
}

/// Points of the integration grid.
const POINTS: usize = 129;
/// Deviations looked at on either side.
const REACH: f64 = 8.0;

/// The probability that each of several independent normals is the largest. Equal point masses share.
///
/// Trapezoidal rule over the range that matters; the integrand is smooth and vanishes at both ends, so the rule converges faster than
/// any power of its step. The result is scaled to sum to 1.
///
/// `means`, `deviations` and `out` have one value for each arm.
pub fn best_of_normals(means: &[f64], deviations: &[f64], out: &mut [f64]) {
    let smallest = deviations.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= 0.0 || !smallest.is_finite() {
        share_largest(means, out);
        return;
    }
    for (arm, chance) in out.iter_mut().enumerate() {
        let (mean, deviation) = (means[arm], deviations[arm]);
        let step = 2.0 * REACH / (POINTS - 1) as f64;
        *chance = (0..POINTS)
            .map(|i| {
                let z = -REACH + step * i as f64;
                let at = mean + deviation * z;
                let others = means.iter().zip(deviations).enumerate().filter(|(other, _)| *other != arm);
                let below: f64 = others.map(|(_, (m, s))| normal_below((at - m) / s)).product();
                (-0.5 * z * z).exp() * below
            })
            .sum();
    }
    let total: f64 = out.iter().sum();
    if total > 0.0 && total.is_finite() {
        out.iter_mut().for_each(|p| *p /= total);
    } else {
        share_largest(means, out);
    }
}

/// All to the largest value; equals share.
pub(super) fn share_largest(scores: &[f64], out: &mut [f64]) {
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let equals = scores.iter().filter(|s| **s == best).count().max(1) as f64;
    for (p, s) in out.iter_mut().zip(scores) {
        *p = if *s == best { 1.0 / equals } else { 0.0 };
    }
}

fn normal_below(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_normals_have_the_known_probability() {
        let mut out = [0.0; 2];
        best_of_normals(&[0.3, 0.0], &[0.4, 0.3], &mut out);
        let want = normal_below(0.3 / 0.5);
        assert!((out[0] - want).abs() < 1e-9 && (out[0] + out[1] - 1.0).abs() < 1e-12, "{out:?} {want}");
    }

    #[test]
    fn equals_share_and_point_masses_are_certain() {
        let mut out = [0.0; 3];
        best_of_normals(&[0.1, 0.1, 0.1], &[0.2; 3], &mut out);
        assert!(out.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-12), "{out:?}");
        best_of_normals(&[0.1, 0.5, 0.5], &[0.0; 3], &mut out);
        assert_eq!(out, [0.0, 0.5, 0.5]);
    }
}
