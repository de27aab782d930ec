//! One decision: the rules that bind every policy, then the policy, then the draw.

use crate::RankError;
use crate::catalogue::PolicyId;
use crate::context::InterruptContext;
use crate::features::{FEATURES_VERSION, Features};
use crate::policy::InterruptPolicy;
use crate::reason::Reason;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wakeman_types::{Choice, Interruption, Severity};

/// The arms, in the order of all propensities.
const ARMS: [Interruption; 3] = [Interruption::Now, Interruption::Digest, Interruption::Silent];

/// A decision with all that is needed to replay it and to evaluate other policies on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What was chosen.
    pub arm: Interruption,
    /// The exact probability of every arm; they sum to 1.
    pub propensities: Vec<Choice>,
    /// True when chance, not the policy's preference, made the choice differ.
    pub explored: bool,
    /// True when a rule above the policy left no choice: such decisions stay out of off-policy estimates.
    pub forced: bool,
    /// Who decided.
    pub policy: PolicyId,
    /// Version of the feature registry.
    pub features_version: u32,
    /// What it saw, by name, in the registry's order.
    pub features: Vec<(String, f64)>,
    /// The seed of the draw.
    pub seed: u64,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    /// The probability the chosen arm had.
    pub fn propensity(&self) -> f64 {
        self.propensities.iter().find(|choice| choice.arm == self.arm).map_or(0.0, |choice| choice.propensity)
    }
}

/// Decides about one finding. Same arguments, same decision.
///
/// Critical findings interrupt whatever the policy; otherwise quiet hours and an exhausted alarm budget put it in the digest.
/// Both are forced: propensity 1, no exploration. All else is the policy's, drawn from its exact propensities with `seed`.
///
/// # Errors
/// [`RankError`] names the feature that is no number or out of range, or the policy whose propensities are no distribution.
pub fn decide(policy: &dyn InterruptPolicy, context: &InterruptContext, seed: u64) -> Result<Decision, RankError> {
    let features = context.features()?;
    let made = |arm, propensities: [f64; 3], explored, forced, reason| Decision {
        arm,
        propensities: ARMS.into_iter().zip(propensities).map(|(arm, propensity)| Choice { arm, propensity }).collect(),
        explored,
        forced,
        policy: policy.id(),
        features_version: FEATURES_VERSION,
        features: features.named(),
        seed,
        reason,
    };
    if let Some((arm, reason)) = binding_rule(context) {
        let certain = ARMS.map(|a| if a == arm { 1.0 } else { 0.0 });
        return Ok(made(arm, certain, false, true, reason));
    }
    let opinion = policy.opinion(context, &features);
    let propensities = checked(policy.id(), opinion.propensities)?;
    let arm = draw(propensities, seed);
    let explored = arm != opinion.preferred;
    let reason = if explored { Reason::Exploring } else { opinion.reason };
    Ok(made(arm, propensities, explored, false, reason))
}

/// What holds under every policy and during exploration.
fn binding_rule(context: &InterruptContext) -> Option<(Interruption, Reason)> {
    if context.severity == Severity::Critical {
        Some((Interruption::Now, Reason::Critical))
    } else if context.quiet_hours {
        Some((Interruption::Digest, Reason::QuietHours))
    } else if context.alarm_budget_left <= 0.0 {
        Some((Interruption::Digest, Reason::BudgetSpent))
    } else {
        None
    }
}

/// The propensities, if they are a distribution.
///
/// # Errors
/// [`RankError::NoDistribution`] names the policy.
pub fn checked(policy: PolicyId, propensities: [f64; 3]) -> Result<[f64; 3], RankError> {
    let sound =
        propensities.iter().all(|p| (0.0..=1.0).contains(p)) && (propensities.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    if sound { Ok(propensities) } else { Err(RankError::NoDistribution { policy, propensities }) }
}

fn draw(propensities: [f64; 3], seed: u64) -> Interruption {
    let at: f64 = ChaCha8Rng::seed_from_u64(seed).random();
    let mut below = 0.0;
    for (arm, propensity) in ARMS.into_iter().zip(propensities) {
        below += propensity;
        if at < below {
            return arm;
        }
    }
    // Rounding can leave the sum a hair under 1: the last arm that is possible at all.
    let last = ARMS.into_iter().zip(propensities).rev().find(|(_, p)| *p > 0.0);
    last.map_or(Interruption::Digest, |(arm, _)| arm)
}

/// Orders the lines of a digest: the higher, the further up. Severity first, then size, sureness and newness.
pub fn digest_score(features: &Features) -> f64 {
    let get = |name| features.get(name).unwrap_or(0.0);
    let sure = -get("p_value").max(1e-12).log10() / 12.0;
    let fresh = 1.0 / (1.0 + get("age_minutes") / 360.0);
    let told = 1.0 / (1.0 + get("duplicates"));
    10.0 * get("severity")
        + get("effect_size").min(3.0)
        + sure
        + fresh
        + told
        + get("past_useful_rate")
        + get("cause_confidence")
}
