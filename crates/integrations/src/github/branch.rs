//! A pull request of our own from nothing but the API: tree, commit, branch, pull request.
//!
//! One step to the outside: branch and pull request carry the proposal's name, and each part is looked for before it is made. An
//! attempt that was cut off anywhere is continued by the next.

use http::Method;
use serde_json::json;
use wakeman_gateway::ports::{HandsError, OpenedPull, PatchRequest, RevertRequest, made_by};
use wakeman_types::{Timestamp, short_sha};

use super::{
    answers::{GitCommit, Pull, Reference, ShaOnly},
    client::Wire,
    hands, patch, revert, search,
    trees::Trees,
};
use crate::http::{Failure, rfc3339};

/// Who the commits are by: the same each time, so that a repeated attempt makes the same commit.
const AUTHOR: (&str, &str) = ("Wakeman", "wakeman@users.noreply.github.com");

/// How a part of the work ended: with a failure of the wire, or for good.
pub(super) enum Stop {
    Reading(Failure),
    Writing(Failure),
    /// The branch is there, and its pull request was not opened.
    Unopened(Failure),
    Final(HandsError),
}

pub(super) type Step<T> = Result<T, Stop>;

pub(super) fn permanent<T>(reason: String) -> Step<T> {
    Err(Stop::Final(HandsError::Permanent { reason }))
}

/// What the commit holds.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// The files of a merge as they were before it.
    Revert(&'a RevertRequest),
    /// Whole files.
    Patch(&'a PatchRequest),
}

/// One pull request on its way.
pub(super) struct Work<'a> {
    pub(super) wire: &'a Wire,
    pub(super) trees: Trees<'a>,
    pub(super) branch: &'a str,
    pub(super) base: &'a str,
    pub(super) title: &'a str,
    pub(super) body: &'a str,
    pub(super) message: String,
    pub(super) at: Timestamp,
    pub(super) content: Content<'a>,
}

