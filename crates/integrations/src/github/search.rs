//! Finding what an earlier attempt left: by branch, or by the marker in a body.

use wakeman_gateway::ports::{CommentFacts, HandsError, IssueFacts, PullFacts};
use wakeman_types::{MINUTE_MS, Timestamp};

use super::{
    answers::{Comment, Issue, Pull},
    client::Wire,
    hands, paths,
};
use crate::http::{Failure, rfc3339};

const PER_PAGE: usize = 100;
/// GitHub's clock and ours may differ by this much.
const SLACK_MS: i64 = 10 * MINUTE_MS;
/// Pages that are read back; a thousand pull requests or issues since an intent is not a case.
const PAGES_MAX: usize = 10;

/// The newest pull request whose head is `branch`.
pub(super) async fn by_head(wire: &Wire, branch: &str) -> Result<Option<Pull>, Failure> {
    let head = paths::value(&format!("{}:{branch}", wire.owner));
    let path = format!("/pulls?state=all&head={head}&sort=created&direction=desc&per_page={PER_PAGE}");
    let listed: Vec<Pull> = wire.get("pull request list", &path).await?;
    // A head filter that GitHub does not understand is silently none at all.
    Ok(listed.into_iter().filter(|pull| pull.head.name == branch).max_by_key(|pull| pull.number))
}

/// The pull request whose head is `branch`, in any state.
pub(super) async fn pull_by_head(wire: &Wire, branch: &str) -> Result<Option<PullFacts>, HandsError> {
    let read = async {
        match by_head(wire, branch).await? {
            Some(pull) => whole(wire, pull.number).await.map(Some),
            None => Ok(None),
        }
    };
    read.await
        .map_err(|failure| failure.reading(&format!("looking for the pull request of {branch} on GitHub"), wire.now()))
}

async fn whole(wire: &Wire, number: u64) -> Result<PullFacts, Failure> {
    hands::facts(wire, hands::fetch(wire, number).await?).await
}

/// The pull request whose body holds `marker`.
pub(super) async fn pull_by_marker(
    wire: &Wire,
    marker: &str,
    since: Timestamp,
) -> Result<Option<PullFacts>, HandsError> {
    let read = async {
        for page in 1..=PAGES_MAX {
            let path = format!("/pulls?state=all&sort=created&direction=desc&per_page={PER_PAGE}&page={page}");
            let listed: Vec<Pull> = wire.get("pull request list", &path).await?;
            if let Some(pull) = listed.iter().find(|pull| holds(pull.body.as_deref(), marker)) {
                return whole(wire, pull.number).await.map(Some);
            }
            if over(listed.len(), listed.last().map(|pull| pull.created_at.0), since) {
                return Ok(None);
            }
        }
        Err(unfinished())
    };
    read.await.map_err(|failure| failure.reading("looking for a pull request by its marker on GitHub", wire.now()))
}

/// The issue whose body holds `marker`.
pub(super) async fn issue_by_marker(
    wire: &Wire,
    marker: &str,
    since: Timestamp,
) -> Result<Option<IssueFacts>, HandsError> {
    let read = async {
        for page in 1..=PAGES_MAX {
            let path = format!("/issues?state=all&sort=created&direction=desc&per_page={PER_PAGE}&page={page}");
            let listed: Vec<Issue> = wire.get("issue list", &path).await?;
            let found =
                listed.iter().find(|issue| issue.pull_request.is_none() && holds(issue.body.as_deref(), marker));
            if let Some(issue) = found {
                return Ok(Some(IssueFacts { number: issue.number, url: issue.html_url.clone() }));
            }
            if over(listed.len(), listed.last().map(|issue| issue.created_at.0), since) {
                return Ok(None);
            }
        }
        Err(unfinished())
    };
    read.await.map_err(|failure: Failure| failure.reading("looking for an issue by its marker on GitHub", wire.now()))
}

/// The comment on `number` that holds `marker`.
pub(super) async fn comment_by_marker(
    wire: &Wire,
    number: u64,
    marker: &str,
    since: Timestamp,
) -> Result<Option<CommentFacts>, HandsError> {
    let read = async {
        // Comments come oldest first; `since` leaves out those that did not change since then.
        let after = paths::value(&rfc3339(since.plus_ms(-SLACK_MS)));
        for page in 1..=PAGES_MAX {
            let path = format!("/issues/{number}/comments?since={after}&per_page={PER_PAGE}&page={page}");
            let listed: Vec<Comment> = wire.get("comment list", &path).await?;
            if let Some(comment) = listed.iter().find(|comment| holds(comment.body.as_deref(), marker)) {
                return Ok(Some(CommentFacts { id: comment.id, url: comment.html_url.clone() }));
            }
            if listed.len() < PER_PAGE {
                return Ok(None);
            }
        }
        Err(unfinished())
    };
    read.await.map_err(|failure: Failure| failure.reading("looking for a comment by its marker on GitHub", wire.now()))
}

fn holds(body: Option<&str>, marker: &str) -> bool {
    !marker.is_empty() && body.is_some_and(|body| body.contains(marker))
}

fn over(listed: usize, oldest: Option<Timestamp>, since: Timestamp) -> bool {
    listed < PER_PAGE || oldest.is_none_or(|oldest| oldest < since.plus_ms(-SLACK_MS))
}

/// Not finding it in part of the list proves nothing.
fn unfinished() -> Failure {
    Failure::Shape { reason: format!("more than {} entries since then", PER_PAGE * PAGES_MAX) }
}
