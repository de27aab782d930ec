//! `vercel.rollback` and `vercel.promote`: which deployment users get. Idempotent: both name their target; only while production
//! shows what it showed on the card.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, short_sha};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, deploy_hands, read, read_or_fail, unreadable,
};
use crate::ports::HandsError;

const SWITCHES: &[(&str, &str)] = &[("vercel", "triggerDeploys")];

/// Where production shall point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductionArguments {
    /// The deployment's id.
    pub deployment: String,
}

/// Production as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductionRevision {
    /// The deployment that production showed.
    pub production: String,
    /// The commit it carries.
    pub production_sha: Option<String>,
    /// The commit that the target carries.
    pub target_sha: Option<String>,
}

/// Back to an earlier deployment.
pub struct Rollback;

/// To a deployment, with later ones going live by themselves again.
pub struct Promote;

/// What the two differ in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Forward,
}

fn check(action: &Action) -> Result<(), String> {
    let arguments: ProductionArguments = read("arguments", &action.arguments)?;
    let revision: ProductionRevision = read("revision", &action.revision)?;
    let plain = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !plain(&arguments.deployment) {
        return Err("arguments.deployment: is not a deployment's id; write it like dpl_…".to_owned());
    }
    if revision.production == arguments.deployment {
        return Err("arguments.deployment: is what production shows already; name another".to_owned());
    }
    Ok(())
}

/// What target and production are called: by commit, where that tells them apart.
fn names(arguments: &ProductionArguments, revision: &ProductionRevision) -> (String, String) {
    match (&revision.target_sha, &revision.production_sha) {
        (Some(to), Some(from)) if short_sha(to) != short_sha(from) => {
            (short_sha(to).to_owned(), short_sha(from).to_owned())
        }
        _ => (arguments.deployment.clone(), revision.production.clone()),
    }
}

fn card(action: &Action, check: String, way: Way) -> CardText {
    let arguments = read::<ProductionArguments>("arguments", &action.arguments);
    let revision = read::<ProductionRevision>("revision", &action.revision);
    let (Ok(arguments), Ok(revision)) = (arguments, revision) else {
        return unreadable("A change of production", check);
    };
    let (to, from) = names(&arguments, &revision);
    let text = match to == arguments.deployment {
        true => format!("point production at {to}"),
        false => format!("point production at {to} ({})", arguments.deployment),
    };
    let (title, undo) = match way {
        Way::Back => (
            format!("Roll production back from {from} to {to}"),
            format!("promote {from}; until something is promoted, new deployments do not go live by themselves"),
        ),
        Way::Forward => (format!("Promote {to} to production, in place of {from}"), format!("roll back to {from}")),
    };
    CardText { title, steps: vec![StepText { text, note: format!("production must still show {from}") }], undo, check }
}

async fn ready(step: &StepContext<'_>, way: Way) -> Result<Readiness, HandsError> {
    let (arguments, revision, hands) = parts(step)?;
    let changed = |reason: String| Err(HandsError::Precondition { reason });
    let live = hands.production().await?;
    let id = live.as_ref().map_or("nothing", |live| live.id.as_str());
    if id == arguments.deployment {
        return Ok(Readiness::Ready);
    }
    if id != revision.production {
        return changed(format!("production showed {} when this was shown and shows {id} now", revision.production));
    }
    let target = hands.deployment(&arguments.deployment).await?;
    if target.sha != revision.target_sha {
        return changed(format!("{} does not carry the commit that was shown", target.id));
    }
    if !target.ready {
        return changed(format!("{} is not ready to serve", target.id));
    }
    if way == Way::Back && !target.candidate {
        return changed(format!("{} was never in production, so it cannot be rolled back to; promote it", target.id));
    }
    Ok(Readiness::Ready)
}

