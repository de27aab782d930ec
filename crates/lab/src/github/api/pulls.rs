//! Pull requests over REST.

use serde_json::{Map, Value, json};

use super::super::pulls::{MergeError, MergeOrder, NewPull, OpenError, Pull, PullState};
use super::super::{API_USER, OWNER, Repo, branch_ref};
use super::{Answer, Call, Landed, Refusal, Reply};

pub(super) fn route(repo: &mut Repo, call: &mut Call, path: &[&str]) -> Answer {
    let method = call.method.clone();
    let (number, rest) = match path {
        [] if method == "GET" => return Ok(list(repo, call)),
        [] if method == "POST" => return open(repo, call),
        [number, rest @ ..] => (number.parse::<u64>().map_err(|_| Refusal::NotFound)?, rest),
        _ => return Err(Refusal::NotFound),
    };
    let pull = repo.pulls.get(&number).cloned().ok_or(Refusal::NotFound)?;
    match (method.as_str(), rest) {
        ("GET", []) => Ok(get(repo, call, &pull)),
        ("PATCH", []) => edit(repo, call, number),
        ("GET", ["files"]) => {
            let view = call.view(repo);
            Ok(call.list(view.pull_changes(&pull), |change| view.file(&change, pull.head)))
        }
        ("GET", ["commits"]) => {
            let view = call.view(repo);
            Ok(call.list(view.pull_commits(&pull), |oid| view.commit(oid)))
        }
        ("GET", ["merge"]) if pull.merge_commit().is_some() => Ok(Reply::empty(204)),
        ("PUT", ["merge"]) => merge(repo, call, number),
        ("GET", ["reviews" | "comments"]) => Ok(Reply::json(json!([]))),
        _ => Err(Refusal::NotFound),
    }
}

fn list(repo: &Repo, call: &Call) -> Reply {
    let state = call.param("state").unwrap_or("open");
    // Without an owner the head filter is not one, as with GitHub.
    let head = call.param("head").and_then(|head| head.split_once(':'));
    let wanted = |pull: &&Pull| {
        (state == "all" || pull.is_open() == (state != "closed"))
            && head.is_none_or(|(owner, branch)| owner.eq_ignore_ascii_case(OWNER) && branch == pull.head_branch)
            && call.param("base").is_none_or(|base| base == pull.base_branch)
    };
    let mut found: Vec<&Pull> = repo.pulls.values().filter(wanted).collect();
    let by_update = call.param("sort") == Some("updated");
    found.sort_by_key(|pull| (if by_update { pull.updated_ms } else { pull.created_ms }, pull.number));
    let ascending = match call.param("direction") {
        Some(direction) => direction == "asc",
        None => call.param("sort").is_some_and(|sort| sort != "created"),
    };
    if !ascending {
        found.reverse();
    }
    let view = call.view(repo);
    call.list(found, |pull| view.pull(pull))
}

fn get(repo: &mut Repo, call: &Call, pull: &Pull) -> Reply {
    if call.accept.contains("diff") || call.accept.contains("patch") {
        let view = call.view(repo);
        return Reply::text(view.diff_text(&view.pull_changes(pull)));
    }
    Reply::json(in_full(repo, call, pull))
}

fn in_full(repo: &mut Repo, call: &Call, pull: &Pull) -> Value {
    let mergeable = pull.is_open().then(|| repo.merge_preview(pull).is_ok());
    call.view(repo).pull_in_full(pull, mergeable)
}

/// A text member of a body: absent or null is `None`, anything else but a string is refused.
pub(super) fn text(body: &Map<String, Value>, resource: &str, field: &str) -> Result<Option<String>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::field(resource, field, "invalid")),
    }
}

/// A text member that must be there and not be blank.
pub(super) fn required(body: &Map<String, Value>, resource: &str, field: &str) -> Result<String, Refusal> {
    text(body, resource, field)?
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| Refusal::field(resource, field, "missing_field"))
}

