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

/// Steps of the integration grid where all deviations are alike, and at most.
const STEPS: f64 = 128.0;
const STEPS_MAX: f64 = 4096.0;
/// Deviations looked at on either side.
const REACH: f64 = 8.0;

/// The probability that each of several independent normals is the largest. Equal point masses share.
///
/// Of two, in closed form. Of more, by the trapezoidal rule over the range that matters; the integrand is smooth and vanishes at both ends,
/// so the rule converges faster than any power of its step, once that is finer than the narrowest normal. The result is scaled to sum to 1.
///
/// `means`, `deviations` and `out` have one value for each arm.
pub fn best_of_normals(means: &[f64], deviations: &[f64], out: &mut [f64]) {
    let smallest = deviations.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= 0.0 || !smallest.is_finite() {
        share_largest(means, out);
        return;
    }
    if let ([a, b], [of_a, of_b], [first, second]) = (means, deviations, &mut *out) {
        let apart = (a - b) / of_a.hypot(*of_b);
        (*first, *second) = (normal_below(apart), normal_below(-apart));
        return;
    }
    for (arm, chance) in out.iter_mut().enumerate() {
        let (mean, deviation) = (means[arm], deviations[arm]);
        // A step of the narrowest one's own deviation, or less.
        let steps = (2.0 * REACH * deviation / smallest).clamp(STEPS, STEPS_MAX).ceil();
        let step = 2.0 * REACH / steps;
        let sum: f64 = (0..=steps as u32)
            .map(|i| {
                let z = -REACH + step * f64::from(i);
                let at = mean + deviation * z;
                let others = means.iter().zip(deviations).enumerate().filter(|(other, _)| *other != arm);
                let below: f64 = others.map(|(_, (m, s))| normal_below((at - m) / s)).product();
                (-0.5 * z * z).exp() * below
            })
            .sum();
        *chance = sum * step;
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
    fn deviations_of_any_ratio_are_told_apart() {
        for ratio in [1.0, 10.0, 100.0, 1e4] {
            // The third is so far below that it never wins.
            let (mut three, mut two) = ([0.0; 3], [0.0; 2]);
            let (means, deviations) = ([0.03, 0.0, -1e3], [0.1, 0.1 * ratio, 0.1]);
            best_of_normals(&means, &deviations, &mut three);
            best_of_normals(&means[..2], &deviations[..2], &mut two);
            let want = normal_below(0.03 / deviations[0].hypot(deviations[1]));
            let near = |got: f64| (got - want).abs() < 1e-3 && (ratio > 100.0 || (got - want).abs() < 1e-5);
            assert!(near(three[0]) && (two[0] - want).abs() < 1e-12, "{ratio}: {three:?} {two:?} {want}");
            assert!((two[0] + two[1] - 1.0).abs() < 1e-12);
        }
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
