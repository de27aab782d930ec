//! GitHub's own shapes, as far as we read them. What is not needed is not required.

use serde::Deserialize;

use crate::http::At;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct BranchEnd {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
}

/// A pull request as lists have it, without its text.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListedPull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) updated_at: At,
    #[serde(default)]
    pub(super) merged_at: Option<At>,
    #[serde(default)]
    pub(super) merge_commit_sha: Option<String>,
    #[serde(default)]
    pub(super) user: Option<Account>,
    #[serde(default)]
    pub(super) html_url: Option<String>,
}

/// A pull request in full; of a list, the last three are missing.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) state: String,
    pub(super) created_at: At,
    #[serde(default)]
    pub(super) node_id: String,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) html_url: String,
    #[serde(default)]
    pub(super) merged_at: Option<At>,
    #[serde(default)]
    pub(super) merge_commit_sha: Option<String>,
    pub(super) head: BranchEnd,
    pub(super) base: BranchEnd,
    #[serde(default)]
    pub(super) mergeable: Option<bool>,
}

impl Pull {
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub(super) fn is_merged(&self) -> bool {
        self.merged_at.is_some()
    }
}

/// A file of a pull request or commit.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ChangedFile {
    pub(super) filename: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) sha: Option<String>,
    #[serde(default)]
    pub(super) previous_filename: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ShaOnly {
    pub(super) sha: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signature {
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) date: At,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitWords {
    pub(super) author: Signature,
    pub(super) committer: Signature,
    pub(super) message: String,
}

/// A commit as lists have it; `files` only when it was asked for by itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) commit: CommitWords,
    #[serde(default)]
    pub(super) author: Option<Account>,
    #[serde(default)]
    pub(super) html_url: Option<String>,
    pub(super) parents: Vec<ShaOnly>,
    #[serde(default)]
    pub(super) files: Vec<ChangedFile>,
}

/// A commit of the git database.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GitCommit {
    pub(super) sha: String,
    pub(super) tree: ShaOnly,
    pub(super) parents: Vec<ShaOnly>,
    pub(super) message: String,
    pub(super) author: Signature,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub(super) object: ShaOnly,
}

/// An issue, or a pull request in its issue's clothes.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) created_at: At,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) pull_request: Option<serde_json::Value>,
}

/// A comment on an issue or pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) html_url: String,
}
