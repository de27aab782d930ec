//! Reverting a merge: file by file on a branch of our own, or by GitHub's own revert.
//!
//! The file-level revert is one step to the outside: branch and pull request carry the proposal's name, and each part is looked for
//! before it is made. An attempt that was cut off anywhere is continued by the next.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_gateway::ports::{HandsError, OpenedPull, RevertRequest};
use wakeman_types::short_sha;

use super::{
    answers::{GitCommit, ListedPull, Pull, Reference, ShaOnly},
    client::Wire,
    hands, search,
    trees::Trees,
};
use crate::http::{Failure, rfc3339};

/// A rebase merge has as many commits as its pull request; more than this is not walked back.
const REBASED_MAX: usize = 100;
/// Who the commits are by: the same each time, so that a repeated attempt makes the same commit.
const AUTHOR: (&str, &str) = ("Wakeman", "wakeman@users.noreply.github.com");

/// How a step of the revert ended: with a failure of the wire, or for good.
enum Stop {
    Reading(Failure),
    Writing(Failure),
    Final(HandsError),
}

type Step<T> = Result<T, Stop>;

fn permanent<T>(reason: String) -> Step<T> {
    Err(Stop::Final(HandsError::Permanent { reason }))
}

/// Makes branch, commit and pull request, or finds them.
pub(super) async fn open(wire: &Wire, request: &RevertRequest) -> Result<OpenedPull, HandsError> {
    let what = format!("opening the revert of #{} on GitHub", request.number);
    let mut work = Work { wire, request, trees: Trees::new(wire) };
    work.run().await.map_err(|stop| match stop {
        Stop::Reading(failure) => failure.reading(&what, wire.now()),
        Stop::Writing(failure) => failure.writing(&what, wire.now()),
        Stop::Final(error) => error,
    })
}

struct Work<'a> {
    wire: &'a Wire,
    request: &'a RevertRequest,
    trees: Trees<'a>,
}

