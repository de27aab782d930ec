//! `rule-v1`: a few fixed thresholds, and just enough chance to learn from later.

use crate::catalogue::PolicyId;
use crate::context::InterruptContext;
use crate::features::Features;
use crate::policy::{InterruptPolicy, Opinion};
use crate::reason::Reason;
use wakeman_types::{Interruption, Severity};

/// Probability that now and digest are chosen by a coin instead of by the rule.
const EPSILON: f64 = 0.05;
/// A warning less sure than this waits.
const P_VALUE_MAX: f64 = 1e-3;
/// A warning smaller than this (15 % up or 13 % down) waits.
const EFFECT_MIN: f64 = 0.14;
/// A second interruption within this many minutes waits.
const APART_MINUTES: f64 = 10.0;
/// What began earlier than this is no news.
const AGE_MINUTES_MAX: f64 = 24.0 * 60.0;
/// Kinds of finding called useful less often than this wait.
const USEFUL_MIN: f64 = 0.15;
/// Repeats of mere information after which it is kept in the list only.
const REPEATS_MAX: u32 = 3;

/// The active policy until another has proved better. Explores now ↔ digest with ε = 0.05; never silence.
#[derive(Debug, Clone, Copy, Default)]
pub struct RuleV1;

impl RuleV1 {
    fn rule(context: &InterruptContext) -> (Interruption, Reason) {
        use Interruption::{Digest, Now, Silent};
        if context.severity == Severity::Info {
            return if context.duplicates >= REPEATS_MAX {
                (Silent, Reason::ToldBefore)
            } else {
                (Digest, Reason::Information)
            };
        }
        let waits = [
            (context.duplicates > 0, Reason::ToldBefore),
            (context.p_value > P_VALUE_MAX, Reason::WeakEvidence),
            (context.effect_size < EFFECT_MIN, Reason::SmallEffect),
            (context.past_useful_rate.is_some_and(|rate| rate < USEFUL_MIN), Reason::RarelyUseful),
            (context.minutes_since_last_interruption.is_some_and(|m| m < APART_MINUTES), Reason::JustInterrupted),
            (context.age_minutes > AGE_MINUTES_MAX, Reason::NotNew),
        ];
        waits.iter().find(|(applies, _)| *applies).map_or((Now, Reason::LargeAndSure), |(_, reason)| (Digest, *reason))
    }
}

impl InterruptPolicy for RuleV1 {
    fn id(&self) -> PolicyId {
        PolicyId::RuleV1
    }

    fn opinion(&self, context: &InterruptContext, _features: &Features) -> Opinion {
        let (preferred, reason) = Self::rule(context);
        let (kept, other) = (1.0 - EPSILON / 2.0, EPSILON / 2.0);
        let propensities = match preferred {
            Interruption::Now => [kept, other, 0.0],
            Interruption::Digest => [other, kept, 0.0],
            Interruption::Silent => [0.0, 0.0, 1.0],
        };
        Opinion { preferred, propensities, reason }
    }
}
