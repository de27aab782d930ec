//! Workflow runs, jobs and check runs.

use serde_json::{Value, json};

use super::super::actions::{Attempt, JOBS, Job, Run};
use super::{View, WEB, merge_into, node_id, stamp};

/// The one workflow.
pub(in super::super) const WORKFLOW_ID: u64 = 7_310_001;
const WORKFLOW_NAME: &str = "CI";
/// Its file.
pub(in super::super) const WORKFLOW_PATH: &str = ".github/workflows/ci.yml";

/// GitHub's word for an outcome.
fn conclusion(success: Option<bool>) -> Option<&'static str> {
    success.map(|success| if success { "success" } else { "failure" })
}

fn status(success: Option<bool>) -> &'static str {
    if success.is_some() { "completed" } else { "in_progress" }
}

/// What is known of a job at `now_ms`: one that ends before its attempt does so only if it is not the last.
fn job_success(job: &Job, now_ms: i64) -> Option<bool> {
    let early = job.name != JOBS[JOBS.len() - 1] && job.finishes_ms <= now_ms;
    job.success.or(early.then_some(true))
}

impl View<'_> {
    pub(in super::super) fn workflow(&self) -> Value {
        let born = stamp(self.repo.script.born_ms());
        json!({
            "id": WORKFLOW_ID, "node_id": node_id("W", WORKFLOW_ID), "name": WORKFLOW_NAME, "path": WORKFLOW_PATH,
            "state": "active", "created_at": born, "updated_at": born,
            "url": self.url(&format!("/actions/workflows/{WORKFLOW_ID}")),
            "html_url": format!("{WEB}/blob/main/{WORKFLOW_PATH}"),
            "badge_url": format!("{WEB}/workflows/{WORKFLOW_NAME}/badge.svg"),
        })
    }

    /// A run as it stands in its attempt number `number` (1 is the first).
    pub(in super::super) fn run(&self, run: &Run, number: usize) -> Value {
        let attempt = run.attempts.get(number.wrapping_sub(1)).unwrap_or_else(|| run.latest());
        let url = self.url(&format!("/actions/runs/{}", run.id));
        let suite = self.url(&format!("/check-suites/{}", run.id));
        let mut value = json!({
            "id": run.id, "name": WORKFLOW_NAME, "node_id": node_id("WFR", run.id), "head_branch": run.branch,
            "head_sha": run.head.to_string(), "path": WORKFLOW_PATH, "display_title": run.title,
            "run_number": run.number, "event": run.trigger.word(), "status": status(attempt.success),
            "conclusion": conclusion(attempt.success), "workflow_id": WORKFLOW_ID, "check_suite_id": run.id,
            "check_suite_node_id": node_id("CS", run.id), "url": url,
            "html_url": format!("{WEB}/actions/runs/{}", run.id), "pull_requests": self.run_pulls(run),
            "created_at": stamp(run.created_ms), "updated_at": stamp(run.updated_ms(self.repo.clock_ms)),
            "actor": self.user(&run.actor), "triggering_actor": self.user(&attempt.actor), "run_attempt": number,
            "run_started_at": stamp(attempt.started_ms), "referenced_workflows": [],
        });
        let more = json!({
            "jobs_url": format!("{url}/jobs"), "logs_url": format!("{url}/logs"), "check_suite_url": suite,
            "artifacts_url": format!("{url}/artifacts"), "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"),
            "previous_attempt_url": (number > 1).then(|| format!("{url}/attempts/{}", number - 1)),
            "workflow_url": self.url(&format!("/actions/workflows/{WORKFLOW_ID}")),
            "head_commit": self.head_commit(run), "repository": self.repository_brief(),
            "head_repository": self.repository_brief(),
        });
        merge_into(&mut value, more);
        value
    }

    fn head_commit(&self, run: &Run) -> Value {
        let Some(commit) = self.repo.git.commit(run.head) else { return Value::Null };
        json!({
            "id": run.head.to_string(), "tree_id": commit.tree.to_string(), "message": commit.message,
            "timestamp": stamp(commit.committer.at_ms),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        })
    }

    fn run_pulls(&self, run: &Run) -> Vec<Value> {
        let repository = json!({"id": super::user_id("acme/app"), "url": self.url(""), "name": super::NAME});
        let pull = run.pull.and_then(|number| self.repo.pulls.get(&number)).filter(|pull| pull.is_open());
        let brief = pull.map(|pull| {
            json!({
                "url": self.url(&format!("/pulls/{}", pull.number)), "id": pull.id, "number": pull.number,
                "head": {"ref": pull.head_branch, "sha": pull.head.to_string(), "repo": repository},
                "base": {"ref": pull.base_branch, "sha": pull.base.to_string(), "repo": repository},
            })
        });
        brief.into_iter().collect()
    }

    pub(in super::super) fn job(&self, run: &Run, number: usize, job: &Job) -> Value {
        let success = job_success(job, self.repo.clock_ms);
        let completed = success.map(|_| stamp(job.finishes_ms));
        let step = |(at, name): (usize, &str)| {
            // Only the last step takes time, and only it can fail.
            let last = at == 2;
            let ok = success.map(|success| success || !last);
            let completed = success.map(|_| stamp(if last { job.finishes_ms } else { job.started_ms }));
            json!({
                "name": name, "status": status(success), "conclusion": conclusion(ok), "number": at + 1,
                "started_at": stamp(job.started_ms), "completed_at": completed,
            })
        };
        let command = format!("Run npm run {}", job.name);
        let steps: Vec<Value> =
            ["Set up job", "Run actions/checkout@v4", &command].into_iter().enumerate().map(step).collect();
        json!({
            "id": job.id, "run_id": run.id, "workflow_name": WORKFLOW_NAME, "head_branch": run.branch,
            "run_url": self.url(&format!("/actions/runs/{}", run.id)), "run_attempt": number,
            "node_id": node_id("CR", job.id), "head_sha": run.head.to_string(),
            "url": self.url(&format!("/actions/jobs/{}", job.id)),
            "html_url": format!("{WEB}/actions/runs/{}/job/{}", run.id, job.id), "status": status(success),
            "conclusion": conclusion(success), "created_at": stamp(job.started_ms),
            "started_at": stamp(job.started_ms), "completed_at": completed, "name": job.name, "steps": steps,
            "check_run_url": self.url(&format!("/check-runs/{}", job.id)), "labels": ["ubuntu-latest"],
            "runner_id": 1, "runner_name": "GitHub Actions 1", "runner_group_id": 0,
            "runner_group_name": "GitHub Actions",
        })
    }

    /// The jobs of one attempt.
    pub(in super::super) fn jobs(&self, run: &Run, number: usize, attempt: &Attempt) -> Vec<Value> {
        attempt.jobs.iter().map(|job| self.job(run, number, job)).collect()
    }

    /// A job as a check of its commit; the two share their id.
    pub(in super::super) fn check_run(&self, run: &Run, job: &Job) -> Value {
        let success = job_success(job, self.repo.clock_ms);
        let (url, html) =
            (self.url(&format!("/check-runs/{}", job.id)), format!("{WEB}/actions/runs/{}/job/{}", run.id, job.id));
        let annotations = format!("{url}/annotations");
        json!({
            "id": job.id, "name": job.name, "node_id": node_id("CR", job.id), "head_sha": run.head.to_string(),
            "external_id": job.id.to_string(), "url": url, "html_url": html, "details_url": html,
            "status": status(success), "conclusion": conclusion(success), "started_at": stamp(job.started_ms),
            "completed_at": success.map(|_| stamp(job.finishes_ms)),
            "output": {
                "title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": annotations,
            },
            "check_suite": {"id": run.id}, "pull_requests": self.run_pulls(run),
            "app": {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"},
        })
    }
}
