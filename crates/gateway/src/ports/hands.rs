//! The hands: calls with an effect, and the reads that make them safe. Only the executor calls them.

use futures::future::BoxFuture;
use wakeman_types::Timestamp;

use super::{HandsError, RunStatus};

/// How a pull request's checks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// At least one has not finished.
    Pending,
    /// There are none, or none yet.
    None,
    /// All finished well.
    Passed,
    /// At least one failed.
    Failed,
}

/// A file of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullFile {
    /// Its path after the change.
    pub path: String,
    /// Its blob after the change; `None` when it was removed.
    pub blob: Option<String>,
}

/// Whether a pull request with this title and text is the one of this proposal: a person may have edited one of the two, not both.
pub fn made_by(title: &str, body: &str, (our_title, our_body): (&str, &str)) -> bool {
    let plain = |text: &str| text.replace('\r', "").trim().to_owned();
    plain(title) == plain(our_title) || plain(body) == plain(our_body)
}

/// What is known of a pull request.
#[derive(Debug, Clone, PartialEq)]
pub struct PullFacts {
    /// Its number.
    pub number: u64,
    /// Its title (untrusted).
    pub title: String,
    /// Open on the platform.
    pub open: bool,
    /// Merged.
    pub merged: bool,
    /// The commit that merged it.
    pub merge_sha: Option<String>,
    /// The head of its branch.
    pub head_sha: String,
    /// The branch it goes into.
    pub base: String,
    /// How its checks stand.
    pub checks: Checks,
    /// False when it conflicts; `None` while the platform works it out.
    pub mergeable: Option<bool>,
    /// Its text (untrusted).
    pub body: String,
}

/// What a file-level revert must contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertRequest {
    /// The branch to make; exists only for this proposal.
    pub branch: String,
    /// The branch it goes into.
    pub base: String,
    /// The merge whose files are put back.
    pub merge_sha: String,
    /// The number of the pull request that is reverted.
    pub number: u64,
    /// The paths to put back to what they were before that merge.
    pub paths: Vec<String>,
    /// Title of the new pull request.
    pub title: String,
    /// Body of the new pull request; holds the marker.
    pub body: String,
    /// Fixed author date, so that a repeated attempt makes the same commit.
    pub at: Timestamp,
}

/// A pull request that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPull {
    /// Its number.
    pub number: u64,
    /// The head of its branch.
    pub head_sha: String,
    /// Where a person can look.
    pub url: String,
}

/// A merge that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The merge commit.
    pub sha: String,
}

/// An issue to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// Its title.
    pub title: String,
    /// Its body; holds the marker.
    pub body: String,
}

/// An issue that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueFacts {
    /// Its number.
    pub number: u64,
    /// Where a person can look.
    pub url: String,
}

/// A workflow run as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Its id.
    pub id: u64,
    /// The workflow's name (untrusted).
    pub workflow: String,
    /// The commit it runs for.
    pub sha: String,
    /// Its newest attempt, from 1.
    pub attempt: u32,
    /// How that stands.
    pub status: RunStatus,
}

/// A comment to make on an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRequest {
    /// The issue's or pull request's number.
    pub number: u64,
    /// What it says; holds the marker.
    pub body: String,
}

/// A comment that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentFacts {
    /// Its id.
    pub id: u64,
    /// Where a person can look.
    pub url: String,
}

/// A file as a patch leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchFile {
    /// Its path.
    pub path: String,
    /// Its whole text; `None` removes it.
    pub text: Option<String>,
}

/// A pull request made of whole files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchRequest {
    /// The branch to make; exists only for this proposal.
    pub branch: String,
    /// The branch it goes into.
    pub base: String,
    /// What is written.
    pub files: Vec<PatchFile>,
    /// Title of the pull request and of its commit.
    pub title: String,
    /// Body of the pull request; holds the marker.
    pub body: String,
    /// Fixed author date, so that a repeated attempt makes the same commit.
    pub at: Timestamp,
}

