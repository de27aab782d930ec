//! Merging, bound to the head that was approved.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use wakeman_gateway::ports::{HandsError, Merged};
use wakeman_types::short_sha;

use super::{answers::Pull, client::Wire, hands};
use crate::http::Failure;

/// In this order: the first that the repository allows.
const METHODS: [&str; 3] = ["merge", "squash", "rebase"];

#[derive(Debug, Deserialize)]
struct MergeAnswer {
    sha: String,
    merged: bool,
}

/// Merges `number`, only if its head is still `head_sha`.
pub(super) async fn merge(wire: &Wire, number: u64, head_sha: &str) -> Result<Merged, HandsError> {
    let what = format!("merging #{number} on GitHub");
    let pull = hands::fetch(wire, number).await.map_err(|failure| failure.reading(&what, wire.now()))?;
    if let Some(done) = already(&pull, head_sha, &what)? {
        return Ok(done);
    }
    let mut refusal = None;
    for method in METHODS {
        let body = json!({"sha": head_sha, "merge_method": method});
        let path = format!("/pulls/{number}/merge");
        match wire.send::<MergeAnswer>(Method::PUT, "merge", &path, &body).await {
            Ok(answer) if answer.merged => return Ok(Merged { sha: answer.sha }),
            Ok(_) => return Err(HandsError::InDoubt { reason: format!("{what}: answered that it is not merged") }),
            // The repository does not allow this method; it certainly did nothing.
            Err(Failure::Refused { status: 405, reason, .. }) if forbids_method(&reason) => refusal = Some(reason),
            Err(failure) => return Err(refused(wire, &what, number, head_sha, failure).await),
        }
    }
    Err(HandsError::Permanent { reason: format!("{what}: {}", refusal.unwrap_or_default()) })
}

/// `Merge commits are not allowed on this repository.`
fn forbids_method(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("not allowed on this repository")
}

/// The end, where there is nothing left to merge.
fn already(pull: &Pull, head_sha: &str, what: &str) -> Result<Option<Merged>, HandsError> {
    let same = pull.head.sha == head_sha;
    match (pull.is_merged(), pull.is_open()) {
        (true, _) if same => Ok(pull.merge_commit_sha.clone().map(|sha| Merged { sha })),
        (true, _) => Err(HandsError::Precondition {
            reason: format!("{what}: it was merged with another head, {}", short_sha(&pull.head.sha)),
        }),
        (false, false) => {
            Err(HandsError::Permanent { reason: format!("{what}: somebody closed it; reopen it on GitHub to go on") })
        }
        (false, true) if !same => Err(moved(pull, head_sha, what)),
        (false, true) => Ok(None),
    }
}

fn moved(pull: &Pull, head_sha: &str, what: &str) -> HandsError {
    HandsError::Precondition {
        reason: format!("{what}: somebody pushed to it (head {} → {})", short_sha(head_sha), short_sha(&pull.head.sha)),
    }
}

/// What a refused or lost merge means. 405 and 409 did nothing, but can have several reasons: the pull request itself tells.
async fn refused(wire: &Wire, what: &str, number: u64, head_sha: &str, failure: Failure) -> HandsError {
    let Failure::Refused { status: 405 | 409, reason, .. } = &failure else {
        return failure.writing(what, wire.now());
    };
    match hands::fetch(wire, number).await {
        Ok(pull) if pull.head.sha != head_sha => moved(&pull, head_sha, what),
        Ok(pull) if pull.mergeable == Some(false) => HandsError::Precondition {
            reason: format!("{what}: it conflicts with {}; a new revert is needed", pull.base.name),
        },
        _ => HandsError::NotDone { reason: format!("{what}: {reason}"), not_before: None },
    }
}
