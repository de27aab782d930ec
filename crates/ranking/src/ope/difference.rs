//! Is the shadow better than the active policy? A bound on the difference of their values that holds whenever it is looked at.

use serde::{Deserialize, Serialize};

use super::log::{LogError, LoggedRounds};
use super::sequence::{BettingSequence, Bound};

/// Coverage of the difference's bound is 1 − this.
pub const ALPHA: f64 = 0.05;

/// What is known of V(shadow) − V(active).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DifferenceBound {
    /// The mean of the rounds.
    pub estimate: f64,
    /// An interval that holds at all times at once with probability 95 %.
    pub bound: Bound,
    /// Rounds it stands on.
    pub rounds: u64,
}

/// One number per round whose mean is the doubly robust estimate of V(target) − V(active), the target's weights clipped at `clip`.
///
/// `active` has the logging policy's probability of every arm, `model` a reward prediction from 0 to 1 of every arm. Each number lies
/// within ±(1 + max(1, `clip` − 1)). The weights of the active policy are 1, so only the target's are clipped: where it would do what
/// was seldom tried, the model speaks. The model must not know the round it is asked about ([`super::cross_fitted`]).
///
/// # Errors
/// [`LogError`] names what cannot be.
pub fn clipped_difference(log: &LoggedRounds, active: &[f64], model: &[f64], clip: f64) -> Result<Vec<f64>, LogError> {
    log.check_model(model)?;
    if !(clip.is_finite() && clip >= 1.0) {
        return Err(LogError::Parameter { name: "clip", value: clip, allowed: "a number from 1" });
    }
    if let Some(at) = model.iter().position(|q| !(0.0..=1.0).contains(q)) {
        return Err(LogError::Model { row: at / log.arms(), value: model[at] });
    }
    if active.len() != model.len() {
        return Err(LogError::Length { name: "active", expected: model.len(), got: active.len() });
    }
    let arms = log.arms();
    let weights = log.weights();
    let one = |row: usize| {
        let (q, p) = (&model[row * arms..(row + 1) * arms], &active[row * arms..(row + 1) * arms]);
        let shift: f64 = log.target(row).iter().zip(p).zip(q).map(|((t, a), q)| (t - a) * q).sum();
        shift + (weights[row].min(clip) - 1.0) * (log.rewards()[row] - q[log.chosen()[row]])
    };
    Ok((0..log.rounds()).map(one).collect())
}

/// The bound that follows from such numbers, all of the same `clip`.
pub fn difference_bound(differences: &[f64], clip: f64) -> DifferenceBound {
    let reach = 1.0 + (clip - 1.0).max(1.0);
    let mut sequence = BettingSequence::new(ALPHA);
    differences.iter().for_each(|d| sequence.observe((d / reach + 1.0) / 2.0));
    let back = |m: f64| (2.0 * m - 1.0) * reach;
    let Bound { lower, upper } = sequence.bound();
    DifferenceBound {
        estimate: differences.iter().sum::<f64>() / differences.len().max(1) as f64,
        bound: Bound { lower: back(lower), upper: back(upper) },
        rounds: sequence.seen(),
    }
}
