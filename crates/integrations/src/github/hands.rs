//! Pull requests, branches and issues as the executor needs them.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use wakeman_gateway::ports::{
    Checks, CommentFacts, CommentRequest, HandsError, IssueFacts, IssueRequest, PullFacts, PullFile,
};

use wakeman_types::short_sha;

use super::{
    answers::{ChangedFile, Comment, Issue, Pull, Reference},
    client::Wire,
    paths,
    trees::Trees,
};
use crate::http::Failure;

/// GitHub lists at most this many files of a pull request, a hundred a page.
const FILE_PAGES_MAX: usize = 30;
/// Pages of check runs that are read.
const CHECK_PAGES_MAX: usize = 5;

#[derive(Debug, Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
struct CheckRun {
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CombinedStatus {
    state: String,
    total_count: u64,
}

/// Reads a pull request in full.
pub(super) async fn fetch(wire: &Wire, number: u64) -> Result<Pull, Failure> {
    wire.get("pull request", &format!("/pulls/{number}")).await
}

/// A pull request as it stands.
pub(super) async fn pull(wire: &Wire, number: u64) -> Result<PullFacts, HandsError> {
    let read = async { facts(wire, fetch(wire, number).await?).await };
    read.await.map_err(|failure| failure.reading(&format!("reading #{number} from GitHub"), wire.now()))
}

/// Completes a pull request with its checks. One that is over has nothing left to check.
pub(super) async fn facts(wire: &Wire, pull: Pull) -> Result<PullFacts, Failure> {
    let checks = if pull.is_open() { checks(wire, &pull.head.sha).await? } else { Checks::Passed };
    Ok(PullFacts {
        number: pull.number,
        open: pull.is_open(),
        merged: pull.is_merged(),
        merge_sha: pull.merge_commit_sha.clone().filter(|_| pull.is_merged()),
        head_sha: pull.head.sha,
        base: pull.base.name,
        title: pull.title,
        checks,
        mergeable: pull.mergeable,
        body: pull.body.unwrap_or_default(),
    })
}

/// How the checks of a commit stand.
pub(super) async fn checks_of(wire: &Wire, sha: &str) -> Result<Checks, HandsError> {
    let what = format!("reading the checks of {} from GitHub", short_sha(sha));
    checks(wire, sha).await.map_err(|failure| failure.reading(&what, wire.now()))
}

/// Check runs and the older commit statuses together.
async fn checks(wire: &Wire, sha: &str) -> Result<Checks, Failure> {
    let mut all = Vec::new();
    for page in 1..=CHECK_PAGES_MAX {
        let path = format!("/commits/{sha}/check-runs?per_page=100&page={page}");
        let listed: CheckRuns = wire.get("check runs", &path).await?;
        let whole = listed.check_runs.len() == 100;
        all.extend(listed.check_runs.iter().map(|run| check(&run.status, run.conclusion.as_deref())));
        if !whole {
            break;
        }
    }
    let combined: CombinedStatus = wire.get("commit status", &format!("/commits/{sha}/status")).await?;
    if combined.total_count > 0 {
        all.push(match combined.state.as_str() {
            "success" => Checks::Passed,
            "pending" => Checks::Pending,
            _ => Checks::Failed,
        });
    }
    Ok(together(&all))
}

fn check(status: &str, conclusion: Option<&str>) -> Checks {
    match (status, conclusion) {
        ("completed", Some("success" | "neutral" | "skipped")) => Checks::Passed,
        ("completed", _) => Checks::Failed,
        _ => Checks::Pending,
    }
}

/// A failure is final, so it counts before what is still running.
fn together(all: &[Checks]) -> Checks {
    if all.contains(&Checks::Failed) {
        Checks::Failed
    } else if all.contains(&Checks::Pending) {
        Checks::Pending
    } else if all.is_empty() {
        Checks::None
    } else {
        Checks::Passed
    }
}

/// The files a pull request changed, with their blobs after it.
pub(super) async fn pull_files(wire: &Wire, number: u64) -> Result<Vec<PullFile>, HandsError> {
    let what = format!("reading the files of #{number} from GitHub");
    let reading = |failure: Failure| failure.reading(&what, wire.now());
    let pull = fetch(wire, number).await.map_err(reading)?;
    let mut listed: Vec<ChangedFile> = Vec::new();
    for page in 1..=FILE_PAGES_MAX {
        let path = format!("/pulls/{number}/files?per_page=100&page={page}");
        let more: Vec<ChangedFile> = wire.get("file list of a pull request", &path).await.map_err(reading)?;
        let whole = more.len() == 100;
        listed.extend(more);
        if !whole {
            break;
        }
        if page == FILE_PAGES_MAX {
            return Err(HandsError::Permanent {
                reason: format!("{what}: more files than GitHub lists; revert it by hand"),
            });
        }
    }
    let mut files = Vec::new();
    for file in &listed {
        // A renamed file is two: the old name is gone, the new one is there.
        if let Some(old) = file.previous_filename.as_ref().filter(|_| file.status == "renamed") {
            files.push(PullFile { path: old.clone(), blob: None });
        }
        let blob = file.sha.clone().filter(|_| file.status != "removed");
        files.push(PullFile { path: file.filename.clone(), blob });
    }
    if let Some(merge) = pull.merge_commit_sha.filter(|_| pull.merged_at.is_some()) {
        as_merged(wire, &merge, &mut files).await.map_err(reading)?;
    }
    Ok(files)
}

/// The list has the blobs of the pull request's own branch; if the base had moved on, the merge made others.
async fn as_merged(wire: &Wire, merge: &str, files: &mut [PullFile]) -> Result<(), Failure> {
    let mut trees = Trees::new(wire);
    let root = trees.commit(merge).await?.tree.sha;
    for file in files {
        file.blob = trees.entry(&root, &file.path).await?.map(|entry| entry.sha);
    }
    Ok(())
}

/// The head of a branch.
pub(super) async fn branch_head(wire: &Wire, branch: &str) -> Result<String, HandsError> {
    let what = format!("reading branch {branch} from GitHub");
    head_of(wire, branch).await.map_err(|failure| failure.reading(&what, wire.now()))
}

pub(super) async fn head_of(wire: &Wire, branch: &str) -> Result<String, Failure> {
    let reference: Reference = wire.get("branch", &format!("/git/ref/heads/{}", paths::path(branch))).await?;
    Ok(reference.object.sha)
}

/// Those of `files` that are no longer as they were left.
pub(super) async fn changed_since(wire: &Wire, branch: &str, files: &[PullFile]) -> Result<Vec<String>, HandsError> {
    let what = format!("comparing files on {branch} at GitHub");
    let read = async {
        let head = head_of(wire, branch).await?;
        let mut trees = Trees::new(wire);
        let root = trees.commit(&head).await?.tree.sha;
        let mut changed = Vec::new();
        for file in files {
            let now = trees.entry(&root, &file.path).await?.map(|entry| entry.sha);
            if now != file.blob {
                changed.push(file.path.clone());
            }
        }
        Ok(changed)
    };
    read.await.map_err(|failure: Failure| failure.reading(&what, wire.now()))
}

/// Opens an issue.
pub(super) async fn open_issue(wire: &Wire, request: &IssueRequest) -> Result<IssueFacts, HandsError> {
    let body = json!({"title": request.title, "body": request.body});
    let opened: Result<Issue, Failure> = wire.send(Method::POST, "new issue", "/issues", &body).await;
    let issue = opened.map_err(|failure| failure.writing("opening an issue on GitHub", wire.now()))?;
    Ok(IssueFacts { number: issue.number, url: issue.html_url })
}

/// The blobs that paths have on a branch.
pub(super) async fn files_at(wire: &Wire, branch: &str, paths: &[String]) -> Result<Vec<PullFile>, HandsError> {
    let what = format!("reading files of {branch} from GitHub");
    let read = async {
        let head = head_of(wire, branch).await?;
        let mut trees = Trees::new(wire);
        let root = trees.commit(&head).await?.tree.sha;
        let mut files = Vec::new();
        for path in paths {
            let blob = trees.entry(&root, path).await?.map(|entry| entry.sha);
            files.push(PullFile { path: path.clone(), blob });
        }
        Ok(files)
    };
    read.await.map_err(|failure: Failure| failure.reading(&what, wire.now()))
}

/// Comments on an issue or pull request.
pub(super) async fn comment(wire: &Wire, request: &CommentRequest) -> Result<CommentFacts, HandsError> {
    let path = format!("/issues/{}/comments", request.number);
    let made: Result<Comment, Failure> =
        wire.send(Method::POST, "new comment", &path, &json!({"body": request.body})).await;
    let made =
        made.map_err(|failure| failure.writing(&format!("commenting on #{} on GitHub", request.number), wire.now()))?;
    Ok(CommentFacts { id: made.id, url: made.html_url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_count_together() {
        use Checks::{Failed, Passed, Pending};
        for (all, want) in [
            (vec![], Checks::None),
            (vec![Passed, Passed], Passed),
            (vec![Passed, Pending], Pending),
            (vec![Pending, Failed, Passed], Failed),
        ] {
            assert_eq!(together(&all), want, "{all:?}");
        }
        for (status, conclusion, want) in [
            ("queued", None, Pending),
            ("in_progress", None, Pending),
            ("completed", Some("success"), Passed),
            ("completed", Some("neutral"), Passed),
            ("completed", Some("skipped"), Passed),
            ("completed", Some("failure"), Failed),
            ("completed", Some("cancelled"), Failed),
            ("completed", Some("action_required"), Failed),
            ("completed", None, Failed),
        ] {
            assert_eq!(check(status, conclusion), want, "{status} {conclusion:?}");
        }
    }
}
