//! The code host as a source: merges, releases, deployments, workflow runs.

use futures::future::BoxFuture;
use wakeman_types::{Change, Timestamp};

use super::SourceError;

/// Which part of the history is wanted.
#[derive(Debug, Clone, Copy)]
pub struct CodeRequest {
    /// Changes back to here are wanted; the first request reaches further back than later ones.
    pub since: Timestamp,
    /// Counts requests; the adapter may spread rarely changing lists over several.
    pub round: u64,
}

/// How a workflow run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Not finished.
    Pending,
    /// Finished well, or was skipped.
    Passed,
    /// Finished badly.
    Failed,
    /// Cancelled or stale: says nothing.
    Neutral,
}

/// One workflow run on the default branch.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFact {
    /// Its id.
    pub id: u64,
    /// The workflow's name (untrusted).
    pub workflow: String,
    /// The commit it ran on.
    pub sha: String,
    /// How it stands.
    pub status: RunStatus,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Where a person can look.
    pub url: Option<String>,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentFact {
    /// Its id.
    pub id: u64,
    /// The commit it carries.
    pub sha: String,
    /// `production`, …
    pub environment: String,
    /// `pending`, `in_progress`, `success`, `failure`, `error`, `inactive`.
    pub status: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub status_at: Timestamp,
}

/// What the code host has.
#[derive(Debug, Clone, Default)]
pub struct CodeAnswer {
    /// Merges, releases, direct commits and successful deployments since the asked time, in any order, repeats allowed.
    pub changes: Vec<Change>,
    /// Recent runs on the default branch, newest first.
    pub runs: Vec<RunFact>,
    /// Recent deployments, newest first.
    pub deployments: Vec<DeploymentFact>,
}

/// What is asked of the code host.
pub trait CodeSource: Send + Sync {
    /// One round of polling: at most four calls when nothing changed.
    fn poll(&self, request: CodeRequest) -> BoxFuture<'_, Result<CodeAnswer, SourceError>>;
}