fn open(repo: &mut Repo, call: &mut Call) -> Answer {
    const RESOURCE: &str = "PullRequest";
    let body = call.object()?;
    let head = required(&body, RESOURCE, "head")?;
    let head_branch = match head.split_once(':') {
        Some((owner, branch)) if owner.eq_ignore_ascii_case(OWNER) => branch.to_owned(),
        Some(_) => return Err(Refusal::field(RESOURCE, "head", "invalid")),
        None => head,
    };
    let new = NewPull {
        title: required(&body, RESOURCE, "title")?,
        body: text(&body, RESOURCE, "body")?,
        author: API_USER.to_owned(),
        head_branch,
        base_branch: required(&body, RESOURCE, "base")?,
        draft: body.get("draft").and_then(Value::as_bool).unwrap_or(false),
    };
    let number = repo.open_pull(new).map_err(|error| match error {
        OpenError::NoBranch { field } => Refusal::field(RESOURCE, field, "invalid"),
        other => Refusal::custom(RESOURCE, &other.to_string()),
    })?;
    let pull = repo.pulls.get(&number).cloned().ok_or(Refusal::NotFound)?;
    Ok(Reply::created(in_full(repo, call, &pull)))
}

fn edit(repo: &mut Repo, call: &mut Call, number: u64) -> Answer {
    const RESOURCE: &str = "PullRequest";
    let body = call.object()?;
    let (title, words) = (text(&body, RESOURCE, "title")?, text(&body, RESOURCE, "body")?);
    let (state, base) = (text(&body, RESOURCE, "state")?, text(&body, RESOURCE, "base")?);
    let now_ms = repo.clock_ms;
    let mut pull = repo.pulls.get(&number).cloned().ok_or(Refusal::NotFound)?;
    if let Some(base) = base {
        pull.base = repo.git.reference(&branch_ref(&base)).ok_or(Refusal::field(RESOURCE, "base", "invalid"))?;
        pull.base_branch = base;
    }
    match state.as_deref() {
        Some("closed") if pull.is_open() => pull.state = PullState::Closed { at_ms: now_ms },
        Some("open") if matches!(pull.state, PullState::Closed { .. }) => {
            let head = repo.git.reference(&branch_ref(&pull.head_branch));
            pull.head =
                head.ok_or(Refusal::custom(RESOURCE, "state cannot be changed. The branch has been deleted."))?;
            pull.state = PullState::Open;
        }
        Some("open") if !pull.is_open() => {
            return Err(Refusal::custom(RESOURCE, "state cannot be changed. The pull request cannot be reopened."));
        }
        None | Some("open" | "closed") => {}
        Some(_) => return Err(Refusal::field(RESOURCE, "state", "invalid")),
    }
    pull.title = title.unwrap_or(pull.title);
    pull.body = words.or(pull.body);
    pull.updated_ms = now_ms;
    repo.pulls.insert(number, pull.clone());
    Ok(Reply::json(in_full(repo, call, &pull)))
}

fn merge(repo: &mut Repo, call: &mut Call, number: u64) -> Answer {
    let body = call.object()?;
    let squash = match text(&body, "PullRequest", "merge_method")?.as_deref() {
        None | Some("merge") => false,
        Some("squash") => true,
        Some(_) => return Err(Refusal::NotAllowed("Rebase merges are not allowed on this repository.".to_owned())),
    };
    let order = MergeOrder {
        expected_head: text(&body, "PullRequest", "sha")?,
        squash,
        title: text(&body, "PullRequest", "commit_title")?,
        message: text(&body, "PullRequest", "commit_message")?,
    };
    let (commit, undone) = repo.merge_pull(number, &order).map_err(|error| match error {
        MergeError::NotMergeable => Refusal::NotAllowed(error.to_string()),
        MergeError::HeadMoved => Refusal::Conflict(error.to_string()),
    })?;
    call.landed.extend(undone.into_iter().map(|change| Landed { change, action: "github.revert_pr" }));
    Ok(Reply::json(json!({
        "sha": commit.to_string(), "merged": true, "message": "Pull Request successfully merged",
    })))
}
