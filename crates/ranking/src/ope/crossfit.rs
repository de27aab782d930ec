//! A reward model for every arm, fitted without the rounds it is asked about.

use crate::bandit::{BanditError, check_context};
use crate::linear::{RidgeBank, Standardiser};

/// Parts the log is cut into; each is predicted by what was fitted on the others.
const FOLDS: usize = 5;
/// λ of the ridge.
const RIDGE: f64 = 1.0;
/// Standard deviations beyond which a value says no more.
const CLIP: f64 = 10.0;

/// Predicted rewards of every arm for every round, from 0 to 1.
///
/// Contexts are scaled by the whole log (they are no outcome), and a constant is added. Rounds are dealt to the folds in turn.
///
/// # Errors
/// [`BanditError`] names the context, arm or reward that cannot be.
///
/// # Source
/// Chernozhukov et al. (2018), "Double/debiased machine learning", for cross-fitting.
pub fn cross_fitted(
    contexts: &[f64],
    dimension: usize,
    arms: usize,
    chosen: &[usize],
    rewards: &[f64],
) -> Result<Vec<f64>, BanditError> {
    let rounds = chosen.len();
    if contexts.len() != rounds * dimension || rewards.len() != rounds {
        return Err(BanditError::Dimension { expected: rounds * dimension, got: contexts.len() });
    }
    let scaled = scaled(contexts, dimension, rounds)?;
    let row = |i: usize| &scaled[i * (dimension + 1)..(i + 1) * (dimension + 1)];
    let mut predicted = vec![0.0; rounds * arms];
    let mut bank = RidgeBank::new(arms, dimension + 1, RIDGE, 1.0);
    let mut means = vec![0.0; bank.lanes()];
    for fold in 0..FOLDS {
        (0..arms).for_each(|arm| bank.forget(arm, 0.0));
        for i in (0..rounds).filter(|i| i % FOLDS != fold) {
            if chosen[i] >= arms {
                return Err(BanditError::UnknownArm { arm: chosen[i], arms });
            }
            bank.update(chosen[i], row(i), rewards[i], 1.0);
        }
        for i in (fold..rounds).step_by(FOLDS) {
            bank.means(row(i), &mut means);
            let out = predicted[i * arms..(i + 1) * arms].iter_mut();
            out.zip(&means).for_each(|(out, mean)| *out = mean.clamp(0.0, 1.0));
        }
    }
    Ok(predicted)
}

/// A constant, then each column with mean 0 and deviation 1.
fn scaled(contexts: &[f64], dimension: usize, rounds: usize) -> Result<Vec<f64>, BanditError> {
    check_context(contexts, rounds * dimension)?;
    let row = |i: usize| &contexts[i * dimension..(i + 1) * dimension];
    let mut scale = Standardiser::new(dimension, CLIP);
    let mut passing = vec![0.0; dimension];
    (0..rounds).for_each(|i| scale.observe(row(i), &mut passing));
    let mut out = vec![1.0; rounds * (dimension + 1)];
    for (i, out) in out.chunks_exact_mut(dimension + 1).enumerate() {
        scale.standardise(row(i), &mut out[1..]);
    }
    Ok(out)
}
