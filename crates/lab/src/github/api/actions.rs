//! Workflow runs over REST.

use serde_json::json;

use super::super::actions::{Job, RerunError, RerunScope, Run};
use super::super::render::{WORKFLOW_ID, WORKFLOW_PATH};
use super::super::{Repo, trouble};
use super::{Answer, Call, Landed, Refusal, Reply};
use crate::time::{DAY_MS, parse_rfc3339};

pub(super) fn route(repo: &mut Repo, call: &mut Call, path: &[&str]) -> Answer {
    let method = call.method.clone();
    match (method.as_str(), path) {
        ("GET", ["workflows"]) => {
            let workflow = call.view(repo).workflow();
            Ok(Reply::json(json!({"total_count": 1, "workflows": [workflow]})))
        }
        ("GET", ["workflows", name]) if is_workflow(name) => Ok(Reply::json(call.view(repo).workflow())),
        ("GET", ["workflows", name, "runs"]) if is_workflow(name) => Ok(list(repo, call)),
        ("GET", ["runs"]) => Ok(list(repo, call)),
        ("GET", ["jobs", id]) => {
            let (run, number, job) = find_job(repo, id)?;
            Ok(Reply::json(call.view(repo).job(run, number, job)))
        }
        ("GET", ["jobs", id, "logs"]) => {
            find_job(repo, id)?;
            Ok(Reply::found(&format!("{}/_raw/jobs/{id}", call.base)))
        }
        (_, ["runs", id, rest @ ..]) => {
            let id = id.parse::<u64>().map_err(|_| Refusal::NotFound)?;
            one_run(repo, call, id, rest)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn is_workflow(name: &str) -> bool {
    name == WORKFLOW_ID.to_string() || WORKFLOW_PATH.rsplit('/').next() == Some(name)
}

fn one_run(repo: &mut Repo, call: &mut Call, id: u64, rest: &[&str]) -> Answer {
    let run = repo.runs.iter().find(|run| run.id == id).cloned().ok_or(Refusal::NotFound)?;
    let latest = run.attempts.len();
    let method = call.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => Ok(Reply::json(call.view(repo).run(&run, latest))),
        ("GET", ["attempts", number]) => {
            let number = attempt_number(&run, number)?;
            Ok(Reply::json(call.view(repo).run(&run, number)))
        }
        ("GET", ["jobs"]) => {
            let first = if call.param("filter") == Some("all") { 1 } else { latest };
            Ok(jobs(repo, call, &run, first..=latest))
        }
        ("GET", ["attempts", number, "jobs"]) => {
            let number = attempt_number(&run, number)?;
            Ok(jobs(repo, call, &run, number..=number))
        }
        ("POST", ["rerun"]) => rerun(repo, call, id, RerunScope::All),
        ("POST", ["rerun-failed-jobs"]) => rerun(repo, call, id, RerunScope::FailedJobs),
        ("POST", ["cancel"]) => Err(Refusal::Conflict("Cannot cancel a workflow run that is completed.".to_owned())),
        _ => Err(Refusal::NotFound),
    }
}

fn attempt_number(run: &Run, text: &str) -> Result<usize, Refusal> {
    let number = text.parse().ok().filter(|number| (1..=run.attempts.len()).contains(number));
    number.ok_or(Refusal::NotFound)
}

fn jobs(repo: &Repo, call: &Call, run: &Run, numbers: std::ops::RangeInclusive<usize>) -> Reply {
    let view = call.view(repo);
    let found = numbers.flat_map(|number| view.jobs(run, number, &run.attempts[number - 1])).collect();
    call.page(found, |job| job, |shown, total| json!({"total_count": total, "jobs": shown}))
}

fn find_job<'a>(repo: &'a Repo, id: &str) -> Result<(&'a Run, usize, &'a Job), Refusal> {
    let id: u64 = id.parse().map_err(|_| Refusal::NotFound)?;
    let all = repo.runs.iter().flat_map(|run| {
        let attempts = run.attempts.iter().enumerate();
        attempts.flat_map(move |(at, attempt)| attempt.jobs.iter().map(move |job| (run, at + 1, job)))
    });
    all.into_iter().find(|(_, _, job)| job.id == id).ok_or(Refusal::NotFound)
}

/// The log's own address: like GitHub's signed ones it asks for no token.
pub(super) fn raw_log(repo: &Repo, id: &str) -> Answer {
    let (run, _, job) = find_job(repo, id)?;
    Ok(Reply::text(repo.job_log(run, job)))
}

fn list(repo: &Repo, call: &Call) -> Reply {
    let created = call.param("created").map(parse_range);
    let view = call.view(repo);
    let wanted = |run: &&Run| {
        let state = call.param("status");
        let word = match run.latest().success {
            None => ["in_progress", "in_progress"],
            Some(true) => ["completed", "success"],
            Some(false) => ["completed", "failure"],
        };
        call.param("branch").is_none_or(|branch| branch == run.branch)
            && call.param("event").is_none_or(|event| event == run.trigger.word())
            && call.param("head_sha").is_none_or(|sha| sha == run.head.to_string())
            && call.param("actor").is_none_or(|actor| actor == run.actor)
            && state.is_none_or(|state| word.contains(&state))
            && created.is_none_or(|(from, to)| (from..=to).contains(&run.created_ms))
    };
    let found: Vec<&Run> = repo.runs.iter().rev().filter(wanted).collect();
    let render = |run: &Run| view.run(run, run.attempts.len());
    call.page(found, render, |shown, total| json!({"total_count": total, "workflow_runs": shown}))
}

/// GitHub's date ranges: `>=D`, `>D`, `<=D`, `<D`, `A..B` (either end may be `*`), or one day.
fn parse_range(text: &str) -> (i64, i64) {
    let date = |text: &str| parse_rfc3339(text).or_else(|| parse_rfc3339(&format!("{}T00:00:00Z", text.trim())));
    let whole_day = |text: &str| if text.contains('T') { 0 } else { DAY_MS - 1 };
    let (low, high) = (i64::MIN, i64::MAX);
    if let Some((from, to)) = text.split_once("..") {
        return (date(from).unwrap_or(low), date(to).map_or(high, |ms| ms + whole_day(to)));
    }
    for (mark, after, inclusive) in [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)] {
        if let Some(rest) = text.strip_prefix(mark) {
            let Some(ms) = date(rest) else { return (low, high) };
            return match (after, inclusive) {
                (true, true) => (ms, high),
                (true, false) => (ms + whole_day(rest) + 1, high),
                (false, true) => (low, ms + whole_day(rest)),
                (false, false) => (low, ms - 1),
            };
        }
    }
    date(text).map_or((low, high), |ms| (ms, ms + whole_day(text)))
}

