//! Contextual bandits: choose one of K arms at a context, see that arm's reward, learn.

mod drift;
mod explore;
mod linear;

pub use drift::{Drift, DriftWatch};
pub use explore::{Exploration, best_of_normals};
pub use linear::{LinearBandit, LinearConfig, LinearState};

use rand_chacha::ChaCha8Rng;

/// What every bandit does, whatever it learns with.
///
/// Nothing is allocated by [`Self::choose`], [`Self::propensities`] and [`Self::learn`]; all chance comes from `draw`.
pub trait Bandit: std::fmt::Debug + Send {
    /// How many arms.
    fn arms(&self) -> usize;

    /// How many coordinates a context has.
    fn dimension(&self) -> usize;

    /// Chooses an arm.
    ///
    /// # Errors
    /// [`BanditError`] names what is wrong with the context.
    fn choose(&mut self, context: &[f64], draw: &mut ChaCha8Rng) -> Result<usize, BanditError>;

    /// The exact probability with which [`Self::choose`] takes each arm; they sum to 1.
    ///
    /// # Errors
    /// [`BanditError`] names what is wrong with the context or the length of `out`.
    fn propensities(&mut self, context: &[f64], out: &mut [f64]) -> Result<(), BanditError>;

    /// Learns what an arm brought. `weight` is 1 for an ordinary observation, more where others like it went unseen.
    ///
    /// # Errors
    /// [`BanditError`] names the context, arm, reward or weight that cannot be; nothing was learnt then.
    fn learn(&mut self, context: &[f64], arm: usize, reward: f64, weight: f64) -> Result<(), BanditError>;
}

/// What a bandit cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BanditError {
    /// A context of another length.
    #[error("the context has {got} values where this policy takes {expected}; use a policy of that dimension")]
    Dimension {
        /// What the policy takes.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// A value of the context is NaN or infinite.
    #[error("value {index} of the context is {value}; give a finite number")]
    NotANumber {
        /// Which, from 0.
        index: usize,
        /// What came.
        value: f64,
    },
    /// There is no such arm, or no arm at all.
    #[error("there is no arm {arm}; this policy has {arms} (from 0)")]
    UnknownArm {
        /// What was named.
        arm: usize,
        /// How many there are.
        arms: usize,
    },
    /// A list of another length than the arms.
    #[error("{got} values were given for {arms} arms; give one for each")]
    Arms {
        /// How many arms there are.
        arms: usize,
        /// What came.
        got: usize,
    },
    /// A reward that is no number or outside of what rewards are.
    #[error("the reward is {value}; it must be a number from {min} to {max}")]
    Reward {
        /// What came.
        value: f64,
        /// Smallest reward.
        min: f64,
        /// Largest reward.
        max: f64,
    },
    /// A weight that is no positive number.
    #[error("the weight of an observation is {value}; it must be above 0 and at most {max}")]
    Weight {
        /// What came.
        value: f64,
        /// Largest weight.
        max: f64,
    },
    /// A setting of a policy that cannot be.
    #[error("`{name}` is {value}; it must be {allowed}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What came.
        value: f64,
        /// What would do.
        allowed: &'static str,
    },
    /// A stored state that cannot be.
    #[error("the stored state is corrupt: `{part}` is {what}; reset the policy, or restore the row from a backup")]
    Corrupt {
        /// Which part.
        part: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// Checks a context.
///
/// # Errors
/// [`BanditError::Dimension`] or [`BanditError::NotANumber`].
#[inline]
pub(crate) fn check_context(context: &[f64], expected: usize) -> Result<(), BanditError> {
    if context.len() != expected {
        return Err(BanditError::Dimension { expected, got: context.len() });
    }
    match context.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(BanditError::NotANumber { index, value: context[index] }),
        None => Ok(()),
    }
}
