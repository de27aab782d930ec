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
    /// Version of the feature registry. Decisions that were logged before it stood here are of the first.
    #[serde(default = "first")]
    pub features_version: u32,
    /// The prompt of the model's note that was said of it: `explain-finding/v1`; `None`: a model said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
}

const fn first() -> u32 {
    1
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
    /// Reactions that was learnt from, of all operators.
    #[serde(default)]
    pub rewards: u64,
    /// What was lately made of findings of this kind: the word, and how often; the most frequent first.
    #[serde(default)]
    pub history: Vec<(String, u64)>,
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

/// A promotion that is asked for: it becomes a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromoteRequest {
    /// Which policy: `lints-v1`, `egreedy-v2`.
    pub policy: String,
}

/// A promotion that was rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionView {
    /// Which policy.
    pub policy: String,
    /// How far it had come: `tenth`, `half`, `whole`.
    pub stage: String,
    /// Who decides again.
    #[serde(default = "rule")]
    pub decides: String,
    /// What was rolled back with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PromotionView>,
}

fn rule() -> String {
    "rule-v1".to_owned()
}

/// V(policy) − V(another) by the log, with an interval that holds at all times with probability 95 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundView {
    /// The other: `rule-v1`, for tips `egreedy-v1`.
    #[serde(default = "rule")]
    pub against: String,
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Rounds it stands on.
    pub rounds: u64,
}

/// One policy with what it did and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyView {
    /// Its name.
    pub id: String,
    /// `interrupt`, `tip` or `replay`.
    pub problem: String,
    /// `active`, `shadow` or `available`.
    pub role: String,
    /// In a few words.
    pub algorithm: String,
    /// Its features, the constant apart.
    pub dimension: u32,
    /// Its share of decisions, 0–1.
    pub share: f64,
    /// Unforced decisions it made.
    pub decisions: u64,
    /// Unforced decisions it was asked about.
    pub scored: u64,
    /// Of these, those with a reaction.
    pub rewards: u64,
    /// What its choices bring in the mean, by these reactions, 0–1.
    pub mean_reward: Option<f64>,
    /// How much less that is than the best choices would have brought.
    pub regret: Option<f64>,
    /// Share of decisions in which it prefers what the other one does.
    pub agreement: Option<f64>,
    /// How many of its own decisions the log is worth.
    pub ess: Option<f64>,
    /// How it compares with the policy that it would be promoted over.
    pub bound: Option<BoundView>,
    /// Rewards over time, oldest first.
    pub reward_history: Vec<f64>,
    /// Agreement over time, oldest first.
    pub agreement_history: Vec<f64>,
}

/// What a policy learnt of one operator, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorPolicyView {
    /// The policy.
    pub policy: String,
    /// The operator.
    pub operator: OperatorId,
    /// Reactions it learnt from.
    pub rewards: u64,
    /// When it last learnt.
    pub updated_at: Timestamp,
}

fn shadow() -> String {
    "shadow".to_owned()
}

/// Every policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankingView {
    /// All of them.
    pub policies: Vec<PolicyView>,
    /// How far a promotion has come: `shadow` (none), `tenth`, `half`, `whole`.
    pub stage: String,
    /// The same of a policy that chooses tips.
    #[serde(default = "shadow")]
    pub tip_stage: String,
    /// Whose reactions were learnt from.
    pub operators: Vec<OperatorPolicyView>,
    /// Decisions that a rule above the policies made.
    pub forced: u64,
    /// Logged decisions that cannot be used.
    pub unusable: u64,
    /// What is broken, with the remedy.
    pub notice: Option<String>,
    /// The time this was true.
    pub as_of: Timestamp,
}

/// What was erased of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgottenView {
    /// Whom.
    pub operator: OperatorId,
    /// Reactions erased.
    pub reactions: u64,
    /// Learnt states erased.
    pub states: u32,
}
