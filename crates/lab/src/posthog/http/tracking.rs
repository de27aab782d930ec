//! Error tracking: `error_tracking/issues/…` and `ErrorTrackingQuery`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::query::{quoted, refused, wrapped};
use super::{Answer, Call, Refusal, page, trends};
use crate::World;
use crate::posthog::Issue;
use crate::posthog::hogql;
use crate::time::rfc3339;

const STATUSES: [&str; 5] = ["active", "resolved", "suppressed", "archived", "pending_release"];
/// Issues of an answer unless asked otherwise.
const ISSUES_DEFAULT: usize = 50;

/// An issue's events in a range of time.
struct Seen {
    count: i64,
    users: i64,
    first_ms: i64,
    last_ms: i64,
}

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let mut known = known(world, call)?;
            known.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.first_ms));
            Ok((StatusCode::OK, page(call, known.iter().map(|(issue, seen)| shown(issue, seen)).collect())))
        }
        (&Method::GET, [id]) => {
            let known = known(world, call)?;
            let (issue, seen) = known.iter().find(|(issue, _)| issue.id == *id).ok_or_else(Refusal::not_found)?;
            Ok((StatusCode::OK, shown(issue, seen)))
        }
        (&Method::PATCH, [id]) => patch(world, call, id),
        (_, [] | [_]) => Err(Refusal::method(&call.method)),
        _ => Err(Refusal::not_found()),
    }
}

fn patch(world: &mut World, call: &Call, id: &str) -> Answer {
    if !known(world, call)?.iter().any(|(issue, _)| issue.id == id) {
        return Err(Refusal::not_found());
    }
    let status = match call.body.get("status").and_then(Value::as_str) {
        Some(status) if STATUSES.contains(&status) => Some(status.to_owned()),
        Some(other) => {
            return Err(Refusal::invalid(
                Some("status"),
                "invalid_choice",
                format!("\"{other}\" is not a valid choice."),
            ));
        }
        None => None,
    };
    let now_ms = world.now_ms;
    let issue = world.posthog.issues.iter_mut().find(|issue| issue.id == id).ok_or_else(Refusal::not_found)?;
    if let Some(status) = status {
        issue.status = status;
        issue.status_ms = now_ms;
    }
    if let Some(name) = call.body.get("name").and_then(Value::as_str) {
        name.clone_into(&mut issue.name);
    }
    let known = known(world, call)?;
    let (issue, seen) = known.iter().find(|(issue, _)| issue.id == id).ok_or_else(Refusal::not_found)?;
    Ok((StatusCode::OK, shown(issue, seen)))
}

/// The issues that have occurred so far.
fn known<'w>(world: &'w World, call: &Call) -> Result<Vec<(&'w Issue, Seen)>, Refusal> {
    let mut known = Vec::new();
    for issue in &world.posthog.issues {
        known.extend(seen(world, call, issue, "")?.map(|seen| (issue, seen)));
    }
    Ok(known)
}

fn of_issue(issue: &Issue, more: &str) -> String {
    format!("event = '$exception' AND properties['$exception_issue_id'] = {}{more}", quoted(&issue.id))
}

fn seen(world: &World, call: &Call, issue: &Issue, more: &str) -> Result<Option<Seen>, Refusal> {
    let text = format!(
        "SELECT count(), uniq(person_id), toUnixTimestamp64Milli(min(timestamp)), toUnixTimestamp64Milli(max(timestamp)) \
         FROM events WHERE {}",
        of_issue(issue, more)
    );
    let table = hogql::run(world, call.at_ms, &text, &Value::Null).map_err(refused)?;
    let number = |at: usize| table.rows[0][at].number().unwrap_or(0.0) as i64;
    Ok((number(0) > 0).then(|| Seen { count: number(0), users: number(1), first_ms: number(2), last_ms: number(3) }))
}

/// A resolved issue that occurs again is active again.
fn status(issue: &Issue, last_ms: i64) -> &str {
    if issue.status == "resolved" && last_ms > issue.status_ms { "active" } else { &issue.status }
}

