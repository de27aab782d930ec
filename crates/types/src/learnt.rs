//! What was learnt, looked at: scores, what was brought to whom, and what the policies saw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Finding, OperatorId, Timestamp};

/// Which part of what was learnt is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearntRequest {
    /// Whose; `None`: everybody's for an owner, else one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// Only this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// What one policy makes of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreRow {
    /// The policy.
    pub policy: String,
    /// The item: `F-3`, `#482`.
    pub about: String,
    /// In a line. May hold text from outside.
    pub title: String,
    /// What it is expected to be worth; for LinUCB what it may be.
    pub score: f64,
    /// The probability with which the policy would show it, 0–1.
    pub propensity: f64,
}

/// What the policies make of all that could be the next tip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoresView {
    /// For whom.
    pub operator: OperatorId,
    /// By policy, the best item first.
    pub scores: Vec<ScoreRow>,
    /// What could not be looked at, or is broken, with the remedy.
    pub notice: Option<String>,
    /// The time this was true.
    pub as_of: Timestamp,
}

/// What one policy's own choices brought one operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearntStat {
    /// The operator.
    pub operator: OperatorId,
    /// The policy that chose.
    pub policy: String,
    /// What it told them.
    pub told: u64,
    /// Of these, those they reacted to.
    pub rewards: u64,
    /// Of these, those whose time for a reaction passed without one.
    pub silent: u64,
    /// The mean reward, 0–1.
    pub mean: Option<f64>,
    /// Lower end of the interval of that mean.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// When it told them the last.
    pub last: Timestamp,
}

/// A finding that somebody judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackView {
    /// As it is.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why nothing is learnt of it; `None`: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_learnt: Option<String>,
}

/// By operator and policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearntStatsView {
    /// All of them.
    pub stats: Vec<LearntStat>,
    /// What the numbers are, in words.
    pub interval: String,
    /// The time this was true.
    pub as_of: Timestamp,
}

/// What the policies saw of one decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureRow {
    /// When.
    pub at: Timestamp,
    /// The finding or tip: `F-12`, `T-3`.
    pub id: String,
    /// Who decided.
    pub policy: String,
    /// What was chosen: `now`, `digest`, `silent`; of a tip the item.
    pub chosen: String,
    /// Whom it was shown to; `None`: all.
    pub operator: Option<OperatorId>,
    /// The reward, 0–1, the mean of those who reacted; `None`: nobody did.
    pub reward: Option<f64>,
    /// By name, in the registry's order.
    pub features: Vec<(String, f64)>,
}

/// What the policies saw of the last decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeaturesView {
    /// At most a hundred, the newest first.
    pub rows: Vec<FeatureRow>,
    /// The time this was true.
    pub as_of: Timestamp,
}
