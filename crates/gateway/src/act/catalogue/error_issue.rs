//! `posthog.update_error_issue`: sets the status of an error. Idempotent: the status is absolute; only from the one that was shown.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, in_project, product_hands, read,
    read_or_fail, subject, unreadable,
};
use crate::ports::{ErrorFacts, HandsError};

/// What PostHog knows.
const STATUSES: [&str; 5] = ["active", "resolved", "suppressed", "archived", "pending_release"];

/// The status to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorIssueArguments {
    /// The error's id.
    pub issue: String,
    /// `active`, `resolved`, `suppressed`, `archived` or `pending_release`.
    pub status: String,
}

/// The error as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorIssueRevision {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
}

/// The class.
pub struct UpdateErrorIssue;

impl ActionClass for UpdateErrorIssue {
    fn kind(&self) -> &'static str {
        "posthog.update_error_issue"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Product, switches: &[("posthog", "readErrors")] }
    }

    fn returns(&self) -> Value {
        json!({"issue": "0", "status": "resolved"})
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("error", &action.arguments["issue"])
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(ErrorIssueArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: ErrorIssueArguments = read("arguments", &action.arguments)?;
        read::<ErrorIssueRevision>("revision", &action.revision)?;
        if !STATUSES.contains(&arguments.status.as_str()) {
            let known = STATUSES.join(", ");
            return Err(format!("arguments.status: is not a status of an error; write one of {known}"));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if arguments.issue.is_empty() || !arguments.issue.bytes().all(plain) {
            return Err("arguments.issue: is not an error's id; copy it from PostHog".to_owned());
        }
        Ok(())
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments = read::<ErrorIssueArguments>("arguments", &action.arguments);
        let revision = read::<ErrorIssueRevision>("revision", &action.revision);
        let (Ok(arguments), Ok(revision)) = (arguments, revision) else { return unreadable("An error", check) };
        CardText {
            title: format!("Mark error {} as {}", revision.name, arguments.status),
            steps: vec![StepText {
                text: format!(
                    "set {} from {} to {}{}",
                    revision.name,
                    revision.status,
                    arguments.status,
                    in_project(action)
                ),
                note: format!("it must still be {}", revision.status),
            }],
            undo: format!("set it back to {}", revision.status),
            check,
        }
    }

    fn undo(&self, action: &Action, _output: &Value) -> Option<Action> {
        let arguments: ErrorIssueArguments = read("arguments", &action.arguments).ok()?;
        let revision: ErrorIssueRevision = read("revision", &action.revision).ok()?;
        Some(Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(ErrorIssueArguments { issue: arguments.issue, status: revision.status }),
            revision: json!(ErrorIssueRevision { name: revision.name, status: arguments.status }),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the error has that status", 5 * MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let (error, arguments, _) = look(&step).await?;
            Ok(Stands::when(error.status == arguments.status, || format!("the error is {}", error.status)))
        })
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let (error, arguments, revision) = look(&step).await?;
            if error.status == revision.status || error.status == arguments.status {
                return Ok(Readiness::Ready);
            }
            Err(HandsError::Precondition {
                reason: format!("the error was {} when it was shown and is {} now", revision.status, error.status),
            })
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: ErrorIssueArguments = read_or_fail("arguments", &step.action.arguments)?;
            let set = product_hands(&step)?.set_error_status(&arguments.issue, &arguments.status).await?;
            Ok(json!({"issue": set.id, "status": set.status}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let (error, arguments, revision) = look(&step).await?;
            Ok(if error.status == arguments.status {
                Reconciled::Done(json!({"issue": error.id, "status": error.status}))
            } else if error.status == revision.status {
                Reconciled::Repeat
            } else {
                Reconciled::Unknown(format!("the error is {} now: somebody else changed it meanwhile", error.status))
            })
        })
    }
}

async fn look(step: &StepContext<'_>) -> Result<(ErrorFacts, ErrorIssueArguments, ErrorIssueRevision), HandsError> {
    let arguments: ErrorIssueArguments = read_or_fail("arguments", &step.action.arguments)?;
    let revision = read_or_fail("revision", &step.action.revision)?;
    let error = product_hands(step)?.error(&arguments.issue).await?;
    Ok((error, arguments, revision))
}
