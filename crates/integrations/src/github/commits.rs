//! Commits that went to the default branch without a pull request.

use std::collections::HashMap;

use wakeman_gateway::ports::{CommitCard, CommitRequest};
use wakeman_types::{Change, ChangeId, ChangeKind, ChangeRef, Timestamp, short_sha};

use super::{
    answers::{Commit, ListedPull},
    client::Wire,
    memory::{Memory, Sweep},
    paths,
    poll::Details,
    pulls::FILES_MAX,
};
use crate::http::{Failure, rfc3339};

const PER_PAGE: usize = 100;
/// A first look reaches back this many pages at most.
const PAGES_MAX: usize = 10;

/// Direct commits since then; each that is new is looked at once, now or in a later round.
pub(super) async fn direct(
    wire: &Wire,
    branch: &str,
    memory: &mut Memory,
    details: &mut Details,
    since: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let commits = sweep(wire, branch, memory, since).await?;
    let mut changes = Vec::new();
    for commit in mainline(&commits) {
        if commit.commit.committer.date.0 < since || memory.merge_shas.contains(&commit.sha) {
            continue;
        }
        match memory.commits.get(&commit.sha) {
            Some(known) => changes.extend(known.clone()),
            None if memory.commits_due.iter().all(|due| due.sha != commit.sha) => {
                memory.commits_due.push_back(commit.clone());
            }
            None => {}
        }
    }
    while !memory.commits_due.is_empty() && details.take() {
        let Some(due) = memory.commits_due.pop_front() else { break };
        match look(wire, &due, details).await {
            Ok(found) => {
                memory.commits.insert(due.sha, found.clone());
                changes.extend(found);
            }
            // Pushed away since it was listed.
            Err(failure) if failure.is_gone() => memory.commits.insert(due.sha, None),
            Err(failure) => {
                memory.commits_due.push_front(due);
                return Err(failure);
            }
        }
    }
    Ok(changes)
}

/// Commits of the branch, newest first, back to what is already known.
async fn sweep(wire: &Wire, branch: &str, memory: &mut Memory, since: Timestamp) -> Result<Vec<Commit>, Failure> {
    let horizon = Sweep::horizon(memory.commits_swept, since);
    let path = |page: usize| {
        let page = if page > 1 { format!("&page={page}") } else { String::new() };
        format!("/commits?sha={}&per_page={PER_PAGE}{page}", paths::value(branch))
    };
    let first = wire.get_cached::<Vec<Commit>>("commit list", &path(1)).await?;
    let mut commits = first.as_ref().clone();
    let mut last_page = commits.len();
    for page in 2..=PAGES_MAX {
        if last_page < PER_PAGE || commits.last().is_none_or(|oldest| oldest.commit.committer.date.0 < horizon) {
            break;
        }
        let more: Vec<Commit> = wire.get("commit list", &path(page)).await?;
        last_page = more.len();
        commits.extend(more);
    }
    let newest = commits.iter().map(|commit| commit.commit.committer.date.0).max();
    memory.commits_swept = Sweep::after(memory.commits_swept, since, newest);
    Ok(commits)
}

/// Commits, newest first, as somebody asked for them.
pub(super) async fn list(wire: &Wire, branch: &str, request: CommitRequest) -> Result<Vec<CommitCard>, Failure> {
    let mut path = format!("/commits?sha={}", paths::value(request.branch.as_deref().unwrap_or(branch)));
    path.push_str(&format!("&per_page={}", request.limit.clamp(1, PER_PAGE)));
    for (name, value) in [("path", &request.path), ("author", &request.author)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", paths::value(value)));
        }
    }
    if let Some(since) = request.since {
        path.push_str(&format!("&since={}", paths::value(&rfc3339(since))));
    }
    let commits: Vec<Commit> = wire.ask("commit list", &path).await?;
    let card = |commit: Commit| CommitCard {
        at: commit.commit.committer.date.0,
        author: commit.author.map(|author| author.login).or(commit.commit.author.name),
        title: commit.commit.message.lines().next().unwrap_or_default().to_owned(),
        url: commit.html_url,
        sha: commit.sha,
    };
    Ok(commits.into_iter().map(card).collect())
}

/// The chain of first parents from the head: what was merged in from other branches is not on it.
fn mainline(commits: &[Commit]) -> Vec<&Commit> {
    let by_sha: HashMap<&str, &Commit> = commits.iter().map(|commit| (commit.sha.as_str(), commit)).collect();
    let mut line = Vec::new();
    let mut next = commits.first();
    while let Some(commit) = next {
        line.push(commit);
        next = commit.parents.first().and_then(|parent| by_sha.get(parent.sha.as_str())).copied();
    }
    line
}

/// Asks whether the commit belongs to a merged pull request; if not, reads its files.
async fn look(wire: &Wire, commit: &Commit, details: &mut Details) -> Result<Option<Change>, Failure> {
    let sha = &commit.sha;
    let pulls: Vec<ListedPull> = wire.get("pull requests of a commit", &format!("/commits/{sha}/pulls")).await?;
    if pulls.iter().any(|pull| pull.merged_at.is_some()) {
        return Ok(None);
    }
    details.take();
    let full: Commit = wire.get("commit", &format!("/commits/{sha}")).await?;
    let words = &commit.commit;
    let files: Vec<String> = full.files.into_iter().take(FILES_MAX).map(|file| file.filename).collect();
    Ok(Some(Change {
        id: ChangeId::new(format!("commit:{}", short_sha(sha))),
        kind: ChangeKind::Config,
        at: words.committer.date.0,
        live_at: None,
        title: words.message.lines().next().unwrap_or_default().to_owned(),
        author: commit.author.as_ref().map(|author| author.login.clone()).or_else(|| words.author.name.clone()),
        url: commit.html_url.clone(),
        reference: ChangeRef::Commit { sha: sha.clone() },
        files,
    }))
}
