//! What deserves an interruption. Pure functions of their input and a seed.
//!
//! Owns: the feature registry, the policies, and the safety rules that bind every one of them ([`decide`]).
//! Must not: do I/O, read a clock, or draw from anything but the given seed.
//! Start at [`decide`]; a new policy implements [`InterruptPolicy`].
#![warn(missing_docs)]

pub mod backtest;
pub mod bandit;
mod catalogue;
mod context;
mod decide;
mod features;
pub mod linear;
mod lints_v1;
pub mod ope;
pub mod operators;
mod policy;
pub mod promotion;
mod reason;
mod response;
pub mod reward;
mod rule_v1;
pub mod tip;

pub use catalogue::{PolicyCard, PolicyId, Problem, Role, UnknownPolicy};
pub use context::{InterruptContext, SourceKind, effect_size};
pub use decide::{Decision, checked, decide, digest_score};
pub use features::{Dtype, FEATURES_VERSION, FeatureSpec, Features, REGISTRY};
pub use lints_v1::{LintsState, LintsV1, encoded};
pub use policy::{InterruptPolicy, Opinion};
pub use reason::Reason;
pub use response::{ResponseModel, ResponseState};
pub use rule_v1::RuleV1;

/// A context no policy can judge.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RankError {
    /// A feature is NaN or infinite.
    #[error("feature `{name}` is {value}; leave the finding to rule-v1's defaults or give a number")]
    NotANumber {
        /// The feature.
        name: &'static str,
        /// What came.
        value: f64,
    },
    /// A feature lies outside what the registry declares.
    #[error("feature `{name}` is {value}; the registry allows {min} to {max}")]
    OutOfRange {
        /// The feature.
        name: &'static str,
        /// What came.
        value: f64,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// A policy returned something that is no distribution over the arms.
    #[error("policy {policy} gave propensities that are no distribution ({propensities:?}); fall back to rule-v1")]
    NoDistribution {
        /// The policy.
        policy: PolicyId,
        /// Now, digest, silent.
        propensities: [f64; 3],
    },
}
