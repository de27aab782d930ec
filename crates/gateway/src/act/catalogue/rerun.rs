//! `github.rerun_failed_jobs`: starts the failed jobs of a run once more. At most once: only while the newest attempt is the one
//! that was shown; an attempt more is the proof that it happened, and nothing proves that it will not.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, short_sha};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, read, read_or_fail, repo_hands, subject,
    unreadable,
};
use crate::ports::{HandsError, RunFacts, RunStatus};

/// Which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunArguments {
    /// The run's id.
    pub run: u64,
}

/// The run as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerunRevision {
    /// The workflow's name.
    pub workflow: String,
    /// The commit it runs for.
    pub sha: String,
    /// Its newest attempt.
    pub attempt: u32,
}

/// The class.
pub struct RerunFailedJobs;

impl ActionClass for RerunFailedJobs {
    fn kind(&self) -> &'static str {
        "github.rerun_failed_jobs"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: &[("github", "createPullRequests")] }
    }

    fn returns(&self) -> Value {
        json!({"run": 1, "attempt": 2})
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("run", &action.arguments["run"])
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(RerunArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        read::<RerunArguments>("arguments", &action.arguments)?;
        read::<RerunRevision>("revision", &action.revision).map(drop)
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let repository = action.target["repository"].as_str().unwrap_or("the repository").to_owned();
        let Ok(revision) = read::<RerunRevision>("revision", &action.revision) else {
            return unreadable("A rerun", check);
        };
        CardText {
            title: format!("Rerun the failed jobs of {} on {repository}", revision.workflow),
            steps: vec![StepText {
                text: format!("start the failed jobs of {} at {} again", revision.workflow, short_sha(&revision.sha)),
                note: format!("attempt {} must still be its newest", revision.attempt),
            }],
            undo: "none is needed, a run changes nothing by itself".to_owned(),
            check,
        }
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the run passes", 30 * MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let (run, revision) = look(&step).await?;
            Ok(match run.status {
                _ if run.attempt <= revision.attempt => Stands::No(format!("run {} was not started again", run.id)),
                RunStatus::Passed => Stands::Yes,
                RunStatus::Pending => Stands::Open(format!("run {} had not finished", run.id)),
                RunStatus::Failed | RunStatus::Neutral => Stands::No(format!("run {} did not pass", run.id)),
            })
        })
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let (run, revision) = look(&step).await?;
            let changed = |reason: String| Err(HandsError::Precondition { reason });
            if run.attempt != revision.attempt {
                return changed(format!(
                    "run {} was started again since it was shown (attempt {} → {})",
                    run.id, revision.attempt, run.attempt
                ));
            }
            if run.sha != revision.sha {
                let (was, is) = (short_sha(&revision.sha), short_sha(&run.sha));
                return changed(format!("run {} is for {is}, not for {was} as it was shown", run.id));
            }
            match run.status {
                RunStatus::Failed | RunStatus::Neutral => Ok(Readiness::Ready),
                RunStatus::Passed => changed(format!("run {} passed meanwhile", run.id)),
                RunStatus::Pending => changed(format!("run {} is not finished", run.id)),
            }
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: RerunArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: RerunRevision = read_or_fail("revision", &step.action.revision)?;
            repo_hands(&step)?.rerun_failed_jobs(arguments.run).await?;
            Ok(json!({"run": arguments.run, "attempt": revision.attempt + 1}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let (run, revision) = look(&step).await?;
            Ok(if run.attempt > revision.attempt {
                Reconciled::Done(json!({"run": run.id, "attempt": run.attempt}))
            } else {
                Reconciled::Unknown(format!(
                    "GitHub shows no new attempt of run {}, and one may still appear; look at the run",
                    run.id
                ))
            })
        })
    }
}

async fn look(step: &StepContext<'_>) -> Result<(RunFacts, RerunRevision), HandsError> {
    let arguments: RerunArguments = read_or_fail("arguments", &step.action.arguments)?;
    let revision: RerunRevision = read_or_fail("revision", &step.action.revision)?;
    Ok((repo_hands(step)?.run(arguments.run).await?, revision))
}
