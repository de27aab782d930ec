//! What a policy that learns would have done, round by round, knowing only the rounds before.

use crate::backtest::Encoder;
use crate::bandit::{Bandit, BanditError, LinearBandit};
use crate::catalogue::PolicyId;

/// The probabilities of every arm for every round: the named algorithm starts with nothing, is asked, and then learns what the log says
/// came of the arm that was really chosen. Contexts are standardised without looking ahead.
///
/// `None` for a policy of fixed rules.
///
/// # Errors
/// [`BanditError`] names the context, arm or reward that cannot be.
pub fn progressive_propensities(
    policy: PolicyId,
    contexts: &[f64],
    dimension: usize,
    arms: usize,
    chosen: &[usize],
    rewards: &[f64],
) -> Option<Result<Vec<f64>, BanditError>> {
    let config = policy.config()?;
    let play = || {
        let mut encoder = Encoder::of(policy, dimension, 0);
        let mut bandit = LinearBandit::new(arms, encoder.dimension(), config)?;
        let mut all = vec![0.0; chosen.len() * arms];
        for (row, out) in all.chunks_exact_mut(arms).enumerate() {
            let context = encoder.encode(&contexts[row * dimension..(row + 1) * dimension]);
            bandit.propensities(context, out)?;
            bandit.learn(context, chosen[row], rewards[row], 1.0)?;
        }
        Ok(all)
    };
    Some(play())
}
