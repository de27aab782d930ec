//! `posthog.annotate`: a note on the time axis. At most once; found again by the marker in its text.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, Timestamp};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, check_marker, check_text, in_project, product_hands,
    read, read_or_fail, unreadable,
};
use crate::ports::{AnnotationRequest, HandsError};

/// The longest text PostHog takes, in bytes; the marker counts.
const CONTENT_BYTES_MAX: usize = 400;

/// What is noted, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnotateArguments {
    /// The text, with the marker.
    pub content: String,
    /// The instant, Unix milliseconds.
    #[schemars(with = "i64")]
    pub at: Timestamp,
    /// The marker in the text.
    pub marker: String,
}

/// The class.
pub struct Annotate;

impl ActionClass for Annotate {
    fn kind(&self) -> &'static str {
        "posthog.annotate"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Product, switches: &[("posthog", "readInsights")] }
    }

    fn returns(&self) -> Value {
        json!({"id": 1})
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the note is there", 5 * MINUTE_MS))
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(AnnotateArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: AnnotateArguments = read("arguments", &action.arguments)?;
        check_text("arguments.content", &arguments.content, CONTENT_BYTES_MAX)?;
        check_marker("arguments.content", &arguments.content, &arguments.marker)
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let Ok(arguments) = read::<AnnotateArguments>("arguments", &action.arguments) else {
            return unreadable("An annotation", check);
        };
        let text = arguments.content.replace(&arguments.marker, "");
        CardText {
            title: "Annotate the time in PostHog".to_owned(),
            steps: vec![StepText {
                text: format!("annotate \"{}\"{}", text.trim().trim_end_matches(['(', ')']).trim(), in_project(action)),
                note: "nothing else is changed".to_owned(),
            }],
            undo: "delete the annotation".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move { product_hands(&step).map(|_| Readiness::Ready) })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: AnnotateArguments = read_or_fail("arguments", &step.action.arguments)?;
            let request = AnnotationRequest { content: arguments.content, at: arguments.at };
            let made = product_hands(&step)?.annotate(&request).await?;
            Ok(json!({"id": made.id}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: AnnotateArguments = read_or_fail("arguments", &step.action.arguments)?;
            Ok(match product_hands(&step)?.annotation_by_marker(&arguments.marker).await? {
                Some(made) => Reconciled::Done(json!({"id": made.id})),
                None => Reconciled::Unknown(
                    "PostHog does not show the annotation, and it may still appear; look at its annotations".to_owned(),
                ),
            })
        })
    }
}
