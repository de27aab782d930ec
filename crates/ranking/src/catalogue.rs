//! The policies there are: what each decides, with which algorithm, at which dimension.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::bandit::{Drift, Exploration, LinearConfig};

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Now, digest or silent, for each finding.
    Interrupt,
    /// Which one item a wakeup or `tip` shows.
    Tip,
    /// Nothing in the product: for replay on files.
    Replay,
}

/// Whether a policy's choice counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It decides, until another was promoted.
    Active,
    /// It says what it would do, and learns.
    Shadow,
    /// It can be asked for by name.
    Available,
}

/// The policies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PolicyId {
    /// The fixed rules of [`crate::RuleV1`].
    #[serde(rename = "rule-v1")]
    RuleV1,
    /// Linear Thompson sampling over the full registry.
    #[serde(rename = "lints-v1")]
    LintsV1,
    /// LinUCB over hour, overdue, age and priority.
    #[serde(rename = "linucb-v1")]
    LinucbV1,
    /// ε-greedy, with the weekday.
    #[serde(rename = "egreedy-v1")]
    EgreedyV1,
    /// ε-greedy, with how the operator reacted so far.
    #[serde(rename = "egreedy-v2")]
    EgreedyV2,
    /// LinUCB over random Fourier features.
    #[serde(rename = "linrff-v1")]
    LinrffV1,
}

/// What is fixed about a policy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolicyCard {
    /// Its name.
    pub id: PolicyId,
    /// What it decides.
    pub problem: Problem,
    /// Whether its choice counts when nothing was promoted.
    pub role: Role,
    /// Its features, the constant apart; in a replay the file's.
    pub dimension: usize,
    /// In a few words.
    pub algorithm: &'static str,
}

impl PolicyId {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::RuleV1, Self::LintsV1, Self::LinucbV1, Self::EgreedyV1, Self::EgreedyV2, Self::LinrffV1];

    /// Its name in settings, logs and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RuleV1 => "rule-v1",
            Self::LintsV1 => "lints-v1",
            Self::LinucbV1 => "linucb-v1",
            Self::EgreedyV1 => "egreedy-v1",
            Self::EgreedyV2 => "egreedy-v2",
            Self::LinrffV1 => "linrff-v1",
        }
    }

    /// What is fixed about it.
    pub const fn card(self) -> PolicyCard {
        let (problem, role, dimension, algorithm) = match self {
            Self::RuleV1 => (Problem::Interrupt, Role::Active, 18, "fixed thresholds"),
            Self::LintsV1 => (Problem::Interrupt, Role::Shadow, 18, "linear Thompson sampling"),
            Self::LinucbV1 => (Problem::Tip, Role::Available, 5, "LinUCB"),
            Self::EgreedyV1 => (Problem::Tip, Role::Active, 7, "epsilon-greedy ridge"),
            Self::EgreedyV2 => (Problem::Tip, Role::Shadow, 12, "epsilon-greedy ridge"),
            Self::LinrffV1 => (Problem::Replay, Role::Available, 0, "LinUCB over random Fourier features"),
        };
        PolicyCard { id: self, problem, role, dimension, algorithm }
    }

    /// How the named algorithm learns and explores; `None` for fixed rules, which learn nothing.
    pub const fn config(self) -> Option<LinearConfig> {
        let (exploration, epsilon) = match self {
            Self::RuleV1 => return None,
            Self::LintsV1 => (Exploration::Thompson { scale: 0.1 }, 0.0),
            Self::LinucbV1 | Self::LinrffV1 => (Exploration::Ucb { alpha: 0.2 }, 0.0),
            Self::EgreedyV1 => (Exploration::Greedy, 0.05),
            Self::EgreedyV2 => (Exploration::Greedy, 0.02),
        };
        Some(LinearConfig {
            exploration,
            epsilon,
            ridge: 0.1,
            gamma: 1.0,
            drift: Some(Drift::DEFAULT),
            rewards: (0.0, 1.0),
        })
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A policy name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy; there are rule-v1, lints-v1, linucb-v1, egreedy-v1, egreedy-v2 and linrff-v1")]
pub struct UnknownPolicy(String);

impl FromStr for PolicyId {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|id| id.as_str() == name).ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}
