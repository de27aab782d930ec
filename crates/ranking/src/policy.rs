//! What every policy is.

use crate::context::InterruptContext;
use crate::features::Features;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use wakeman_types::Interruption;

/// The policies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PolicyId {
    /// The fixed rules of [`crate::RuleV1`].
    #[serde(rename = "rule-v1")]
    RuleV1,
}

impl PolicyId {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::RuleV1];

    /// Its name in settings, logs and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RuleV1 => "rule-v1",
        }
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A policy name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an interrupt policy; there is rule-v1")]
pub struct UnknownPolicy(String);

impl FromStr for PolicyId {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|id| id.as_str() == name).ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

/// What a policy would do with a finding that no safety rule decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Its choice before exploration.
    pub preferred: Interruption,
    /// The exact probability of each arm, exploration included: now, digest, silent.
    pub propensities: [f64; 3],
    /// Why it prefers what it prefers.
    pub reason: Reason,
}

/// Decides whether a finding interrupts now, waits for the digest, or stays silent.
///
/// A policy sees only findings that are open to choice: [`crate::decide`] applies what binds all of them first.
pub trait InterruptPolicy: Send + Sync {
    /// Which one it is.
    fn id(&self) -> PolicyId;

    /// Its opinion. A pure function of what it was built from and of its arguments.
    fn opinion(&self, context: &InterruptContext, features: &Features) -> Opinion;
}
