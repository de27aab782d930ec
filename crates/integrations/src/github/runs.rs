//! Workflow runs on the default branch.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_gateway::ports::{HandsError, JobCard, RunFact, RunFacts, RunRequest, RunStatus};

use super::{client::Wire, paths};
use crate::http::{At, Failure};

#[derive(Debug, Clone, Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Debug, Clone, Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    head_sha: String,
    #[serde(default)]
    event: String,
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    run_attempt: Option<u32>,
    created_at: At,
    updated_at: At,
    #[serde(default)]
    html_url: Option<String>,
}

/// Recent runs, newest first.
pub(super) async fn read(wire: &Wire, branch: &str) -> Result<Vec<RunFact>, Failure> {
    let path = format!("/actions/runs?branch={}&per_page=30&exclude_pull_requests=true", paths::value(branch));
    let listed = wire.get_cached::<Runs>("run list", &path).await?;
    // A fork may call its branch like ours; its pull requests' runs say nothing about ours.
    let ours = listed.workflow_runs.iter().filter(|run| !run.event.starts_with("pull_request"));
    Ok(ours.map(fact).collect())
}

/// Runs, newest first, as somebody asked for them.
pub(super) async fn list(wire: &Wire, request: RunRequest) -> Result<Vec<RunFact>, Failure> {
    let mut path = format!("/actions/runs?per_page={}", request.limit.clamp(1, 100));
    for (name, value) in [("branch", &request.branch), ("status", &request.state)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", paths::value(value)));
        }
    }
    let listed: Runs = wire.ask("run list", &path).await?;
    Ok(listed.workflow_runs.iter().map(fact).collect())
}

#[derive(Debug, Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

#[derive(Debug, Deserialize)]
struct Job {
    id: u64,
    name: String,
    status: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    started_at: Option<At>,
    #[serde(default)]
    completed_at: Option<At>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    name: String,
    #[serde(default)]
    conclusion: Option<String>,
}

/// The jobs of a run's newest attempt.
pub(super) async fn jobs(wire: &Wire, run: u64) -> Result<Vec<JobCard>, Failure> {
    let listed: Jobs = wire.ask("job list", &format!("/actions/runs/{run}/jobs?per_page=100")).await?;
    let failed = |step: &Step| step.conclusion.as_deref() == Some("failure");
    let card = |job: Job| JobCard {
        id: job.id,
        name: job.name,
        state: job.conclusion.unwrap_or(job.status),
        failed_steps: job.steps.into_iter().filter(failed).map(|step| step.name).collect(),
        started_at: job.started_at.map(|at| at.0),
        ended_at: job.completed_at.map(|at| at.0),
    };
    Ok(listed.jobs.into_iter().map(card).collect())
}

/// One run as it stands.
pub(super) async fn one(wire: &Wire, id: u64) -> Result<RunFacts, HandsError> {
    let run: Result<Run, Failure> = wire.get("workflow run", &format!("/actions/runs/{id}")).await;
    let run = run.map_err(|failure| failure.reading(&format!("reading run {id} from GitHub"), wire.now()))?;
    let RunFact { workflow, sha, status, attempt, .. } = fact(&run);
    Ok(RunFacts { id: run.id, workflow, sha, attempt, status })
}

/// Starts the failed jobs of a run once more. GitHub refuses that while the run is under way.
pub(super) async fn rerun_failed_jobs(wire: &Wire, id: u64) -> Result<(), HandsError> {
    let what = format!("rerunning the failed jobs of run {id} on GitHub");
    let path = format!("/actions/runs/{id}/rerun-failed-jobs");
    let sent: Result<Value, Failure> = wire.send(Method::POST, "rerun", &path, &json!({})).await;
    sent.map(drop).map_err(|failure| failure.writing(&what, wire.now()))
}

fn fact(run: &Run) -> RunFact {
    RunFact {
        id: run.id,
        workflow: run.name.clone().unwrap_or_else(|| "workflow".to_owned()),
        sha: run.head_sha.clone(),
        status: status(&run.status, run.conclusion.as_deref()),
        attempt: run.run_attempt.unwrap_or(1),
        created_at: run.created_at.0,
        updated_at: run.updated_at.0,
        url: run.html_url.clone(),
    }
}

fn status(status: &str, conclusion: Option<&str>) -> RunStatus {
    match (status, conclusion) {
        ("completed", Some("success" | "skipped")) => RunStatus::Passed,
        ("completed", Some("failure" | "timed_out" | "startup_failure")) => RunStatus::Failed,
        ("completed", _) => RunStatus::Neutral,
        _ => RunStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_something_only_when_it_ended_well_or_badly() {
        for (state, conclusion, want) in [
            ("queued", None, RunStatus::Pending),
            ("in_progress", None, RunStatus::Pending),
            ("waiting", None, RunStatus::Pending),
            ("completed", Some("success"), RunStatus::Passed),
            ("completed", Some("skipped"), RunStatus::Passed),
            ("completed", Some("failure"), RunStatus::Failed),
            ("completed", Some("timed_out"), RunStatus::Failed),
            ("completed", Some("startup_failure"), RunStatus::Failed),
            ("completed", Some("cancelled"), RunStatus::Neutral),
            ("completed", Some("stale"), RunStatus::Neutral),
            ("completed", Some("neutral"), RunStatus::Neutral),
            ("completed", Some("action_required"), RunStatus::Neutral),
            ("completed", None, RunStatus::Neutral),
        ] {
            assert_eq!(status(state, conclusion), want, "{state} {conclusion:?}");
        }
    }
}
