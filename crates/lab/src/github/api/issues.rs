//! Issues over REST; pull requests are issues too, as with GitHub.

use serde_json::{Map, Value};

use super::super::issues::{Issue, NewIssue};
use super::super::pulls::Pull;
use super::super::render::View;
use super::super::{API_USER, Repo};
use super::pulls::{required, text};
use super::{Answer, Call, Refusal, Reply};
use crate::time::parse_rfc3339;

/// An issue or a pull request, whichever carries the number.
#[derive(Clone, Copy)]
pub(super) enum Topic<'a> {
    Issue(&'a Issue),
    Pull(&'a Pull),
}

impl<'a> Topic<'a> {
    pub(super) fn all(repo: &'a Repo) -> Vec<Self> {
        let issues = repo.issues.values().map(Topic::Issue);
        issues.chain(repo.pulls.values().map(Topic::Pull)).collect()
    }

    fn of(repo: &'a Repo, number: u64) -> Option<Self> {
        let issue = repo.issues.get(&number).map(Topic::Issue);
        issue.or_else(|| repo.pulls.get(&number).map(Topic::Pull))
    }

    pub(super) fn number(self) -> u64 {
        match self {
            Topic::Issue(issue) => issue.number,
            Topic::Pull(pull) => pull.number,
        }
    }

    pub(super) fn is_open(self) -> bool {
        match self {
            Topic::Issue(issue) => issue.closed_ms.is_none(),
            Topic::Pull(pull) => pull.is_open(),
        }
    }

    /// Title, body, author, labels.
    pub(super) fn words(self) -> (&'a str, &'a str, &'a str, &'a [String]) {
        match self {
            Topic::Issue(issue) => {
                (&issue.title, issue.body.as_deref().unwrap_or_default(), &issue.author, &issue.labels)
            }
            Topic::Pull(pull) => (&pull.title, pull.body.as_deref().unwrap_or_default(), &pull.author, &pull.labels),
        }
    }

    /// When it was opened and last changed.
    pub(super) fn times(self) -> (i64, i64) {
        match self {
            Topic::Issue(issue) => (issue.created_ms, issue.updated_ms),
            Topic::Pull(pull) => (pull.created_ms, pull.updated_ms),
        }
    }

    pub(super) fn render(self, view: View<'_>) -> Value {
        match self {
            Topic::Issue(issue) => view.issue(issue),
            Topic::Pull(pull) => view.pull_as_issue(pull),
        }
    }
}

pub(super) fn route(repo: &mut Repo, call: &mut Call, path: &[&str]) -> Answer {
    let method = call.method.clone();
    let (number, rest) = match path {
        [] if method == "GET" => return Ok(list(repo, call)),
        [] if method == "POST" => return open(repo, call),
        ["comments", id] if method == "GET" => {
            let comment =
                repo.comments.iter().find(|comment| comment.id.to_string() == *id).ok_or(Refusal::NotFound)?;
            return Ok(Reply::json(call.view(repo).comment(comment)));
        }
        [number, rest @ ..] => (number.parse::<u64>().map_err(|_| Refusal::NotFound)?, rest),
        _ => return Err(Refusal::NotFound),
    };
    let topic = Topic::of(repo, number).ok_or(Refusal::NotFound)?;
    match (method.as_str(), rest) {
        ("GET", []) => Ok(Reply::json(topic.render(call.view(repo)))),
        ("PATCH", []) => edit(repo, call, number),
        ("GET", ["comments"]) => {
            let view = call.view(repo);
            let since = call.param("since").and_then(parse_rfc3339).unwrap_or(i64::MIN);
            let mine = repo.comments.iter().filter(|comment| comment.on == number && comment.at_ms >= since);
            Ok(call.list(mine.collect(), |comment| view.comment(comment)))
        }
        ("POST", ["comments"]) => {
            let words = required(&call.object()?, "IssueComment", "body")?;
            let comment = repo.add_comment(number, API_USER, &words);
            Ok(Reply::created(call.view(repo).comment(&comment)))
        }
        ("GET", ["labels"]) => Ok(Reply::json(call.view(repo).labels(topic.words().3))),
        ("POST", ["labels"]) => add_labels(repo, call, number),
        _ => Err(Refusal::NotFound),
    }
}

fn list(repo: &Repo, call: &Call) -> Reply {
    let state = call.param("state").unwrap_or("open");
    let since = call.param("since").and_then(parse_rfc3339);
    let labels: Vec<&str> = call.param("labels").map(|names| names.split(',').collect()).unwrap_or_default();
    let wanted = |topic: &Topic<'_>| {
        let (_, _, author, has) = topic.words();
        (state == "all" || topic.is_open() == (state != "closed"))
            && since.is_none_or(|since| topic.times().1 >= since)
            && call.param("creator").is_none_or(|creator| creator == author)
            && labels.iter().all(|name| has.iter().any(|label| label == name.trim()))
    };
    let mut found: Vec<Topic<'_>> = Topic::all(repo).into_iter().filter(wanted).collect();
    let by_update = call.param("sort") == Some("updated");
    found.sort_by_key(|topic| (if by_update { topic.times().1 } else { topic.times().0 }, topic.number()));
    if call.param("direction") != Some("asc") {
        found.reverse();
    }
    let view = call.view(repo);
    call.list(found, |topic| topic.render(view))
}

