//! GitHub: merges, releases, deployments and runs as a source; pull requests and issues as hands.
//!
//! Guarantees: a warm poll is four conditional calls; a call with an effect is sent once and never repeated by itself; a revert that
//! was interrupted goes on from what is already there; a pull request that a person closed is not opened again.
//! Not here: which merge is to be blamed (`detect`), whether a step may run (the executor).

mod answers;
mod branch;
mod cache;
mod check;
mod client;
mod commits;
mod credential;
mod deployments;
mod hands;
mod memory;
mod merge;
mod patch;
mod paths;
mod poll;
mod pulls;
mod read;
mod releases;
mod revert;
mod runs;
mod search;
mod trees;

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use wakeman_gateway::{
    config::GithubCredential,
    ports::{
        Checks, Clock, CodeAnswer, CodeRequest, CodeSource, CommentFacts, CommentRequest, HandsError, IssueFacts,
        IssueRequest, Merged, OpenedPull, PatchRequest, PullFacts, PullFile, RepoHands, RevertRequest, RunFacts,
        SourceError, WriteGate,
    },
};
use wakeman_types::Timestamp;

pub use check::check_github;

use crate::http::{BuildError, Failure, Timeouts};

/// What a GitHub adapter is built from.
pub struct GithubOptions {
    /// Base address of the REST API, e.g. `https://api.github.com` or `https://github.example.com/api/v3`.
    pub api_url: String,
    /// `owner/name`.
    pub repository: String,
    /// The branch that is watched and repaired.
    pub default_branch: String,
    /// A token with the permissions that [`check_github`] names, or an app that has them.
    pub credential: GithubCredential,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The clock waiting times are counted by.
    pub clock: Arc<dyn Clock>,
    /// Holds back what was not sent yet.
    pub gate: WriteGate,
}

/// GitHub as [`CodeSource`] and [`RepoHands`].
pub struct Github {
    wire: client::Wire,
    branch: String,
    memory: Mutex<memory::Memory>,
}

impl Github {
    /// Builds the adapter; sends nothing. Must be called within a tokio runtime, which its connections then live on.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that cannot be used.
    pub fn new(options: GithubOptions) -> Result<Self, BuildError> {
        let branch = options.default_branch.trim().to_owned();
        if branch.is_empty() {
            let problem = "is not a branch";
            return Err(BuildError::Value { setting: "github.defaultBranch", text: branch, problem, example: "main" });
        }
        Ok(Self { wire: client::Wire::new(options)?, branch, memory: Mutex::default() })
    }
}

impl CodeSource for Github {
    fn poll(&self, request: CodeRequest) -> BoxFuture<'_, Result<CodeAnswer, SourceError>> {
        Box::pin(async move {
            let mut memory = self.memory.lock().await;
            poll::poll(&self.wire, &self.branch, &mut memory, request).await.map_err(Failure::source)
        })
    }
}

impl RepoHands for Github {
    fn pull(&self, number: u64) -> BoxFuture<'_, Result<PullFacts, HandsError>> {
        Box::pin(hands::pull(&self.wire, number))
    }

    fn pull_files(&self, number: u64) -> BoxFuture<'_, Result<Vec<PullFile>, HandsError>> {
        Box::pin(hands::pull_files(&self.wire, number))
    }

    fn checks<'a>(&'a self, sha: &'a str) -> BoxFuture<'a, Result<Checks, HandsError>> {
        Box::pin(hands::checks_of(&self.wire, sha))
    }

    fn branch_head<'a>(&'a self, branch: &'a str) -> BoxFuture<'a, Result<String, HandsError>> {
        Box::pin(hands::branch_head(&self.wire, branch))
    }

    fn changed_since<'a>(
        &'a self,
        branch: &'a str,
        files: &'a [PullFile],
    ) -> BoxFuture<'a, Result<Vec<String>, HandsError>> {
        Box::pin(hands::changed_since(&self.wire, branch, files))
    }

    fn open_revert<'a>(&'a self, request: &'a RevertRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(revert::open(&self.wire, request))
    }

    fn open_platform_revert<'a>(
        &'a self,
        request: &'a RevertRequest,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(revert::open_by_platform(&self.wire, request, marker))
    }

    fn pull_by_head<'a>(&'a self, branch: &'a str) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>> {
        Box::pin(search::pull_by_head(&self.wire, branch))
    }

    fn pull_by_marker<'a>(
        &'a self,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>> {
        Box::pin(search::pull_by_marker(&self.wire, marker, since))
    }

    fn merge<'a>(&'a self, number: u64, head_sha: &'a str) -> BoxFuture<'a, Result<Merged, HandsError>> {
        Box::pin(merge::merge(&self.wire, number, head_sha))
    }

    fn open_issue<'a>(&'a self, request: &'a IssueRequest) -> BoxFuture<'a, Result<IssueFacts, HandsError>> {
        Box::pin(hands::open_issue(&self.wire, request))
    }

    fn issue_by_marker<'a>(
        &'a self,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<IssueFacts>, HandsError>> {
        Box::pin(search::issue_by_marker(&self.wire, marker, since))
    }

    fn run(&self, id: u64) -> BoxFuture<'_, Result<RunFacts, HandsError>> {
        Box::pin(runs::one(&self.wire, id))
    }

    fn rerun_failed_jobs(&self, id: u64) -> BoxFuture<'_, Result<(), HandsError>> {
        Box::pin(runs::rerun_failed_jobs(&self.wire, id))
    }

    fn comment<'a>(&'a self, request: &'a CommentRequest) -> BoxFuture<'a, Result<CommentFacts, HandsError>> {
        Box::pin(hands::comment(&self.wire, request))
    }

    fn comment_by_marker<'a>(
        &'a self,
        number: u64,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<CommentFacts>, HandsError>> {
        Box::pin(search::comment_by_marker(&self.wire, number, marker, since))
    }

    fn files_at<'a>(
        &'a self,
        branch: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<PullFile>, HandsError>> {
        Box::pin(hands::files_at(&self.wire, branch, paths))
    }

    fn open_patch<'a>(&'a self, request: &'a PatchRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>> {
        Box::pin(patch::open(&self.wire, request))
    }
}
