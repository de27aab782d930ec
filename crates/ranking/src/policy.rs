//! What every policy is.

use crate::catalogue::PolicyId;
use crate::context::InterruptContext;
use crate::features::Features;
use crate::reason::Reason;
use wakeman_types::Interruption;

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
