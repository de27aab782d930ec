//! Commits, their checks, and comparisons.

use serde_json::{Value, json};

use super::super::actions::{Job, Run};
use super::super::git::Oid;
use super::super::{BRANCH, Repo, branch_ref, login_of};
use super::{Answer, Call, Refusal, Reply};
use crate::time::parse_rfc3339;

/// What a branch, a tag, a full ref or an (abbreviated) commit id stands for.
pub(super) fn resolve(repo: &Repo, name: &str) -> Option<Oid> {
    let direct = [name.to_owned(), format!("refs/{name}"), branch_ref(name), format!("refs/tags/{name}")];
    let named = direct.iter().find_map(|full| repo.git.reference(full));
    let head = (name == "HEAD").then(|| repo.main_head());
    let merged = name.strip_prefix("pull/").or_else(|| name.strip_prefix("refs/pull/"));
    let pull = merged.and_then(|rest| rest.strip_suffix("/head")).and_then(|number| number.parse().ok());
    let pull = pull.and_then(|number: u64| repo.pulls.get(&number)).map(|pull| pull.head);
    named.or(head).or(pull).or_else(|| repo.git.commit_by_prefix(name))
}

fn unknown(name: &str) -> Refusal {
    Refusal::Unprocessable(format!("No commit found for SHA: {name}"))
}

pub(super) fn route(repo: &Repo, call: &Call, path: &[&str]) -> Answer {
    if call.method != "GET" {
        return Err(Refusal::NotFound);
    }
    match path {
        [] => list(repo, call),
        [name @ .., "pulls"] => {
            let oid = resolve(repo, &name.join("/")).ok_or_else(|| unknown(&name.join("/")))?;
            let view = call.view(repo);
            let holds = |number: &&u64| {
                let pull = &repo.pulls[*number];
                pull.merge_commit() == Some(oid) || view.pull_commits(pull).contains(&oid)
            };
            let found: Vec<&u64> = repo.pulls.keys().filter(holds).collect();
            Ok(call.list(found, |number| view.pull(&repo.pulls[number])))
        }
        [name @ .., "check-runs"] => check_runs(repo, call, &name.join("/")),
        [name @ .., "status"] => {
            let oid = resolve(repo, &name.join("/")).ok_or_else(|| unknown(&name.join("/")))?;
            let view = call.view(repo);
            Ok(Reply::json(json!({
                "state": "pending", "sha": oid.to_string(), "total_count": 0, "statuses": [],
                "repository": view.repository_brief(), "commit_url": view.url(&format!("/commits/{oid}")),
                "url": view.url(&format!("/commits/{oid}/status")),
            })))
        }
        name => {
            let oid = resolve(repo, &name.join("/")).ok_or_else(|| unknown(&name.join("/")))?;
            let view = call.view(repo);
            if call.accept.contains("diff") || call.accept.contains("patch") {
                return Ok(Reply::text(view.diff_text(&view.changes_of(oid))));
            }
            if call.accept.ends_with(".sha") {
                return Ok(Reply::text(oid.to_string()));
            }
            Ok(Reply::json(view.commit_in_full(oid)))
        }
    }
}

fn list(repo: &Repo, call: &Call) -> Answer {
    let from = call.param("sha").unwrap_or(BRANCH);
    let head = resolve(repo, from).ok_or(Refusal::NotFound)?;
    let time = |name: &str| call.param(name).and_then(parse_rfc3339);
    let (since, until) = (time("since"), time("until"));
    let wanted = |oid: &Oid| {
        let Some(commit) = repo.git.commit(*oid) else { return false };
        let at_ms = commit.committer.at_ms;
        since.is_none_or(|since| at_ms >= since)
            && until.is_none_or(|until| at_ms <= until)
            && call
                .param("author")
                .is_none_or(|who| login_of(&commit.author) == Some(who) || commit.author.email == who)
            && call.param("path").is_none_or(|path| repo.git.touches(*oid, path.trim_matches('/')))
    };
    let found: Vec<Oid> = repo.git.log(head, None).into_iter().filter(wanted).collect();
    let view = call.view(repo);
    Ok(call.list(found, |oid| view.commit(oid)))
}

fn check_runs(repo: &Repo, call: &Call, name: &str) -> Answer {
    let oid = resolve(repo, name).ok_or_else(|| unknown(name))?;
    let runs = repo.runs.iter().rev().filter(|run| run.head == oid);
    let jobs: Vec<(&Run, &Job)> = runs.flat_map(|run| run.latest().jobs.iter().map(move |job| (run, job))).collect();
    let view = call.view(repo);
    let rendered: Vec<Value> = jobs.iter().map(|(run, job)| view.check_run(run, job)).collect();
    let wanted = |check: &Value| {
        call.param("check_name").is_none_or(|name| check["name"] == name)
            && call.param("status").is_none_or(|status| check["status"] == status)
    };
    let found: Vec<Value> = rendered.into_iter().filter(|check| wanted(check)).collect();
    Ok(call.page(found, |check| check, |shown, total| json!({"total_count": total, "check_runs": shown})))
}

/// `GET compare/{base}...{head}`.
pub(super) fn compare(repo: &Repo, call: &Call, spec: &str) -> Answer {
    if call.method != "GET" {
        return Err(Refusal::NotFound);
    }
    let (base, head) = spec.split_once("...").ok_or(Refusal::NotFound)?;
    // `owner:branch` is allowed here too; there is one owner.
    let local = |name: &str| name.rsplit_once(':').map_or(name, |(_, branch)| branch).to_owned();
    let find = |name: &str| resolve(repo, &local(name)).ok_or(Refusal::NotFound);
    let (base, head) = (find(base)?, find(head)?);
    let view = call.view(repo);
    if call.accept.contains("diff") || call.accept.contains("patch") {
        let ancestor = repo.git.merge_base(base, head).ok_or(Refusal::NotFound)?;
        let changes = super::super::git::Store::changes(&repo.git.files_of(ancestor), &repo.git.files_of(head));
        return Ok(Reply::text(view.diff_text(&changes)));
    }
    view.comparison(spec, base, head).map(Reply::json).ok_or(Refusal::NotFound)
}
