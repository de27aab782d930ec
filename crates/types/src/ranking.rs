//! The log of ranking decisions: what off-policy evaluation needs of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DecisionId, Entity, FindingId, Interruption, Timestamp};

/// One arm with the probability it had.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The arm.
    pub arm: Interruption,
    /// The exact probability with which the policy would choose it, 0–1.
    pub propensity: f64,
}

/// One decision of an interruption policy. All that is needed to replay and to evaluate it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChoiceRecord {
    /// Its id.
    pub id: DecisionId,
    /// The finding it was made for.
    pub finding: FindingId,
    /// The policy that made it: `rule-v1`.
    pub policy: String,
    /// What it chose.
    pub chosen: Interruption,
    /// Every arm with its propensity; they sum to 1.
    pub arms: Vec<Choice>,
    /// True when a rule above the policy left no choice: such records stay out of off-policy estimates.
    pub forced: bool,
    /// True when exploration changed what the policy would have done.
    pub explored: bool,
    /// The features it saw, by name, in the registry's order.
    pub features: Vec<(String, f64)>,
    /// The seed of the draw.
    pub seed: u64,
    /// Its reason in a few words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Entity for ChoiceRecord {
    const KIND: &'static str = "choice";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn state_name(&self) -> &str {
        match self.chosen {
            Interruption::Now => "now",
            Interruption::Digest => "digest",
            Interruption::Silent => "silent",
        }
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.finding.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}
