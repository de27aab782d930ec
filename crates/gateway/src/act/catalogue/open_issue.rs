//! `github.open_issue`: at most once; found again by the marker in its body. What cannot be found goes to a person.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, check_marker, check_text, read, read_or_fail,
    repo_hands,
};
use crate::ports::{HandsError, IssueRequest};

/// The longest title GitHub takes, in characters.
const TITLE_LEN_MAX: usize = 256;

/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// What the issue says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenIssueArguments {
    /// Its title.
    pub title: String,
    /// Its body, with the marker.
    pub body: String,
    /// The marker in the body.
    pub marker: String,
}

/// The class.
pub struct OpenIssue;

impl ActionClass for OpenIssue {
    fn kind(&self) -> &'static str {
        "github.open_issue"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: super::REPOSITORY_WRITES }
    }

    fn returns(&self) -> Value {
        json!({"number": 1, "url": "https://github.com/acme/app/issues/1"})
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the issue is there", 5 * MINUTE_MS))
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(OpenIssueArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: OpenIssueArguments = read("arguments", &action.arguments)?;
        let length = arguments.title.chars().count();
        if length == 0 || length > TITLE_LEN_MAX {
            return Err(format!("arguments.title: has {length} characters; write 1 to {TITLE_LEN_MAX}"));
        }
        check_text("arguments.title", &arguments.title, 4 * TITLE_LEN_MAX)?;
        check_text("arguments.body", &arguments.body, BODY_BYTES_MAX)?;
        check_marker("arguments.body", &arguments.body, &arguments.marker)
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let repository = action.target["repository"].as_str().unwrap_or("the repository");
        let title = action.arguments["title"].as_str().unwrap_or_default();
        CardText {
            title: format!("Open an issue on {repository}"),
            steps: vec![StepText {
                text: format!("open issue \"{title}\""),
                note: "nothing else is changed".to_owned(),
            }],
            undo: "close the issue".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move { repo_hands(&step).map(|_| Readiness::Ready) })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: OpenIssueArguments = read_or_fail("arguments", &step.action.arguments)?;
            let request = IssueRequest { title: arguments.title, body: arguments.body };
            let issue = repo_hands(&step)?.open_issue(&request).await?;
            Ok(json!({"number": issue.number, "url": issue.url}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: OpenIssueArguments = read_or_fail("arguments", &step.action.arguments)?;
            let since = step.drafted_at;
            Ok(match repo_hands(&step)?.issue_by_marker(&arguments.marker, since).await? {
                Some(issue) => Reconciled::Done(json!({"number": issue.number, "url": issue.url})),
                None => Reconciled::Unknown(
                    "GitHub does not show the issue, and it may still appear; look at its issues".to_owned(),
                ),
            })
        })
    }
}
