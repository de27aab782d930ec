//! `github.comment`: a comment on an issue or pull request. At most once; found again by the marker in its text.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, check_marker, check_text, read, read_or_fail,
    repo_hands, unreadable,
};
use crate::ports::{CommentRequest, HandsError};

/// The longest comment, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// What is said, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentArguments {
    /// The or pull request's number.
    pub number: u64,
    /// The text, with the marker.
    pub body: String,
    /// The marker in the text.
    pub marker: String,
}

/// The class.
pub struct Comment;

impl ActionClass for Comment {
    fn kind(&self) -> &'static str {
        "github.comment"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Repository, switches: &[("github", "createPullRequests")] }
    }

    fn returns(&self) -> Value {
        json!({"id": 1, "number": 1, "url": "https://github.com/acme/app/issues/1#issuecomment-1"})
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the comment is there", 5 * MINUTE_MS))
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(CommentArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: CommentArguments = read("arguments", &action.arguments)?;
        if arguments.number == 0 {
            return Err("arguments.number: is 0; issues and pull requests are numbered from 1".to_owned());
        }
        check_text("arguments.body", &arguments.body, BODY_BYTES_MAX)?;
        check_marker("arguments.body", &arguments.body, &arguments.marker)
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let repository = action.target["repository"].as_str().unwrap_or("the repository");
        let body = action.arguments["body"].as_str().unwrap_or_default();
        let on = action.arguments["number"].as_u64().map_or_else(|| "it".to_owned(), |number| format!("#{number}"));
        if body.is_empty() {
            return unreadable("A comment", check);
        }
        let first = body.lines().next().unwrap_or_default();
        CardText {
            title: format!("Comment on {on} of {repository}"),
            steps: vec![StepText {
                text: format!("comment on {on}: \"{first}\""),
                note: format!("{} bytes in all", body.len()),
            }],
            undo: "delete the comment".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move { repo_hands(&step).map(|_| Readiness::Ready) })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: CommentArguments = read_or_fail("arguments", &step.action.arguments)?;
            let request = CommentRequest { number: arguments.number, body: arguments.body };
            let made = repo_hands(&step)?.comment(&request).await?;
            Ok(json!({"id": made.id, "number": arguments.number, "url": made.url}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: CommentArguments = read_or_fail("arguments", &step.action.arguments)?;
            let since = step.drafted_at;
            let found = repo_hands(&step)?.comment_by_marker(arguments.number, &arguments.marker, since).await?;
            Ok(match found {
                Some(made) => Reconciled::Done(json!({"id": made.id, "number": arguments.number, "url": made.url})),
                None => Reconciled::Unknown(format!(
                    "GitHub does not show the comment on #{}, and it may still appear; look there",
                    arguments.number
                )),
            })
        })
    }
}
