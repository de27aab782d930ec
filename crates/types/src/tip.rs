//! Tips: the one thing worth doing next, and what each prompt version brought.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FindingId, OperatorId, ProposalId, Timestamp, TipId};

/// What a tip is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TipKind {
    /// A finding that nobody ended.
    Finding,
    /// A proposal that waits.
    Proposal,
    /// A pull request that stands still.
    Pull,
    /// An issue that stands still.
    Issue,
    /// Something the model thought of, from the facts.
    Idea,
}

/// One thing worth doing, as it was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tip {
    /// `T-1`.
    pub id: TipId,
    /// What it is about.
    pub kind: TipKind,
    /// The item, the same each time it is shown: `F-3`, `P-2`, `#482`, `idea:9c1e0d4a77b1`.
    pub about: String,
    /// In a line. May hold text from outside.
    pub title: String,
    /// What to do. May hold text from outside.
    pub body: String,
    /// The finding, where it is about one.
    pub finding: Option<FindingId>,
    /// The proposal, where it is about one.
    pub proposal: Option<ProposalId>,
    /// Where a person can look.
    pub url: Option<String>,
    /// The prompt that wrote it: `tip-generator/v1`; `None`: no model did.
    pub prompt_version: Option<String>,
    /// The policy that chose it: `egreedy-v1`.
    pub policy: String,
    /// The probability with which it was chosen, 0–1.
    pub propensity: f64,
    /// True when chance, not preference, chose it.
    pub explored: bool,
    /// When it was shown.
    pub at: Timestamp,
    /// What it was worth to whom it was shown, 0–1; `None`: nobody said.
    pub worth: Option<f64>,
}

/// The answer to "tip".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TipView {
    /// The one tip; `None`: nothing is worth one now.
    pub tip: Option<Tip>,
    /// Items it was chosen from.
    pub considered: u32,
    /// What could not be looked at, or was broken, with the remedy.
    pub notice: Option<String>,
    /// The time this was true.
    pub as_of: Timestamp,
}

/// What one policy would have shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TipPreference {
    /// Which policy: `linucb-v1`.
    pub policy: String,
    /// The item it prefers: `F-3`, `#482`.
    pub about: String,
    /// The probability with which it would show that.
    pub propensity: f64,
}

/// Everything behind a tip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TipWhyView {
    /// As it was shown.
    pub tip: Tip,
    /// To whom.
    pub operator: OperatorId,
    /// The other items it was chosen from: `F-3`, `#482`.
    pub others: Vec<String>,
    /// What each feature adds to its score beside the mean of all items, by what was learnt up to now, the largest first.
    pub moved: Vec<(String, f64)>,
    /// Words the policy has learnt from.
    pub rewards: u64,
    /// What every policy would have shown, the active one first.
    pub opinions: Vec<TipPreference>,
    /// What was made of it, oldest first.
    pub reactions: Vec<String>,
    /// True: the time for a word passed without one.
    pub silent: bool,
    /// The seed of the draw.
    pub seed: u64,
}

/// What one version of a prompt brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromptStat {
    /// The prompt: `tip-generator`.
    pub id: String,
    /// Its version: `v1`.
    pub version: String,
    /// Texts of it that people were shown.
    pub shown: u64,
    /// Of these, those somebody reacted to.
    pub rewards: u64,
    /// The mean of what they were worth, 0–1.
    pub mean: Option<f64>,
    /// Lower end of the interval of that mean.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What the versions of the prompts brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromptStatsView {
    /// By id and version; only those whose texts people were shown.
    pub prompts: Vec<PromptStat>,
    /// What the intervals are.
    pub interval: String,
    /// The time this was true.
    pub as_of: Timestamp,
}
