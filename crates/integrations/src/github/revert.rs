//! Reverting a merge: file by file on a branch of our own, or by GitHub's own revert.
//!
//! The file-level revert is one step to the outside; see [`branch`](super::branch) for how an attempt that was cut off is continued.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_gateway::ports::{HandsError, OpenedPull, RevertRequest};
use wakeman_types::{MINUTE_MS, Timestamp, short_sha};

use super::{
    answers::{GitCommit, ListedPull, ShaOnly},
    branch::{Content, Step, Stop, Work, permanent},
    client::Wire,
    hands,
    trees::Trees,
};

/// A rebase merge has as many commits as its pull request; more than this is not walked back.
const REBASED_MAX: usize = 100;

/// Makes branch, commit and pull request, or finds them.
pub(super) async fn open(wire: &Wire, request: &RevertRequest) -> Result<OpenedPull, HandsError> {
    let RevertRequest { branch, base, merge_sha, number, title, body, at, .. } = request;
    let what = format!("opening the revert of #{number} on GitHub");
    let message = format!("{title}\n\nPuts the files of #{number} back to what they were before {merge_sha}.\n");
    let work = Work {
        wire,
        trees: Trees::new(wire),
        branch,
        base,
        title,
        body,
        message,
        at: *at,
        content: Content::Revert(request),
    };
    work.open(&what).await
}

/// The tree of `parent` with the files put back; `None` if that changes nothing.
pub(super) async fn tree(
    wire: &Wire,
    trees: &mut Trees<'_>,
    request: &RevertRequest,
    parent: &GitCommit,
) -> Step<Option<String>> {
    let before = before_merge(wire, trees, request).await?;
    let root = trees.commit(&before).await.map_err(Stop::Reading)?.tree.sha;
    let mut entries = Vec::new();
    for path in &request.paths {
        let then = trees.entry(&root, path).await.map_err(Stop::Reading)?;
        let now = trees.entry(&parent.tree.sha, path).await.map_err(Stop::Reading)?;
        if then == now {
            continue;
        }
        entries.push(match (then, now) {
            (Some(then), _) => json!({"path": path, "mode": then.mode, "type": then.kind, "sha": then.sha}),
            (None, Some(now)) => json!({"path": path, "mode": now.mode, "type": now.kind, "sha": Value::Null}),
            (None, None) => continue,
        });
    }
    make_tree(wire, parent, entries).await
}

/// Makes a tree of `parent` with these entries; `None` if it is the same tree.
pub(super) async fn make_tree(wire: &Wire, parent: &GitCommit, entries: Vec<Value>) -> Step<Option<String>> {
    if entries.is_empty() {
        return Ok(None);
    }
    let body = json!({"base_tree": parent.tree.sha, "tree": entries});
    let made: ShaOnly = wire.send(Method::POST, "new tree", "/git/trees", &body).await.map_err(Stop::Writing)?;
    Ok(Some(made.sha).filter(|sha| *sha != parent.tree.sha))
}

/// The commit the branch was at before the merge. A rebase merge put several commits there: they are walked back.
async fn before_merge(wire: &Wire, trees: &Trees<'_>, request: &RevertRequest) -> Step<String> {
    let RevertRequest { merge_sha, number, .. } = request;
    let merge = trees.commit(merge_sha).await.map_err(Stop::Reading)?;
    let first_parent = |commit: &GitCommit| commit.parents.first().map(|parent| parent.sha.clone());
    let Some(mut before) = first_parent(&merge) else {
        return permanent(format!("{} is the first commit of all; it cannot be reverted", short_sha(merge_sha)));
    };
    if merge.parents.len() > 1 {
        return Ok(before);
    }
    for _ in 0..REBASED_MAX {
        let path = format!("/commits/{before}/pulls");
        let pulls: Vec<ListedPull> = wire.get("pull requests of a commit", &path).await.map_err(Stop::Reading)?;
        if pulls.iter().all(|pull| pull.number != *number) {
            return Ok(before);
        }
        let commit = trees.commit(&before).await.map_err(Stop::Reading)?;
        let Some(parent) = first_parent(&commit) else { break };
        before = parent;
    }
    permanent(format!("the commits before #{number} could not be told apart from it; revert it by hand"))
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

/// Kinds of errors that say that nothing was changed.
const REFUSED: [&str; 5] =
    ["NOT_FOUND", "FORBIDDEN", "UNPROCESSABLE", "INSUFFICIENT_SCOPES", "MAX_NODE_LIMIT_EXCEEDED"];

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
        return Err(refused(&error.kind, reason, wire.now()));
    }
    let made = answer.data.as_ref().and_then(|data| data.pointer("/revertPullRequest/revertPullRequest")).cloned();
    let made = made.and_then(|made| serde_json::from_value::<RevertPull>(made).ok());
    let made =
        made.ok_or_else(|| HandsError::InDoubt { reason: format!("{what}: it was accepted, but answered oddly") })?;
    Ok(OpenedPull { number: made.number, head_sha: made.head_ref_oid, url: made.url })
}

/// What an error of GraphQL means for the mutation.
fn refused(kind: &str, reason: String, now: Timestamp) -> HandsError {
    match kind {
        "RATE_LIMITED" => HandsError::NotDone { reason, not_before: Some(now.plus_ms(MINUTE_MS)) },
        kind if REFUSED.contains(&kind) => HandsError::Permanent { reason },
        // GitHub answers so when it gave up waiting for itself, too; it may still be done.
        _ => HandsError::InDoubt { reason },
    }
}

#[cfg(test)]
mod tests {
    use wakeman_gateway::ports::HandsError;
    use wakeman_types::Timestamp;

    use super::refused;

    #[test]
    fn only_an_error_that_says_nothing_was_changed_counts_as_refused() {
        let told = |kind: &str| refused(kind, "why".to_owned(), Timestamp(0));
        for kind in ["NOT_FOUND", "FORBIDDEN", "UNPROCESSABLE"] {
            assert!(matches!(told(kind), HandsError::Permanent { .. }), "{kind}");
        }
        for kind in ["", "INTERNAL", "SERVICE_UNAVAILABLE", "something new"] {
            assert!(matches!(told(kind), HandsError::InDoubt { .. }), "{kind}");
        }
        assert!(matches!(told("RATE_LIMITED"), HandsError::NotDone { not_before: Some(Timestamp(60_000)), .. }));
    }
}
