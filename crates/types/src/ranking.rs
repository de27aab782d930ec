//! The log of ranking decisions: what off-policy evaluation needs of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DecisionId, Entity, FindingId, Interruption, OperatorId, Timestamp};

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
    /// What every policy would do by itself, the deciding one included; empty where a rule above them left no choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<PolicyOpinion>,
    /// Why `rule-v1` decided in the place of the policy whose turn it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// What one policy would do by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyOpinion {
    /// Which.
    pub policy: String,
    /// What it prefers.
    pub preferred: Interruption,
    /// Every arm with its exact propensity; they sum to 1.
    pub arms: Vec<Choice>,
}

/// What an operator made of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionView {
    /// Who.
    pub operator: OperatorId,
    /// What they did, in a word, oldest first; empty: they kept silent.
    pub reactions: Vec<String>,
    /// What the finding was worth to them, 0–1; `None`: they kept silent.
    pub worth: Option<f64>,
    /// The reward of the way it was told, 0–1.
    pub reward: Option<f64>,
}

/// What stands behind the way a finding was told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankingWhy {
    /// What each feature adds to "now" over "digest" by what was learnt up to now, the largest first.
    pub moved: Vec<(String, f64)>,
    /// What every policy would have done.
    pub opinions: Vec<PolicyOpinion>,
    /// What was made of it.
    pub reactions: Vec<ReactionView>,
    /// The seed of the draw.
    pub seed: u64,
    /// True when exploration, not preference, chose.
    pub explored: bool,
    /// Why `rule-v1` decided in the place of the policy whose turn it was.
    #[serde(default)]
    pub fallback: Option<String>,
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