impl Work<'_> {
    /// Makes branch, commit and pull request, or finds them.
    pub(super) async fn open(mut self, what: &str) -> Result<OpenedPull, HandsError> {
        let now = self.wire.now();
        self.run().await.map_err(|stop| match stop {
            Stop::Reading(failure) => failure.reading(what, now),
            Stop::Writing(failure) => failure.writing(what, now),
            Stop::Unopened(failure) => left_behind(failure.writing(what, now), self.branch),
            Stop::Final(error) => error,
        })
    }

    async fn run(&mut self) -> Step<OpenedPull> {
        let existing = search::by_head(self.wire, self.branch).await.map_err(Stop::Reading)?;
        existing.as_ref().map_or(Ok(()), |pull| self.says_ours(pull))?;
        let head = match self.branch_head().await? {
            Some(head) => {
                self.must_be_ours(&head).await?;
                head
            }
            // A branch that is gone after its pull request was merged is tidied up, not missing.
            None if existing.is_some() => String::new(),
            None => self.make_branch().await?,
        };
        match existing {
            Some(pull) => self.resume(pull, &head),
            None => self.make_pull(&head).await,
        }
    }

    /// A pull request of the same branch with neither our title nor our words is somebody else's. Not told by its time: the clock of
    /// the platform is not ours.
    fn says_ours(&self, pull: &Pull) -> Step<()> {
        if made_by(&pull.title, pull.body.as_deref().unwrap_or_default(), (self.title, self.body)) {
            return Ok(());
        }
        let (number, branch) = (pull.number, self.branch);
        permanent(format!(
            "#{number} already used the branch {branch} for something else; set another github.branchPrefix in \
             read-only/settings.json"
        ))
    }

    async fn branch_head(&self) -> Step<Option<String>> {
        match hands::head_of(self.wire, self.branch).await {
            Ok(head) => Ok(Some(head)),
            Err(Failure::Refused { status: 404, .. }) => Ok(None),
            Err(failure) => Err(Stop::Reading(failure)),
        }
    }

    /// A pull request of this branch exists: ours, merged, closed by a person, or grown since.
    fn resume(&self, pull: Pull, head: &str) -> Step<OpenedPull> {
        let (branch, base) = (self.branch, self.base);
        if !pull.is_open() && !pull.is_merged() {
            return permanent(format!("#{} from {branch} was closed by a person; it is not opened again", pull.number));
        }
        if pull.base.name != base {
            return permanent(format!("#{} from {branch} goes into {}, not into {base}", pull.number, pull.base.name));
        }
        if pull.is_open() && pull.head.sha != head {
            return Err(Stop::Final(HandsError::Precondition {
                reason: format!("somebody pushed to {branch} (#{}); look at it on GitHub", pull.number),
            }));
        }
        Ok(opened(pull))
    }

    /// An existing branch must carry exactly our commit: our words and date, and the tree we would make on its parent.
    async fn must_be_ours(&mut self, head: &str) -> Step<()> {
        let commit = self.trees.commit(head).await.map_err(Stop::Reading)?;
        let ours = commit.author.date.0.ms() / 1000 == self.at.ms() / 1000
            && commit.author.name.as_deref() == Some(AUTHOR.0)
            && commit.message.trim_end() == self.message.trim_end();
        if let ([parent], true) = (commit.parents.as_slice(), ours) {
            let parent = self.trees.commit(&parent.sha).await.map_err(Stop::Reading)?;
            if self.make_tree(&parent).await?.as_deref() == Some(commit.tree.sha.as_str()) {
                return Ok(());
            }
        }
        let branch = self.branch;
        permanent(format!("branch {branch} exists with other work ({}); delete it on GitHub to go on", short_sha(head)))
    }

    /// Tree, commit and branch on top of the base as it is now.
    async fn make_branch(&mut self) -> Step<String> {
        let base_head = hands::head_of(self.wire, self.base).await.map_err(Stop::Reading)?;
        let base = self.trees.commit(&base_head).await.map_err(Stop::Reading)?;
        let Some(tree) = self.make_tree(&base).await? else {
            let base = self.base;
            return permanent(match self.content {
                Content::Revert(RevertRequest { number, .. }) => {
                    format!("nothing to revert: {base} already has the files as they were before #{number}")
                }
                Content::Patch(_) => {
                    format!("nothing to change: {base} already has the files as they would be written")
                }
            });
        };
        let person = json!({"name": AUTHOR.0, "email": AUTHOR.1, "date": rfc3339(self.at.floor_to(1000))});
        let body = json!({
            "message": self.message, "tree": tree, "parents": [base.sha], "author": person, "committer": person,
        });
        let commit: ShaOnly =
            self.wire.send(Method::POST, "new commit", "/git/commits", &body).await.map_err(Stop::Writing)?;
        let branch = self.branch;
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": commit.sha});
        match self.wire.send::<Reference>(Method::POST, "new branch", "/git/refs", &body).await {
            Ok(_) => Ok(commit.sha),
            Err(Failure::Refused { status: 422, reason, .. }) if reason.contains("already exists") => {
                let head = hands::head_of(self.wire, branch).await.map_err(Stop::Reading)?;
                if head != commit.sha {
                    self.must_be_ours(&head).await?;
                }
                Ok(head)
            }
            Err(failure) => Err(Stop::Writing(failure)),
        }
    }

    async fn make_tree(&mut self, parent: &GitCommit) -> Step<Option<String>> {
        match self.content {
            Content::Revert(request) => revert::tree(self.wire, &mut self.trees, request, parent).await,
            Content::Patch(request) => patch::tree(self.wire, &mut self.trees, request, parent).await,
        }
    }

    async fn make_pull(&self, head: &str) -> Step<OpenedPull> {
        let (branch, base, title, body) = (self.branch, self.base, self.title, self.body);
        let words = json!({"title": title, "body": body, "head": branch, "base": base});
        match self.wire.send::<Pull>(Method::POST, "new pull request", "/pulls", &words).await {
            Ok(pull) => Ok(opened(pull)),
            Err(Failure::Refused { status: 422, reason, .. }) if reason.contains("already exists") => {
                match search::by_head(self.wire, branch).await.map_err(Stop::Reading)? {
                    Some(pull) => self.resume(pull, head),
                    None => Err(Stop::Final(left_behind(
                        HandsError::Permanent { reason: format!("opening the pull request: {reason}") },
                        branch,
                    ))),
                }
            }
            Err(failure) => Err(Stop::Unopened(failure)),
        }
    }
}

/// The same error, with what stays on GitHub. A proposal has a branch of its own, so once it has failed nothing comes back to it.
fn left_behind(error: HandsError, branch: &str) -> HandsError {
    match error {
        HandsError::Permanent { reason } => HandsError::Permanent {
            reason: format!(
                "{reason}; its branch {branch} was made before that and stays on GitHub: delete it there, nothing uses it again"
            ),
        },
        HandsError::NotDone { reason, not_before } => {
            HandsError::NotDone { reason: format!("{reason}; its branch {branch} is on GitHub already"), not_before }
        }
        other => other,
    }
}

fn opened(pull: Pull) -> OpenedPull {
    OpenedPull { number: pull.number, head_sha: pull.head.sha, url: pull.html_url }
}