impl Work<'_> {
    async fn run(&mut self) -> Step<OpenedPull> {
        let existing = search::by_head(self.wire, &self.request.branch).await.map_err(Stop::Reading)?;
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

    async fn branch_head(&self) -> Step<Option<String>> {
        match hands::head_of(self.wire, &self.request.branch).await {
            Ok(head) => Ok(Some(head)),
            Err(Failure::Refused { status: 404, .. }) => Ok(None),
            Err(failure) => Err(Stop::Reading(failure)),
        }
    }

    /// A pull request of this branch exists: ours, merged, closed by a person, or grown since.
    fn resume(&self, pull: Pull, head: &str) -> Step<OpenedPull> {
        let RevertRequest { branch, base, .. } = self.request;
        if !pull.is_open() && !pull.is_merged() {
            return permanent(format!("#{} from {branch} was closed by a person; it is not opened again", pull.number));
        }
        if pull.base.name != *base {
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
        let ours = commit.author.date.0.ms() / 1000 == self.request.at.ms() / 1000
            && commit.author.name.as_deref() == Some(AUTHOR.0)
            && commit.message.trim_end() == self.message().trim_end();
        if let ([parent], true) = (commit.parents.as_slice(), ours) {
            let parent = self.trees.commit(&parent.sha).await.map_err(Stop::Reading)?;
            if self.make_tree(&parent).await?.as_deref() == Some(commit.tree.sha.as_str()) {
                return Ok(());
            }
        }
        let branch = &self.request.branch;
        permanent(format!("branch {branch} exists with other work ({}); delete it on GitHub to go on", short_sha(head)))
    }

    fn message(&self) -> String {
        let RevertRequest { title, number, merge_sha, .. } = self.request;
        format!("{title}\n\nPuts the files of #{number} back to what they were before {merge_sha}.\n")
    }

    /// Tree, commit and branch on top of the base as it is now.
    async fn make_branch(&mut self) -> Step<String> {
        let base_head = hands::head_of(self.wire, &self.request.base).await.map_err(Stop::Reading)?;
        let base = self.trees.commit(&base_head).await.map_err(Stop::Reading)?;
        let Some(tree) = self.make_tree(&base).await? else {
            let RevertRequest { base, number, .. } = self.request;
            return permanent(format!("nothing to revert: {base} already has the files as they were before #{number}"));
        };
        let person = json!({"name": AUTHOR.0, "email": AUTHOR.1, "date": rfc3339(self.request.at.floor_to(1000))});
        let body = json!({
            "message": self.message(), "tree": tree, "parents": [base.sha], "author": person, "committer": person,
        });
        let commit: ShaOnly =
            self.wire.send(Method::POST, "new commit", "/git/commits", &body).await.map_err(Stop::Writing)?;
        let branch = &self.request.branch;
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

    /// The tree of `parent` with the files put back; `None` if that changes nothing.
    async fn make_tree(&mut self, parent: &GitCommit) -> Step<Option<String>> {
        let before = self.before_merge().await?;
        let root = self.trees.commit(&before).await.map_err(Stop::Reading)?.tree.sha;
        let mut entries = Vec::new();
        for path in &self.request.paths {
            let then = self.trees.entry(&root, path).await.map_err(Stop::Reading)?;
            let now = self.trees.entry(&parent.tree.sha, path).await.map_err(Stop::Reading)?;
            if then == now {
                continue;
            }
            entries.push(match (then, now) {
                (Some(then), _) => json!({"path": path, "mode": then.mode, "type": then.kind, "sha": then.sha}),
                (None, Some(now)) => json!({"path": path, "mode": now.mode, "type": now.kind, "sha": Value::Null}),
                (None, None) => continue,
            });
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let body = json!({"base_tree": parent.tree.sha, "tree": entries});
        let made: ShaOnly =
            self.wire.send(Method::POST, "new tree", "/git/trees", &body).await.map_err(Stop::Writing)?;
        Ok(Some(made.sha).filter(|sha| *sha != parent.tree.sha))
    }

    /// The commit the branch was at before the merge. A rebase merge put several commits there: they are walked back.
    async fn before_merge(&self) -> Step<String> {
        let RevertRequest { merge_sha, number, .. } = self.request;
        let merge = self.trees.commit(merge_sha).await.map_err(Stop::Reading)?;
        let first_parent = |commit: &GitCommit| commit.parents.first().map(|parent| parent.sha.clone());
        let Some(mut before) = first_parent(&merge) else {
            return permanent(format!("{} is the first commit of all; it cannot be reverted", short_sha(merge_sha)));
        };
        if merge.parents.len() > 1 {
            return Ok(before);
        }
        for _ in 0..REBASED_MAX {
            let path = format!("/commits/{before}/pulls");
            let pulls: Vec<ListedPull> =
                self.wire.get("pull requests of a commit", &path).await.map_err(Stop::Reading)?;
            if pulls.iter().all(|pull| pull.number != *number) {
                return Ok(before);
            }
            let commit = self.trees.commit(&before).await.map_err(Stop::Reading)?;
            let Some(parent) = first_parent(&commit) else { break };
            before = parent;
        }
        permanent(format!("the commits before #{number} could not be told apart from it; revert it by hand"))
    }

    async fn make_pull(&self, head: &str) -> Step<OpenedPull> {
        let RevertRequest { branch, base, title, body, .. } = self.request;
        let words = json!({"title": title, "body": body, "head": branch, "base": base});
        match self.wire.send::<Pull>(Method::POST, "new pull request", "/pulls", &words).await {
            Ok(pull) => Ok(opened(pull)),
            Err(Failure::Refused { status: 422, reason, .. }) if reason.contains("already exists") => {
                match search::by_head(self.wire, branch).await.map_err(Stop::Reading)? {
                    Some(pull) => self.resume(pull, head),
                    None => permanent(format!("opening the pull request: {reason}")),
                }
            }
            Err(failure) => Err(Stop::Writing(failure)),
        }
    }
}

fn opened(pull: Pull) -> OpenedPull {
    OpenedPull { number: pull.number, head_sha: pull.head.sha, url: pull.html_url }
}

#[derive(Debug, Deserialize)]
struct Reverted {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Debug, Deserialize)]
struct GraphqlError {
    #[serde(default, rename = "type")]
    kind: String,
    message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RevertPull {
    number: u64,
    url: String,
    head_ref_oid: String,
}

const REVERT: &str = "mutation($input: RevertPullRequestInput!) { revertPullRequest(input: $input) { \
                      revertPullRequest { number url headRefOid } } }";

/// GitHub's own revert. The marker in its body is how it is found again.
pub(super) async fn open_by_platform(
    wire: &Wire,
    request: &RevertRequest,
    marker: &str,
) -> Result<OpenedPull, HandsError> {
    let what = format!("reverting #{} by GitHub", request.number);
    let pull = hands::fetch(wire, request.number).await.map_err(|failure| failure.reading(&what, wire.now()))?;
    if !pull.is_merged() || pull.node_id.is_empty() {
        return Err(HandsError::Permanent { reason: format!("{what}: it is not merged") });
    }
    let text =
        if request.body.contains(marker) { request.body.clone() } else { format!("{}\n\n{marker}", request.body) };
    let input = json!({"pullRequestId": pull.node_id, "title": request.title, "body": text, "draft": false});
    let document = json!({"query": REVERT, "variables": {"input": input}});
    let answer: Reverted =
        wire.graphql("revert", &document).await.map_err(|failure| failure.writing(&what, wire.now()))?;
    if let Some(error) = answer.errors.first() {
        let reason = format!("{what}: {}", crate::http::short(&error.message));
        return Err(match error.kind.as_str() {
            "RATE_LIMITED" => HandsError::NotDone { reason, not_before: Some(wire.now().plus_ms(60_000)) },
            _ => HandsError::Permanent { reason },
        });
    }
    let made = answer.data.as_ref().and_then(|data| data.pointer("/revertPullRequest/revertPullRequest")).cloned();
    let made = made.and_then(|made| serde_json::from_value::<RevertPull>(made).ok());
    let made =
        made.ok_or_else(|| HandsError::InDoubt { reason: format!("{what}: it was accepted, but answered oddly") })?;
    Ok(OpenedPull { number: made.number, head_sha: made.head_ref_oid, url: made.url })
}
