//! The code host: changes into the store, failing runs and stuck deployments into detections.

use std::collections::BTreeMap;

use wakeman_store::{Commit, StoreError};
use wakeman_types::{Change, MINUTE_MS, Severity, Subject, Timestamp};

use crate::{
    act::verify::Standing,
    core::Core,
    deliver::cleaned,
    findings::Detection,
    ports::{CodeAnswer, DeploymentFact, RunFact, RunStatus},
};

/// A deployment that takes longer is stuck.
const STUCK_MS: i64 = 20 * MINUTE_MS;
/// Only deployments to these matter to users.
const PRODUCTION: &str = "production";

/// What was last seen of runs and deployments.
#[derive(Default)]
pub(super) struct Code {
    /// Newest finished run of each workflow.
    runs: BTreeMap<String, RunFact>,
    deployment: Option<DeploymentFact>,
    /// When the newest deployment was first seen under way, by our clock.
    seen_under_way: Option<(u64, Timestamp)>,
    /// The deployment that was found to take too long at the last look.
    overdue: Option<u64>,
    now: Timestamp,
}

impl Code {
    /// Takes an answer as of `now`, which is `source_now` by the sources' own clock where one tells it.
    pub fn take(&mut self, answer: &CodeAnswer, now: Timestamp, source_now: Option<Timestamp>) -> Vec<Detection> {
        self.now = source_now.unwrap_or(now);
        let mut off = self.take_runs(&answer.runs);
        off.extend(self.take_deployment(&answer.deployments, now, source_now));
        off
    }

    fn take_runs(&mut self, runs: &[RunFact]) -> Vec<Detection> {
        let mut newest: BTreeMap<&str, &RunFact> = BTreeMap::new();
        let finished = |run: &&RunFact| matches!(run.status, RunStatus::Passed | RunStatus::Failed);
        for run in runs.iter().filter(finished) {
            let slot = newest.entry(run.workflow.as_str()).or_insert(run);
            if (run.created_at, run.id, run.attempt) > (slot.created_at, slot.id, slot.attempt) {
                *slot = run;
            }
        }
        let mut off = Vec::new();
        for (workflow, run) in newest {
            self.runs.insert(workflow.to_owned(), run.clone());
            if run.status == RunStatus::Failed {
                let failing = streak(runs, workflow);
                let mut seen = run_detection(format!("run:{workflow}"), run, &failing, self.now);
                // A commit that this workflow passed before did not break it.
                let passed = |sha: &String| {
                    runs.iter().any(|r| r.workflow == workflow && r.status == RunStatus::Passed && r.sha == *sha)
                };
                seen.head_sha = seen.head_sha.filter(|sha| !passed(sha));
                off.push(seen);
            }
        }
        off
    }

    fn take_deployment(
        &mut self,
        deployments: &[DeploymentFact],
        now: Timestamp,
        source_now: Option<Timestamp>,
    ) -> Vec<Detection> {
        let production = deployments.iter().filter(|d| d.environment.eq_ignore_ascii_case(PRODUCTION));
        let Some(newest) = production.max_by_key(|d| (d.created_at, d.id)) else { return Vec::new() };
        self.deployment = Some(newest.clone());
        let first_seen = self.seen_under_way.filter(|(id, _)| *id == newest.id).map_or(now, |(_, at)| at);
        self.seen_under_way = Some((newest.id, first_seen));
        // What the source dates is not compared with our clock: where it does not tell its own, what counts is how long we saw it.
        let took_ms = source_now.map_or(now.since(first_seen), |source_now| source_now.since(newest.created_at));
        let seen = look(newest, took_ms);
        let bad = match seen {
            Look::Failed => true,
            Look::Fine => false,
            // Twice in a row: after a jump of the source's clock it may be over at the very next look.
            Look::Overdue => self.overdue == Some(newest.id),
        };
        self.overdue = (seen == Look::Overdue).then_some(newest.id);
        bad.then(|| deployment_detection("deployment:production".to_owned(), newest, self.now)).into_iter().collect()
    }

