//! What is stored: who reacted how to which decision, and what a policy learnt of whom.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wakeman_ranking::{
    FEATURES_VERSION, Features, REGISTRY,
    reward::{Outcome, Reaction},
};
use wakeman_store::{StoreError, Versioned};
use wakeman_types::{ChoiceRecord, DecisionId, Entity, FindingId, Interruption, OperatorId, Timestamp};

use crate::core::Core;

/// The arms in the order of all propensities.
pub(crate) const ARMS: [Interruption; 3] = [Interruption::Now, Interruption::Digest, Interruption::Silent];
/// Reactions to one decision that are kept; the oldest go first.
const REACTIONS_MAX: usize = 20;

/// One reaction with its time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// What the operator did.
    pub reaction: Reaction,
    /// When.
    pub at: Timestamp,
}

/// What one operator made of one decision: one row, which grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReactionRecord {
    /// The decision.
    pub decision: DecisionId,
    /// The finding it was made for.
    pub finding: FindingId,
    /// Whose reaction.
    pub operator: OperatorId,
    /// How the finding was told.
    pub chosen: Interruption,
    /// What the policies saw, in the registry's order.
    pub features: Vec<f64>,
    /// What was done, oldest first; empty: the time for a reaction passed in silence.
    pub reactions: Vec<Given>,
    /// What the finding was worth to them, 0 to 1; `None`: they kept silent.
    pub worth: Option<f64>,
    /// When it was told.
    pub told_at: Timestamp,
}

impl ReactionRecord {
    /// An empty one for a decision; `None` where the log has no features of this registry.
    pub(super) fn of(choice: &ChoiceRecord, operator: &OperatorId) -> Option<Self> {
        Some(Self {
            decision: choice.id.clone(),
            finding: choice.finding,
            operator: operator.clone(),
            chosen: choice.chosen,
            features: features_of(choice)?.values().to_vec(),
            reactions: Vec::new(),
            worth: None,
            told_at: choice.at,
        })
    }

    /// Its id.
    pub(super) fn id(decision: &DecisionId, operator: &OperatorId) -> String {
        format!("{decision}/{operator}")
    }

    /// Adds a reaction. False: it says nothing new.
    pub(super) fn add(&mut self, given: Given) -> bool {
        let same = |last: &Given| std::mem::discriminant(&last.reaction) == std::mem::discriminant(&given.reaction);
        if self.reactions.last().is_some_and(same) {
            return false;
        }
        if self.reactions.len() >= REACTIONS_MAX {
            self.reactions.remove(0);
        }
        self.reactions.push(given);
        let all: Vec<Reaction> = self.reactions.iter().map(|given| given.reaction).collect();
        self.worth = match wakeman_ranking::reward::outcome(&all, 0) {
            Outcome::Known { worth } => Some(worth),
            Outcome::Censored | Outcome::Silent => None,
        };
        true
    }

    /// The reaction that says what it was worth; `None`: they kept silent.
    pub(super) fn decisive(&self) -> Option<Reaction> {
        let mut all = self.reactions.iter().rev().map(|given| given.reaction);
        let last = all.clone().next();
        all.find(|reaction| reaction.is_a_word()).or(last)
    }

    /// What it teaches.
    pub(super) fn outcome(&self) -> Outcome {
        self.worth.map_or(Outcome::Silent, |worth| Outcome::Known { worth })
    }
}

impl Entity for ReactionRecord {
    const KIND: &'static str = "reaction";

    fn entity_id(&self) -> String {
        Self::id(&self.decision, &self.operator)
    }

    fn state_name(&self) -> &str {
        self.operator.as_str()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.finding.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.told_at.ms()
    }
}

/// What one policy learnt of one operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// The policy.
    pub policy: String,
    /// Whose reactions.
    pub operator: OperatorId,
    /// The policy's own state, checked when it is used.
    pub state: Value,
    /// Reactions it learnt from.
    pub rewards: u64,
    /// Reactions to what was told before this no longer count.
    #[serde(default)]
    pub from: Timestamp,
    /// When it last learnt.
    pub updated_at: Timestamp,
}

impl PolicyRow {
    /// Its id.
    pub(super) fn id(policy: &str, operator: &OperatorId) -> String {
        format!("{policy}/{operator}")
    }

    /// The one that is stored; `None`: there is none, or it cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub(super) async fn held(
        core: &Core,
        policy: &str,
        operator: &OperatorId,
    ) -> Result<Option<Versioned<Self>>, StoreError> {
        match core.store.get::<Self>(&Self::id(policy, operator)).await {
            Err(StoreError::Decode { .. }) => Ok(None),
            other => other,
        }
    }
}

impl Entity for PolicyRow {
    const KIND: &'static str = "policy";

    fn entity_id(&self) -> String {
        Self::id(&self.policy, &self.operator)
    }

    fn state_name(&self) -> &str {
        &self.policy
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.operator.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.updated_at.ms()
    }
}

/// The features of a logged decision; `None` when they are of another registry or no numbers.
pub(crate) fn features_of(choice: &ChoiceRecord) -> Option<Features> {
    let known = choice.features_version == FEATURES_VERSION
        && choice.features.len() == REGISTRY.len()
        && choice.features.iter().zip(&REGISTRY).all(|((name, _), spec)| name == spec.name);
    if !known {
        return None;
    }
    let values: Vec<f64> = choice.features.iter().map(|(_, value)| *value).collect();
    features_from(&values)
}

/// Features from stored values.
pub(super) fn features_from(values: &[f64]) -> Option<Features> {
    Features::new(values.try_into().ok()?).ok()
}