async fn run(step: &StepContext<'_>, way: Way) -> Result<Value, HandsError> {
    let (arguments, revision, hands) = parts(step)?;
    match way {
        Way::Back => hands.rollback(&arguments.deployment).await?,
        Way::Forward => hands.promote(&arguments.deployment).await?,
    }
    Ok(output(&arguments, &revision))
}

async fn reconcile(step: &StepContext<'_>) -> Result<Reconciled, HandsError> {
    let (arguments, revision, hands) = parts(step)?;
    let live = hands.production().await?.map(|live| live.id);
    Ok(match live {
        Some(id) if id == arguments.deployment => Reconciled::Done(output(&arguments, &revision)),
        Some(id) if id == revision.production => Reconciled::Repeat,
        other => Reconciled::Unknown(format!(
            "production shows {}, which is neither what it showed nor what was asked for: somebody else changed it",
            other.unwrap_or_else(|| "nothing".to_owned())
        )),
    })
}

async fn stands(step: &StepContext<'_>) -> Result<Stands, HandsError> {
    let (arguments, _, hands) = parts(step)?;
    let live = hands.production().await?;
    let id = live.as_ref().map_or("nothing", |live| live.id.as_str());
    Ok(Stands::when(id == arguments.deployment, || format!("production shows {id}")))
}

type Parts<'a> = (ProductionArguments, ProductionRevision, &'a dyn crate::ports::DeployHands);

fn parts<'a>(step: &StepContext<'a>) -> Result<Parts<'a>, HandsError> {
    let arguments = read_or_fail("arguments", &step.action.arguments)?;
    let revision = read_or_fail("revision", &step.action.revision)?;
    Ok((arguments, revision, deploy_hands(step)?))
}

fn output(arguments: &ProductionArguments, revision: &ProductionRevision) -> Value {
    json!({"deployment": arguments.deployment, "replaced": revision.production})
}

/// The way back, from what was done.
fn undone_by(action: &Action, kind: &str) -> Option<Action> {
    let arguments: ProductionArguments = read("arguments", &action.arguments).ok()?;
    let revision: ProductionRevision = read("revision", &action.revision).ok()?;
    let back = ProductionRevision {
        production: arguments.deployment,
        production_sha: revision.target_sha,
        target_sha: revision.production_sha,
    };
    Some(Action {
        kind: kind.to_owned(),
        target: action.target.clone(),
        arguments: json!(ProductionArguments { deployment: revision.production }),
        revision: json!(back),
    })
}

macro_rules! production_class {
    ($class:ident, $kind:literal, $way:expr, $undo:literal) => {
        impl ActionClass for $class {
            fn kind(&self) -> &'static str {
                $kind
            }

            fn needs(&self) -> Needs {
                Needs { hand: Hand::Deploys, switches: SWITCHES }
            }

            fn returns(&self) -> Value {
                json!({"deployment": "dpl_1", "replaced": "dpl_0"})
            }

            fn subject(&self, _action: &Action) -> Option<String> {
        Some("production".to_owned())
    }

    fn schema(&self) -> Value {
                json!(schemars::schema_for!(ProductionArguments))
            }

            fn check(&self, action: &Action) -> Result<(), String> {
                check(action)
            }

            fn card(&self, action: &Action, check: String) -> CardText {
                card(action, check, $way)
            }

            fn undo(&self, action: &Action, _output: &Value) -> Option<Action> {
                undone_by(action, $undo)
            }

            fn shows(&self) -> Option<(&'static str, i64)> {
                Some(("production shows it", 10 * MINUTE_MS))
            }

            fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
                Box::pin(async move { stands(&step).await })
            }

            fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
                Box::pin(async move { ready(&step, $way).await })
            }

            fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
                Box::pin(async move { run(&step, $way).await })
            }

            fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
                Box::pin(async move { reconcile(&step).await })
            }
        }
    };
}

production_class!(Rollback, "vercel.rollback", Way::Back, "vercel.promote");
production_class!(Promote, "vercel.promote", Way::Forward, "vercel.rollback");
