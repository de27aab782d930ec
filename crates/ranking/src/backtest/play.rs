//! A policy plays a table: choose, see that arm's reward alone, learn.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{encoder::Encoder, table::RewardTable};
use crate::bandit::{Bandit, BanditError, LinearBandit};
use crate::catalogue::PolicyId;

/// Stretches of equal length that the report shows the reward of.
const STRETCHES: usize = 20;

/// How a policy did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// Which.
    pub policy: PolicyId,
    /// Orders the rows and draws what the policy draws.
    pub seed: u64,
    /// Rows played.
    pub rows: usize,
    /// How many arms there were.
    pub arms: usize,
    /// Coordinates of a context.
    pub dimension: usize,
    /// Average reward over all rows, the first ones included.
    pub mean_reward: f64,
    /// What the best single arm would have brought.
    pub best_constant_reward: f64,
    /// Average reward of up to twenty stretches of the way, in order.
    pub stretches: Vec<f64>,
    /// How often the policy believed that the world had changed.
    pub changes_detected: u64,
}

/// Why a policy cannot play a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// A policy of fixed rules about findings.
    #[error("{0} judges findings by fixed rules and cannot play a file; take one that learns, like linucb-v1")]
    NotPlayable(PolicyId),
    /// The policy refused a context or reward.
    #[error("row {row} of the order played")]
    Bandit {
        /// Which, from 0.
        row: usize,
        /// Why.
        #[source]
        source: BanditError,
    },
}

/// Plays the named algorithm at the table's dimension, in an order drawn by `seed`. Same arguments, same result.
///
/// # Errors
/// [`ReplayError::NotPlayable`] for fixed rules.
pub fn play(table: &RewardTable, policy: PolicyId, seed: u64) -> Result<Replay, ReplayError> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..table.rows()).collect();
    order.shuffle(&mut draw);
    let (mut encoder, mut bandit) = player(table, policy, seed)?;
    let mut brought = Vec::with_capacity(order.len());
    for (at, &row) in order.iter().enumerate() {
        let step = |source| ReplayError::Bandit { row: at, source };
        let context = encoder.encode(table.context(row));
        let arm = bandit.choose(context, &mut draw).map_err(step)?;
        let reward = table.rewards(row)[arm];
        bandit.learn(context, arm, reward, 1.0).map_err(step)?;
        brought.push(reward);
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    Ok(Replay {
        policy,
        seed,
        rows: table.rows(),
        arms: table.arms.len(),
        dimension: table.dimension(),
        mean_reward: mean(&brought),
        best_constant_reward: table.best_constant().1,
        stretches: brought.chunks(brought.len().div_ceil(STRETCHES)).map(mean).collect(),
        changes_detected: bandit.alarms(),
    })
}

/// The named algorithm, at the table's dimension.
fn player(table: &RewardTable, policy: PolicyId, seed: u64) -> Result<(Encoder, LinearBandit), ReplayError> {
    let config = policy.config().ok_or(ReplayError::NotPlayable(policy))?;
    let encoder = Encoder::of(policy, table.dimension(), seed);
    let bandit = LinearBandit::new(table.arms.len(), encoder.dimension(), config);
    Ok((encoder, bandit.map_err(|source| ReplayError::Bandit { row: 0, source })?))
}