fn shown(issue: &Issue, seen: &Seen) -> Value {
    json!({
        "id": issue.id, "status": status(issue, seen.last_ms), "name": issue.name, "description": issue.description,
        "first_seen": rfc3339(seen.first_ms), "assignee": null, "external_issues": [], "cohort": null, "severity": null,
    })
}

/// `ErrorTrackingQuery`
pub(super) fn query(world: &World, call: &Call, query: &Value) -> Result<Value, Refusal> {
    let text = |key: &str| query.get(key).and_then(Value::as_str);
    let number =
        |key: &str, default: usize| query.get(key).and_then(Value::as_u64).map_or(default, |number| number as usize);
    let range = trends::range(query.get("dateRange"), call.at_ms);
    let bounds = format!(
        " AND timestamp >= toDateTime('{}') AND timestamp <= toDateTime('{}')",
        rfc3339(range.0),
        rfc3339(range.1)
    );
    let wanted = text("status").filter(|status| *status != "all");
    let search = text("searchQuery").unwrap_or_default().to_lowercase();
    let mut found = Vec::new();
    for (issue, ever) in known(world, call)? {
        let here = seen(world, call, issue, &bounds)?;
        let named = format!("{} {}", issue.name, issue.description).to_lowercase().contains(&search);
        let asked = text("issueId").is_none_or(|id| id == issue.id);
        if let Some(here) =
            here.filter(|_| named && asked && wanted.is_none_or(|wanted| wanted == status(issue, ever.last_ms)))
        {
            found.push((issue, ever, here));
        }
    }
    let ascending = text("orderDirection").is_some_and(|direction| direction.eq_ignore_ascii_case("ASC"));
    let key = |(_, ever, here): &(&Issue, Seen, Seen)| match text("orderBy").unwrap_or("occurrences") {
        "last_seen" => ever.last_ms,
        "first_seen" => ever.first_ms,
        "users" | "sessions" => here.users,
        _ => here.count,
    };
    found.sort_by_key(|entry| if ascending { key(entry) } else { -key(entry) });
    let (limit, offset) = (number("limit", ISSUES_DEFAULT).max(1), number("offset", 0));
    let more = found.len() > offset + limit;
    let resolution = number("volumeResolution", 1).min(1_000);
    let mut results = Vec::new();
    for (issue, ever, here) in found.into_iter().skip(offset).take(limit) {
        let mut result = shown(issue, &ever);
        result["last_seen"] = json!(rfc3339(ever.last_ms));
        result["library"] = json!(issue.library());
        result["function"] = json!(issue.frames[0].function);
        result["source"] = json!(issue.frames[0].file);
        if query.get("withAggregations").and_then(Value::as_bool).unwrap_or(true) {
            result["aggregations"] = json!({
                "occurrences": here.count, "users": here.users, "sessions": here.users,
                "volume_buckets": volume(world, call, issue, range, resolution)?,
            });
        }
        if query.get("withFirstEvent").and_then(Value::as_bool).unwrap_or(false) {
            result["first_event"] = json!({"timestamp": rfc3339(ever.first_ms), "properties": json!({
                "$exception_list": issue.exception_list(),
            }).to_string()});
        }
        results.push(result);
    }
    let mut body = wrapped(results.into(), call.at_ms);
    body["hasMore"] = json!(more);
    body["limit"] = json!(limit);
    body["offset"] = json!(offset);
    body["columns"] = json!([]);
    Ok(body)
}

/// Events of an issue in equal parts of the range.
fn volume(
    world: &World,
    call: &Call,
    issue: &Issue,
    (from, to): (i64, i64),
    parts: usize,
) -> Result<Vec<Value>, Refusal> {
    let width = ((to - from) / parts.max(1) as i64).max(1);
    let mut buckets = Vec::with_capacity(parts);
    for part in 0..parts as i64 {
        let start = from + part * width;
        let more = format!(
            " AND timestamp >= toDateTime('{}') AND timestamp < toDateTime('{}')",
            rfc3339(start),
            rfc3339(start + width)
        );
        let text = format!("SELECT count() FROM events WHERE {}", of_issue(issue, &more));
        let table = hogql::run(world, call.at_ms, &text, &Value::Null).map_err(refused)?;
        buckets.push(json!({"label": rfc3339(start), "value": table.rows[0][0].json()}));
    }
    Ok(buckets)
}
