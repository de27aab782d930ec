//! `github.merge_pr`: merges a pull request, only at the head that was shown. Once: GitHub compares the head.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, short_sha};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, read, read_or_fail, repo_hands, subject,
};
use crate::ports::{Checks, HandsError, PullFacts};

/// How long between two looks at pending checks.
const CHECKS_POLL_MS: i64 = MINUTE_MS / 2;
/// Within this long after a pull request was opened its checks are registered. Waited by our own clock.
const CHECKS_APPEAR_MS: i64 = 3 * MINUTE_MS / 2;

/// Which pull request, at which head. In a plan both may come from an earlier step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MergeArguments {
    /// Its number.
    number: u64,
    /// The head it must still have.
    head_sha: String,
}

/// The class.
pub struct MergePr;

impl ActionClass for MergePr {
    fn kind(&self) -> &'static str {
        "github.merge_pr"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: super::REPOSITORY_WRITES }
    }

    fn returns(&self) -> Value {
        json!({"number": 1, "sha": "0".repeat(40)})
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("pull", &action.arguments["number"])
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the merge and its checks pass", 30 * MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let arguments: MergeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let (hands, number) = (repo_hands(&step)?, arguments.number);
            let Some(sha) = hands.pull(number).await?.merge_sha else {
                return Ok(Stands::No(format!("#{number} is not merged")));
            };
            let young = step.waiting_since.is_some_and(|since| step.now.since(since) < CHECKS_APPEAR_MS);
            Ok(match hands.checks(&sha).await? {
                Checks::Failed => Stands::No(format!("the checks of the merge of #{number} failed")),
                Checks::Pending => Stands::Open(format!("the checks of the merge of #{number} had not finished")),
                Checks::None if young => Stands::Open(format!("the checks of the merge of #{number} had not begun")),
                Checks::None | Checks::Passed => Stands::Yes,
            })
        })
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(MergeArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        read::<MergeArguments>("arguments", &action.arguments).map(drop)
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let step = match read::<MergeArguments>("arguments", &action.arguments) {
            Ok(arguments) => StepText {
                text: format!("merge #{} when its checks pass", arguments.number),
                note: format!("head must still be {}", short_sha(&arguments.head_sha)),
            },
            Err(_) => StepText {
                text: "merge it when its checks pass".to_owned(),
                note: "head must still be the PR's".to_owned(),
            },
        };
        CardText {
            title: "Merge a pull request".to_owned(),
            steps: vec![step],
            undo: "revert the merge".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let arguments: MergeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let pull = repo_hands(&step)?.pull(arguments.number).await?;
            readiness(&pull, &arguments, &step)
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: MergeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let merged = repo_hands(&step)?.merge(arguments.number, &arguments.head_sha).await?;
            Ok(json!({"number": arguments.number, "sha": merged.sha}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: MergeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let pull = repo_hands(&step)?.pull(arguments.number).await?;
            if pull.merged && pull.head_sha == arguments.head_sha {
                return Ok(Reconciled::Done(json!({"number": pull.number, "sha": pull.merge_sha})));
            }
            // A pull request merges once and only at this head, so asking again cannot merge it twice.
            Ok(Reconciled::Repeat)
        })
    }
}

fn readiness(pull: &PullFacts, arguments: &MergeArguments, step: &StepContext<'_>) -> Result<Readiness, HandsError> {
    let differs = |reason: String| Err(HandsError::Precondition { reason });
    if pull.head_sha != arguments.head_sha {
        return differs(format!(
            "#{} has a new head ({} → {}) since you approved",
            pull.number,
            short_sha(&arguments.head_sha),
            short_sha(&pull.head_sha)
        ));
    }
    if pull.merged {
        return Ok(Readiness::Ready);
    }
    if !pull.open {
        return differs(format!("#{} was closed without merging", pull.number));
    }
    if pull.mergeable == Some(false) {
        return differs(format!("#{} conflicts with {}", pull.number, pull.base));
    }
    match pull.checks {
        Checks::Failed => differs(format!("the checks of #{} failed", pull.number)),
        Checks::Pending => Ok(Readiness::Wait {
            waiting_for: format!("the checks of #{}", pull.number),
            until: step.now.plus_ms(CHECKS_POLL_MS),
        }),
        // They are registered some time after the pull request; only a repository without any has none by then.
        Checks::None if step.waiting_since.is_none_or(|since| step.now.since(since) < CHECKS_APPEAR_MS) => {
            Ok(Readiness::Wait {
                waiting_for: format!("the checks of #{} to begin", pull.number),
                until: step.now.plus_ms(CHECKS_POLL_MS),
            })
        }
        Checks::None | Checks::Passed => Ok(Readiness::Ready),
    }
}