/// Names in a list of strings or of objects with a `name`.
fn names(body: &Map<String, Value>, field: &str) -> Result<Vec<String>, Refusal> {
    let name = |value: &Value| value.as_str().or(value["name"].as_str()).map(str::to_owned);
    match body.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let found: Option<Vec<String>> = values.iter().map(name).collect();
            found.ok_or_else(|| Refusal::field("Issue", field, "invalid"))
        }
        Some(_) => Err(Refusal::field("Issue", field, "invalid")),
    }
}

fn open(repo: &mut Repo, call: &mut Call) -> Answer {
    let body = call.object()?;
    let number = repo.open_issue(NewIssue {
        title: required(&body, "Issue", "title")?,
        body: text(&body, "Issue", "body")?,
        author: API_USER.to_owned(),
        labels: names(&body, "labels")?,
        assignees: names(&body, "assignees")?,
    });
    let issue = repo.issues.get(&number).ok_or(Refusal::NotFound)?;
    Ok(Reply::created(call.view(repo).issue(issue)))
}

fn edit(repo: &mut Repo, call: &mut Call, number: u64) -> Answer {
    let body = call.object()?;
    let (title, words) = (text(&body, "Issue", "title")?, text(&body, "Issue", "body")?);
    let state = text(&body, "Issue", "state")?;
    let labels = body.contains_key("labels").then(|| names(&body, "labels")).transpose()?;
    let now_ms = repo.clock_ms;
    let issue = repo.issues.get_mut(&number).ok_or(Refusal::NotFound)?;
    match state.as_deref() {
        None => {}
        Some("open") => issue.closed_ms = None,
        Some("closed") => issue.closed_ms = issue.closed_ms.or(Some(now_ms)),
        Some(_) => return Err(Refusal::field("Issue", "state", "invalid")),
    }
    if let Some(title) = title {
        issue.title = title;
    }
    if words.is_some() {
        issue.body = words;
    }
    if let Some(labels) = labels {
        issue.labels = labels;
    }
    issue.updated_ms = now_ms;
    let issue = repo.issues.get(&number).ok_or(Refusal::NotFound)?;
    Ok(Reply::json(call.view(repo).issue(issue)))
}

fn add_labels(repo: &mut Repo, call: &mut Call, number: u64) -> Answer {
    let added = names(&call.object()?, "labels")?;
    let now_ms = repo.clock_ms;
    let issue = repo.issues.get_mut(&number).map(|issue| (&mut issue.labels, &mut issue.updated_ms));
    let topic = issue.or(repo.pulls.get_mut(&number).map(|pull| (&mut pull.labels, &mut pull.updated_ms)));
    let (labels, updated_ms) = topic.ok_or(Refusal::NotFound)?;
    let fresh: Vec<String> = added.into_iter().filter(|name| !labels.contains(name)).collect();
    labels.extend(fresh);
    *updated_ms = now_ms;
    let labels = labels.clone();
    Ok(Reply::json(call.view(repo).labels(&labels)))
}