    /// How a workflow or the deployment stands.
    pub fn standing(&self, subject: &Subject) -> Standing {
        match subject {
            Subject::Run { workflow, .. } => match self.runs.get(workflow).map(|run| run.status) {
                Some(RunStatus::Passed) => Standing::Recovered,
                Some(_) => Standing::Still,
                None => Standing::Unknown,
            },
            Subject::Deployment { .. } => match &self.deployment {
                Some(newest) if newest.status == "success" => Standing::Recovered,
                Some(_) => Standing::Still,
                None => Standing::Unknown,
            },
            Subject::Metric { .. } | Subject::Error { .. } => Standing::Unknown,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Look {
    Fine,
    Overdue,
    Failed,
}

fn look(deployment: &DeploymentFact, took_ms: i64) -> Look {
    match deployment.status.as_str() {
        "failure" | "error" => Look::Failed,
        "success" | "inactive" => Look::Fine,
        _ if took_ms > STUCK_MS => Look::Overdue,
        _ => Look::Fine,
    }
}

/// The failing runs of a workflow since it last passed, oldest first. What broke it is in the first of them.
fn streak<'a>(runs: &'a [RunFact], workflow: &str) -> Vec<&'a RunFact> {
    let of_it = || runs.iter().filter(|run| run.workflow == workflow);
    let passed = of_it().filter(|run| run.status == RunStatus::Passed).map(|run| (run.created_at, run.id)).max();
    let failed = of_it().filter(|run| run.status == RunStatus::Failed);
    let mut failing: Vec<_> = failed.filter(|run| passed.is_none_or(|at| (run.created_at, run.id) > at)).collect();
    failing.sort_by_key(|run| (run.created_at, run.id, run.attempt));
    failing
}

fn run_detection(fingerprint: String, run: &RunFact, failing: &[&RunFact], now: Timestamp) -> Detection {
    let first = failing.first().copied().unwrap_or(run);
    Detection {
        fingerprint,
        subject: Subject::Run {
            workflow: run.workflow.clone(),
            run: run.id,
            sha: run.sha.clone(),
            url: run.url.clone(),
        },
        severity: Severity::Warning,
        since: first.created_at,
        seen_at: now,
        began: Detection::around(first.created_at, MINUTE_MS),
        measure: None,
        occurrences: failing.len() as u64,
        series: Vec::new(),
        step_ms: 0,
        head_sha: Some(first.sha.clone()),
        effect: 1.0,
    }
}

fn deployment_detection(fingerprint: String, deployment: &DeploymentFact, now: Timestamp) -> Detection {
    Detection {
        fingerprint,
        subject: Subject::Deployment {
            id: deployment.id,
            sha: deployment.sha.clone(),
            environment: deployment.environment.clone(),
            status: deployment.status.clone(),
        },
        severity: Severity::Warning,
        since: deployment.created_at,
        seen_at: now,
        began: Detection::around(deployment.created_at, MINUTE_MS),
        measure: None,
        occurrences: 1,
        series: Vec::new(),
        step_ms: 0,
        head_sha: Some(deployment.sha.clone()),
        effect: 1.0,
    }
}

/// Stores changes that are new or look different now.
///
/// # Errors
/// [`StoreError`] if they could not be stored; the next poll brings them again.
pub(super) async fn keep_changes(core: &Core, changes: &[Change]) -> Result<(), StoreError> {
    let mut commit = Commit::new(core.now());
    for change in changes {
        // Whoever writes a title may write anything into it; from here on it goes into files, messages and a model.
        let change = cleaned(&core.guard, change);
        let known = core.store.get::<Change>(change.id.as_str()).await?;
        if known.is_none_or(|known| known.value != change) {
            commit = commit.put(&change);
        }
    }
    if !commit.rows.is_empty() {
        // Only watchers write changes and every write is whole, so nothing can conflict.
        let _ = core.store.commit(commit).await?;
    }
    Ok(())
}
