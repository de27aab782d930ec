//! Changes: the observations that could be a cause.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ChangeId, Entity, Timestamp};

/// What kind of thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A pull request was merged.
    Merge,
    /// A deployment went out.
    Deploy,
    /// A release was published.
    Release,
    /// A feature flag was edited.
    Flag,
    /// An experiment was started, stopped or edited.
    Experiment,
    /// A commit went straight to the default branch.
    Config,
}

/// The remote thing that changed, with what a repair needs to name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChangeRef {
    /// A merged pull request.
    PullRequest {
        /// Its number.
        number: u64,
        /// The commit that merged it.
        merge_sha: String,
    },
    /// A deployment.
    Deployment {
        /// Its id at the host.
        id: u64,
        /// The commit it carries.
        sha: String,
        /// `production`, `preview`, …
        environment: String,
    },
    /// A published release.
    Release {
        /// Its tag.
        tag: String,
    },
    /// A flag edit.
    Flag {
        /// The numeric id in PostHog.
        id: u64,
        /// The key used in code.
        key: String,
        /// Whether it was on before and after the edit, where the log says.
        active: Option<bool>,
        /// Share of users it applies to after the edit, 0–1, where the log says.
        rollout: Option<f64>,
    },
    /// An experiment edit.
    Experiment {
        /// Its name.
        name: String,
    },
    /// A commit on the default branch without a pull request.
    Commit {
        /// The commit.
        sha: String,
    },
}

/// Something that was changed on purpose. Title, author and files are untrusted text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Identity at the source.
    pub id: ChangeId,
    /// What kind of change.
    pub kind: ChangeKind,
    /// When it was made (merged, edited, published).
    pub at: Timestamp,
    /// When a deployment carried it to users, where known.
    pub live_at: Option<Timestamp>,
    /// What its author called it.
    pub title: String,
    /// Who made it.
    pub author: Option<String>,
    /// Where a person can look at it.
    pub url: Option<String>,
    /// The remote thing.
    pub reference: ChangeRef,
    /// Paths it touched, at most 300.
    pub files: Vec<String>,
}

impl Change {
    /// How people name it: `#482`, `flag checkout-fast`, `release v2.1`, `9c1e0d4`.
    pub fn label(&self) -> String {
        match &self.reference {
            ChangeRef::PullRequest { number, .. } => format!("#{number}"),
            ChangeRef::Deployment { sha, .. } => format!("deploy {}", short_sha(sha)),
            ChangeRef::Release { tag } => format!("release {tag}"),
            ChangeRef::Flag { key, .. } => format!("flag {key}"),
            ChangeRef::Experiment { name } => format!("experiment {name}"),
            ChangeRef::Commit { sha } => short_sha(sha).to_owned(),
        }
    }
}

/// The first seven characters of a commit id.
pub fn short_sha(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

impl Entity for Change {
    const KIND: &'static str = "change";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn state_name(&self) -> &str {
        match self.kind {
            ChangeKind::Merge => "merge",
            ChangeKind::Deploy => "deploy",
            ChangeKind::Release => "release",
            ChangeKind::Flag => "flag",
            ChangeKind::Experiment => "experiment",
            ChangeKind::Config => "config",
        }
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}
