//! The estimators, as the mean of one number per round.

use super::log::LoggedRounds;

/// What stands in for the reward the target policy would have had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// The reward model alone.
    Direct,
    /// Rewards weighted by importance, each weight at most `clip` (infinite: never clipped). Horvitz, Thompson (1952).
    Ips {
        /// Largest weight.
        clip: f64,
    },
    /// The same divided by the mean weight. Swaminathan, Joachims (2015).
    Snips,
    /// The reward model, and its weighted errors. Dudík et al. (2014).
    DoublyRobust {
        /// Largest weight.
        clip: f64,
    },
    /// The same divided by the mean weight.
    SelfNormalisedDoublyRobust,
    /// Doubly robust where the weight is at most λ, the model elsewhere. Wang, Agarwal, Dudík (2017).
    SwitchDr {
        /// λ.
        lambda: f64,
    },
    /// Doubly robust with weights shrunk to λw / (w² + λ): not at all where λ is infinite. Su et al. (2020).
    DrOs {
        /// λ.
        lambda: f64,
    },
    /// Doubly robust with weights w / (1 − λ + λw). Metelli, Russo, Restelli (2021).
    SubGaussianDr {
        /// λ, from 0 to 1.
        lambda: f64,
    },
}

/// One number per round, whose mean is the estimate. `model` has a prediction for each arm of each round.
pub fn rounds(estimator: Estimator, log: &LoggedRounds, model: &[f64]) -> Vec<f64> {
    let weights = log.weights();
    let mean_weight = weights.iter().sum::<f64>() / weights.len() as f64;
    let arms = log.arms();
    let one = |row: usize| {
        let (reward, w) = (log.rewards()[row], weight(estimator, weights[row], mean_weight));
        if matches!(estimator, Estimator::Ips { .. } | Estimator::Snips) {
            return w * reward;
        }
        let predicted = &model[row * arms..(row + 1) * arms];
        let direct: f64 = log.target(row).iter().zip(predicted).map(|(p, q)| p * q).sum();
        direct + w * (reward - predicted[log.chosen()[row]])
    };
    (0..log.rounds()).map(one).collect()
}

/// What an estimator makes of an importance weight.
fn weight(estimator: Estimator, w: f64, mean_weight: f64) -> f64 {
    match estimator {
        Estimator::Direct => 0.0,
        Estimator::Ips { clip } | Estimator::DoublyRobust { clip } => w.min(clip),
        Estimator::Snips | Estimator::SelfNormalisedDoublyRobust if mean_weight > 0.0 => w / mean_weight,
        Estimator::Snips | Estimator::SelfNormalisedDoublyRobust => 0.0,
        Estimator::SwitchDr { lambda } if w > lambda => 0.0,
        Estimator::SwitchDr { .. } => w,
        Estimator::DrOs { lambda } => shrunk(w, lambda),
        Estimator::SubGaussianDr { lambda } => w / (1.0 - lambda + lambda * w),
    }
}

fn shrunk(w: f64, lambda: f64) -> f64 {
    // Divided by λ, so that no λ is too large. At zero everything is shrunk away.
    if lambda > 0.0 { w / (1.0 + w / lambda * w) } else { 0.0 }
}

/// The estimated mean reward of the target policy.
pub fn estimate(estimator: Estimator, log: &LoggedRounds, model: &[f64]) -> f64 {
    mean(&rounds(estimator, log, model))
}

/// How many rounds of the target's own the log is worth: (Σw)² / Σw². Kish (1965).
pub fn effective_sample_size(log: &LoggedRounds) -> f64 {
    let weights = log.weights();
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