fn rerun(repo: &mut Repo, call: &mut Call, id: u64, scope: RerunScope) -> Answer {
    const ACTION: &str = "github.rerun_failed_jobs";
    let trouble = repo.rerun(id, scope).map_err(|error| match error {
        RerunError::Running | RerunError::NothingFailed => Refusal::Forbidden(error.to_string()),
    })?;
    if let Some(at) = trouble {
        let cause = repo.troubles[at].incident.cause.clone();
        repo.settle(&[cause.as_deref()], ACTION);
        let change = cause.unwrap_or_else(|| trouble::NO_CAUSE.to_owned());
        call.landed.push(Landed { change, action: ACTION });
    }
    Ok(Reply::created(json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_ranges() {
        let day = parse_rfc3339("2026-01-05T00:00:00Z").unwrap();
        let table = [
            (">=2026-01-05T00:00:00Z", (day, i64::MAX)),
            (">2026-01-05T00:00:00Z", (day + 1, i64::MAX)),
            ("<2026-01-05", (i64::MIN, day - 1)),
            ("<=2026-01-05", (i64::MIN, day + DAY_MS - 1)),
            ("2026-01-05", (day, day + DAY_MS - 1)),
            ("2026-01-05..2026-01-06T00:00:00Z", (day, day + DAY_MS)),
            ("*..2026-01-05", (i64::MIN, day + DAY_MS - 1)),
        ];
        for (text, want) in table {
            assert_eq!(parse_range(text), want, "{text}");
        }
    }
}
