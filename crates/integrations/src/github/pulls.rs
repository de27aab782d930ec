//! Merged pull requests as changes.

use wakeman_types::{Change, ChangeId, ChangeKind, ChangeRef, Timestamp};

use super::{
    answers::{ChangedFile, ListedPull},
    client::Wire,
    memory::{Memory, Sweep},
    paths,
    poll::Details,
};
use crate::http::Failure;

const PER_PAGE: usize = 50;
/// A first look reaches back this many pages at most.
const PAGES_MAX: usize = 10;
/// A change lists this many paths at most.
pub(super) const FILES_MAX: usize = 300;

/// Merges since then; each with its files, now or in a later round.
pub(super) async fn merged(
    wire: &Wire,
    branch: &str,
    memory: &mut Memory,
    details: &mut Details,
    since: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let pulls = sweep(wire, branch, memory, since).await?;
    let mut merges = Vec::new();
    for pull in pulls.iter().filter(|pull| pull.merged_at.is_some_and(|at| at.0 >= since)) {
        let Some(mut merge) = change(pull) else { continue };
        match memory.files.get(&pull.number) {
            Some(files) => merge.files.clone_from(files),
            None if memory.files_due.iter().all(|due| due.id != merge.id) => memory.files_due.push_back(merge.clone()),
            None => {}
        }
        merges.push(merge);
    }
    while !memory.files_due.is_empty() && details.take() {
        let Some(mut due) = memory.files_due.pop_front() else { break };
        let ChangeRef::PullRequest { number, .. } = due.reference else { continue };
        due.files = match files(wire, number, details).await {
            Ok(files) => files,
            Err(failure) if failure.is_gone() => Vec::new(),
            Err(failure) => {
                memory.files_due.push_front(due);
                return Err(failure);
            }
        };
        memory.files.insert(number, due.files.clone());
        merges.retain(|merge| merge.id != due.id);
        merges.push(due);
    }
    Ok(merges)
}

/// Closed pull requests, most recently updated first, back to what is already known.
async fn sweep(wire: &Wire, branch: &str, memory: &mut Memory, since: Timestamp) -> Result<Vec<ListedPull>, Failure> {
    let horizon = Sweep::horizon(memory.pulls_swept, since);
    let path = |page: usize| {
        let page = if page > 1 { format!("&page={page}") } else { String::new() };
        let base = paths::value(branch);
        format!("/pulls?state=closed&base={base}&sort=updated&direction=desc&per_page={PER_PAGE}{page}")
    };
    let first = wire.get_cached::<Vec<ListedPull>>("pull request list", &path(1)).await?;
    let mut pulls = first.as_ref().clone();
    let mut last_page = pulls.len();
    for page in 2..=PAGES_MAX {
        if last_page < PER_PAGE || pulls.last().is_none_or(|oldest| oldest.updated_at.0 < horizon) {
            break;
        }
        let more: Vec<ListedPull> = wire.get("pull request list", &path(page)).await?;
        last_page = more.len();
        pulls.extend(more);
    }
    memory.pulls_swept = Sweep::after(memory.pulls_swept, since, pulls.iter().map(|pull| pull.updated_at.0).max());
    for sha in pulls.iter().filter(|pull| pull.merged_at.is_some()).filter_map(|pull| pull.merge_commit_sha.clone()) {
        memory.merge_shas.insert(sha, ());
    }
    Ok(pulls)
}

fn change(pull: &ListedPull) -> Option<Change> {
    Some(Change {
        id: ChangeId::new(format!("pr:{}", pull.number)),
        kind: ChangeKind::Merge,
        at: pull.merged_at?.0,
        live_at: None,
        title: pull.title.clone(),
        author: pull.user.as_ref().map(|user| user.login.clone()),
        url: pull.html_url.clone(),
        reference: ChangeRef::PullRequest { number: pull.number, merge_sha: pull.merge_commit_sha.clone()? },
        files: Vec::new(),
    })
}

async fn files(wire: &Wire, number: u64, details: &mut Details) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for page in 1..=3 {
        let path = format!("/pulls/{number}/files?per_page=100&page={page}");
        let listed: Vec<ChangedFile> = wire.get("file list of a pull request", &path).await?;
        let whole = listed.len() == 100;
        names.extend(listed.into_iter().map(|file| file.filename));
        if !whole || !details.take() {
            break;
        }
    }
    names.truncate(FILES_MAX);
    Ok(names)
}
