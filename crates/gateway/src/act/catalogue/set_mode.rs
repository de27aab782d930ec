//! `wakeman.set_mode`: what Wakeman may do by itself. Idempotent: an absolute mode, only from the one that was shown. An owner approves it.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, ExecutionMode, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext,
    own::{approver, refused},
    read, read_or_fail, unreadable,
};
use crate::{core::Core, modes, ports::HandsError};

/// The mode to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetModeArguments {
    /// What it may do by itself from then on.
    pub mode: ExecutionMode,
}

/// The mode as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetModeRevision {
    /// The one that held.
    pub mode: ExecutionMode,
    /// The version of the row that says so, 0 while nobody set anything. A halt counts too.
    pub version: u64,
}

/// The class.
pub struct SetMode;

/// The mode that holds and the version it has.
pub(crate) async fn revision(core: &Core) -> Result<SetModeRevision, HandsError> {
    let now = modes::standing(core).await;
    let now = now.map_err(|error| HandsError::NotDone { reason: error.to_string(), not_before: None })?;
    Ok(SetModeRevision { mode: now.mode, version: now.version.0 })
}

impl ActionClass for SetMode {
    fn kind(&self) -> &'static str {
        "wakeman.set_mode"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Own, switches: &[] }
    }

    fn returns(&self) -> Value {
        json!({"mode": "observe", "version": 1})
    }

    fn owner_only(&self, _action: &Action) -> bool {
        true
    }

    fn subject(&self, _action: &Action) -> Option<String> {
        Some("mode".to_owned())
    }

    fn undo(&self, action: &Action, output: &Value) -> Option<Action> {
        let arguments: SetModeArguments = read("arguments", &action.arguments).ok()?;
        let shown: SetModeRevision = read("revision", &action.revision).ok()?;
        let now = SetModeRevision { mode: arguments.mode, version: output["version"].as_u64()? };
        Some(Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(SetModeArguments { mode: shown.mode }),
            revision: json!(now),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the mode is as set", MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let arguments: SetModeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let now = revision(step.core).await?.mode;
            Ok(Stands::when(now == arguments.mode, || format!("the mode is {now}")))
        })
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(SetModeArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: SetModeArguments = read("arguments", &action.arguments)?;
        let shown: SetModeRevision = read("revision", &action.revision)?;
        if arguments.mode == shown.mode {
            return Err(format!("arguments.mode: is {} already; name another", shown.mode));
        }
        Ok(())
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments: Result<SetModeArguments, _> = read("arguments", &action.arguments);
        let shown: Result<SetModeRevision, _> = read("revision", &action.revision);
        let (Ok(arguments), Ok(shown)) = (arguments, shown) else { return unreadable("A change of the mode", check) };
        let means = match arguments.mode {
            ExecutionMode::Observe => "it reports and proposes nothing",
            ExecutionMode::Propose => "it reports and proposes; nothing runs without a yes",
            ExecutionMode::Execute => "the classes in execute.classes then run without asking",
        };
        CardText {
            title: format!("Set the mode to {}", arguments.mode),
            steps: vec![StepText {
                text: format!("set the mode from {} to {}: {means}", shown.mode, arguments.mode),
                note: "nobody may have set mode or halt since".to_owned(),
            }],
            undo: format!("set it back to {}", shown.mode),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let shown: SetModeRevision = read_or_fail("revision", &step.action.revision)?;
            let now = revision(step.core).await?;
            if now == shown {
                return Ok(Readiness::Ready);
            }
            let reason = format!("mode or halt was set since it was shown (mode {} → {})", shown.mode, now.mode);
            Err(HandsError::Precondition { reason })
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: SetModeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let who = approver(&step).await?;
            let set = modes::set_mode_because(step.core, &who, arguments.mode, Some(step.proposal)).await;
            set.map_err(refused)?;
            Ok(json!(revision(step.core).await?))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: SetModeArguments = read_or_fail("arguments", &step.action.arguments)?;
            let shown: SetModeRevision = read_or_fail("revision", &step.action.revision)?;
            let now = revision(step.core).await?;
            Ok(if now.mode == arguments.mode {
                Reconciled::Done(json!(now))
            } else if now == shown {
                Reconciled::Repeat
            } else {
                Reconciled::Unknown(format!("the mode is {} now: somebody else set it meanwhile", now.mode))
            })
        })
    }
}
