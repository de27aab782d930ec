//! What is stored: every tip with how it was chosen and what was made of it; the newest batch of a model's ideas.

use serde::{Deserialize, Serialize};
use wakeman_ranking::{reward::Outcome, tip::TipContext};
use wakeman_types::{Entity, OperatorId, Timestamp, Tip};

use crate::rank::Given;

/// One item that could have been the tip, as the policies saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TipItem {
    /// Which: `F-3`, `#482`.
    pub about: String,
    /// What they saw.
    pub context: TipContext,
}

/// What one policy made of the items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TipOpinion {
    /// Which policy.
    pub policy: String,
    /// The place of the item it prefers.
    pub preferred: usize,
    /// The exact probability of each item; they sum to 1.
    pub propensities: Vec<f64>,
}

/// A tip with how it was chosen, who saw it and what they made of it: one row, which grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TipRecord {
    /// As it was shown.
    pub tip: Tip,
    /// To whom.
    pub operator: OperatorId,
    /// All items.
    pub items: Vec<TipItem>,
    /// The place of the chosen one.
    pub chosen: usize,
    /// The active policy's first, then the shadows'.
    pub opinions: Vec<TipOpinion>,
    /// The seed of the draw.
    pub seed: u64,
    /// What they said of it, oldest first.
    pub reactions: Vec<Given>,
    /// The time for a reaction passed without one.
    pub silent: bool,
    /// The probability of each item as it was drawn, while a promoted policy shares the choices; empty: the active one chose alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub propensities: Vec<f64>,
    /// Version of the registry of tip items. Tips that were logged before it stood here are of the first.
    #[serde(default = "first")]
    pub features_version: u32,
}

const fn first() -> u32 {
    1
}

impl TipRecord {
    /// What it teaches.
    pub fn outcome(&self) -> Outcome {
        match self.tip.worth {
            Some(worth) => Outcome::Known { worth },
            None if self.silent => Outcome::Silent,
            None => Outcome::Censored,
        }
    }

    /// The probability of each item as it was drawn.
    pub fn logging(&self) -> &[f64] {
        match (self.propensities.as_slice(), self.opinions.first()) {
            ([], Some(active)) => &active.propensities,
            (drawn, _) => drawn,
        }
    }

    /// What the policies saw of what was shown.
    pub fn context(&self) -> Option<&TipContext> {
        self.items.get(self.chosen).map(|item| &item.context)
    }
}

impl Entity for TipRecord {
    const KIND: &'static str = "tip";

    fn entity_id(&self) -> String {
        self.tip.id.to_string()
    }

    fn state_name(&self) -> &str {
        self.operator.as_str()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.tip.about.clone())
    }

    fn sort_key(&self) -> i64 {
        self.tip.at.ms()
    }
}

/// Something a model thought of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idea {
    /// In a line.
    pub title: String,
    /// What to do.
    pub body: String,
    /// The facts it stands on.
    pub based_on: Vec<String>,
}

/// The newest batch of ideas. A model is asked again when the facts have changed since, and only then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TipBatch {
    /// SHA-256 of the facts it was made of.
    pub facts: String,
    /// The prompt: `tip-generator/v1`.
    pub prompt: Option<String>,
    /// What the model thought of, without repeats.
    pub ideas: Vec<Idea>,
    /// Why there is none.
    pub failure: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl TipBatch {
    /// There is one.
    pub const ID: &'static str = "newest";
}

impl Entity for TipBatch {
    const KIND: &'static str = "tip_batch";

    fn entity_id(&self) -> String {
        Self::ID.to_owned()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}
