//! `webhook.post`: tells a system of the operator's own. At most once, to an address that settings name and nobody else can choose;
//! the receiver cannot be asked, so a lost answer goes to a person.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, StepContext, marker, read, read_or_fail, unreadable, webhook_hands,
};
use crate::{
    act::outbound,
    ports::{HandsError, WebhookRequest},
};

/// The longest body, in bytes.
const PAYLOAD_BYTES_MAX: usize = 16 * 1024;

/// What is sent, to which target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookArguments {
    /// The target's name under `webhooks` in settings.
    pub name: String,
    /// The JSON body, an object.
    pub payload: serde_json::Map<String, Value>,
}

/// The target as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookRevision {
    /// Its scheme, host and port.
    pub target: String,
}

/// The class.
pub struct PostWebhook;

impl ActionClass for PostWebhook {
    fn kind(&self) -> &'static str {
        "webhook.post"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Webhooks, switches: &[] }
    }

    fn returns(&self) -> Value {
        json!({"status": 200})
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        None
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(WebhookArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: WebhookArguments = read("arguments", &action.arguments)?;
        read::<WebhookRevision>("revision", &action.revision)?;
        let payload = json!(arguments.payload);
        let bytes = payload.to_string().len();
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(format!("arguments.payload: has {bytes} bytes; write at most {PAYLOAD_BYTES_MAX}"));
        }
        outbound::each_text("arguments.payload", &payload, &|field: &str, text: &str| {
            outbound::hidden(field, text)?;
            outbound::scan(field, text)
        })
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments = read::<WebhookArguments>("arguments", &action.arguments);
        let revision = read::<WebhookRevision>("revision", &action.revision);
        let (Ok(arguments), Ok(revision)) = (arguments, revision) else { return unreadable("A webhook call", check) };
        let bytes = json!(arguments.payload).to_string().len();
        CardText {
            title: format!("Post to {}", arguments.name),
            steps: vec![StepText {
                text: format!("post {bytes} bytes to {} at {}", arguments.name, revision.target),
                note: "the address is the one in settings; what it makes of it cannot be checked".to_owned(),
            }],
            undo: "none; it was said".to_owned(),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let arguments: WebhookArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: WebhookRevision = read_or_fail("revision", &step.action.revision)?;
            match webhook_hands(&step)?.target(&arguments.name) {
                Some(target) if target == revision.target => Ok(Readiness::Ready),
                Some(target) => Err(HandsError::Precondition {
                    reason: format!(
                        "{} was at {} when it was shown and is at {target} now",
                        arguments.name, revision.target
                    ),
                }),
                None => Err(HandsError::Precondition {
                    reason: format!("settings no longer name the webhook {}", arguments.name),
                }),
            }
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: WebhookArguments = read_or_fail("arguments", &step.action.arguments)?;
            let request = WebhookRequest {
                name: arguments.name,
                payload: json!(arguments.payload),
                key: marker(&step.core.instance, step.proposal, step.number),
            };
            let status = webhook_hands(&step)?.post(&request).await?;
            Ok(json!({"status": status}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: WebhookArguments = read_or_fail("arguments", &step.action.arguments)?;
            Ok(Reconciled::Unknown(format!(
                "{} did not answer, and a webhook cannot be asked what it took; look there for {}",
                arguments.name,
                marker(&step.core.instance, step.proposal, step.number)
            )))
        })
    }
}