/// Acting on the repository.
pub trait RepoHands: Send + Sync {
    /// A pull request as it stands.
    fn pull(&self, number: u64) -> BoxFuture<'_, Result<PullFacts, HandsError>>;
    /// How the checks of a commit stand.
    fn checks<'a>(&'a self, sha: &'a str) -> BoxFuture<'a, Result<Checks, HandsError>>;
    /// The files a merged pull request changed, with their blobs after the merge.
    fn pull_files(&self, number: u64) -> BoxFuture<'_, Result<Vec<PullFile>, HandsError>>;
    /// The head of a branch.
    fn branch_head<'a>(&'a self, branch: &'a str) -> BoxFuture<'a, Result<String, HandsError>>;
    /// Those of `files` that are no longer as the pull request left them on `branch`.
    fn changed_since<'a>(
        &'a self,
        branch: &'a str,
        files: &'a [PullFile],
    ) -> BoxFuture<'a, Result<Vec<String>, HandsError>>;
    /// Makes branch, commit and pull request of a file-level revert. Finds what an earlier attempt left and goes on from there.
    fn open_revert<'a>(&'a self, request: &'a RevertRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>>;
    /// The platform's own revert. Names its branch itself; `marker` is in the body.
    fn open_platform_revert<'a>(
        &'a self,
        request: &'a RevertRequest,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<OpenedPull, HandsError>>;
    /// The pull request whose head is `branch`, in any state, newest first.
    fn pull_by_head<'a>(&'a self, branch: &'a str) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>>;
    /// The pull request whose body holds `marker`, made since then.
    fn pull_by_marker<'a>(
        &'a self,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<PullFacts>, HandsError>>;
    /// Merges, only if the head is still `head_sha`.
    fn merge<'a>(&'a self, number: u64, head_sha: &'a str) -> BoxFuture<'a, Result<Merged, HandsError>>;
    /// Opens an issue.
    fn open_issue<'a>(&'a self, request: &'a IssueRequest) -> BoxFuture<'a, Result<IssueFacts, HandsError>>;
    /// The issue whose body holds `marker`, made since then.
    fn issue_by_marker<'a>(
        &'a self,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<IssueFacts>, HandsError>>;
    /// A workflow run as it stands.
    fn run(&self, id: u64) -> BoxFuture<'_, Result<RunFacts, HandsError>>;
    /// Starts the failed jobs of a finished run once more. Not idempotent: each call is another attempt.
    fn rerun_failed_jobs(&self, id: u64) -> BoxFuture<'_, Result<(), HandsError>>;
    /// Comments on an issue or pull request.
    fn comment<'a>(&'a self, request: &'a CommentRequest) -> BoxFuture<'a, Result<CommentFacts, HandsError>>;
    /// The comment on `number` that holds `marker`, made since then.
    fn comment_by_marker<'a>(
        &'a self,
        number: u64,
        marker: &'a str,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<CommentFacts>, HandsError>>;
    /// The blobs that `paths` have on `branch`; `None` where there is no such file.
    fn files_at<'a>(&'a self, branch: &'a str, paths: &'a [String])
    -> BoxFuture<'a, Result<Vec<PullFile>, HandsError>>;
    /// Makes branch, commit and pull request of a patch. Finds what an earlier attempt left and goes on from there.
    fn open_patch<'a>(&'a self, request: &'a PatchRequest) -> BoxFuture<'a, Result<OpenedPull, HandsError>>;
}

/// A feature flag as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagFacts {
    /// Its numeric id.
    pub id: u64,
    /// Its key (untrusted).
    pub key: String,
    /// Grows with each edit.
    pub version: u64,
    /// Whether it is on.
    pub active: bool,
    /// Share of users it applies to, 0–1, where it is a single rollout.
    pub rollout: Option<f64>,
}

/// The last edit of something, as far as its host tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastEdit {
    /// Who made it (untrusted).
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Acting on feature flags.
pub trait FlagHands: Send + Sync {
    /// The project that is acted on, by its id.
    fn project(&self) -> &str;
    /// A flag as it stands.
    fn flag<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<FlagFacts, HandsError>>;
    /// Who edited a flag last, for the words of a refusal: what cannot be told is left out.
    fn last_edit(&self, _id: u64) -> BoxFuture<'_, LastEdit> {
        Box::pin(std::future::ready(LastEdit::default()))
    }
    /// Sets the flag on or off, only if its version is still `version`. Absolute, so a repeat is harmless.
    fn set_flag<'a>(
        &'a self,
        id: u64,
        version: u64,
        active: bool,
        rollout: Option<f64>,
    ) -> BoxFuture<'a, Result<FlagFacts, HandsError>>;
}

#[cfg(test)]
mod tests {
    use super::made_by;

    #[test]
    fn one_of_title_and_text_may_have_been_edited() {
        let ours = ("Revert #482", "Sign-ups fell.\n\n<!-- mark -->");
        for (title, body, same) in [
            ("Revert #482", "Sign-ups fell.\r\n\r\n<!-- mark -->\n", true),
            ("Revert #482, please", "Sign-ups fell.\n\n<!-- mark -->", true),
            ("Revert #482", "edited", true),
            ("Revert #480", "Sales fell.\n\n<!-- mark -->", false),
        ] {
            assert_eq!(made_by(title, body, ours), same, "{title} {body}");
        }
    }
}
