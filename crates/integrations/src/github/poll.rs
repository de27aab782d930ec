//! One round of polling.

use wakeman_gateway::ports::{CodeAnswer, CodeRequest};
use wakeman_types::{Change, ChangeRef};

use super::{client::Wire, commits, deployments, memory::Memory, pulls, releases, runs};
use crate::http::Failure;

/// Releases are rare: every fifth round they take the place of the commits.
const RELEASES_EVERY: u64 = 5;
/// Details of each list that are read in the first round, and in each later one; they come on top of the lists. Each list has its own,
/// so that many merges cannot keep a direct commit waiting.
const DETAILS_FIRST: usize = 40;
const DETAILS_LATER: usize = 10;

/// How many calls for details of one list are left in this round.
#[derive(Debug)]
pub(super) struct Details(usize);

impl Details {
    /// Takes one call, if there is one left.
    pub(super) fn take(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// Reads what is new. Four conditional calls when nothing is. A poll that fails has told nobody anything: the next one reads as far
/// back again.
pub(super) async fn poll(
    wire: &Wire,
    branch: &str,
    memory: &mut Memory,
    request: CodeRequest,
) -> Result<CodeAnswer, Failure> {
    let swept = (memory.pulls_swept, memory.commits_swept);
    let answer = read(wire, branch, memory, request).await;
    if answer.is_err() {
        (memory.pulls_swept, memory.commits_swept) = swept;
    }
    answer
}

async fn read(wire: &Wire, branch: &str, memory: &mut Memory, request: CodeRequest) -> Result<CodeAnswer, Failure> {
    let CodeRequest { since, round } = request;
    let details = || Details(if round == 0 { DETAILS_FIRST } else { DETAILS_LATER });
    let mut answer = CodeAnswer::default();
    let (deployed, deploys) = deployments::read(wire, memory, &mut details(), since).await?;
    let mut merges = pulls::merged(wire, branch, memory, &mut details(), since).await?;
    mark_live(&mut merges, memory);
    answer.changes.append(&mut merges);
    answer.changes.extend(deploys);
    answer.deployments = deployed;
    if round == 0 || round % RELEASES_EVERY == RELEASES_EVERY - 1 {
        answer.changes.extend(releases::read(wire, since).await?);
    }
    if round % RELEASES_EVERY != RELEASES_EVERY - 1 {
        answer.changes.extend(commits::direct(wire, branch, memory, &mut details(), since).await?);
    }
    answer.runs = runs::read(wire, branch).await?;
    Ok(answer)
}

/// A merge whose own commit went live is live since then.
fn mark_live(merges: &mut [Change], memory: &Memory) {
    for merge in merges {
        let ChangeRef::PullRequest { merge_sha, .. } = &merge.reference else { continue };
        let carried = memory.deployments.values().filter(|settled| settled.sha == *merge_sha);
        merge.live_at = carried.filter_map(|settled| settled.live_at).min();
    }
}
