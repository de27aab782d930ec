//! `wakeman.set_wakeup`: pauses or resumes a wakeup, or adds one. Idempotent: an absolute state, only from the one that was shown. What it
//! sets lies over `read-only/wakeup.json`, which is never rewritten.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, check_text,
    own::{approver, refused},
    read, read_or_fail, subject, unreadable,
};
use crate::{
    core::Core,
    ports::HandsError,
    wake::{self, AddedWakeup, WakeupChange},
};

/// How the wakeup shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWakeupArguments {
    /// The wakeup's id, as `wakeups` lists it.
    pub id: String,
    /// Whether its slots are left out.
    pub paused: bool,
    /// What it is, if it is new.
    pub add: Option<AddedWakeup>,
}

/// The wakeup as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetWakeupRevision {
    /// What people call it.
    pub title: String,
    /// Whether it was paused; `null`: there was none of this id.
    pub paused: Option<bool>,
}

/// The class.
pub struct SetWakeup;

/// How the wakeup `id` stands now.
pub(crate) async fn revision(core: &Core, id: &str) -> Result<SetWakeupRevision, HandsError> {
    let all = wake::effective(core).await;
    let all = all.map_err(|error| HandsError::NotDone { reason: error.to_string(), not_before: None })?;
    let entry = all.entry(id);
    let title = entry.map(|entry| all.config.title(&entry.prompt_id).to_owned()).unwrap_or_default();
    Ok(SetWakeupRevision { title, paused: entry.map(|_| all.paused.contains(id)) })
}

fn parts(step: &StepContext<'_>) -> Result<(SetWakeupArguments, SetWakeupRevision), HandsError> {
    Ok((read_or_fail("arguments", &step.action.arguments)?, read_or_fail("revision", &step.action.revision)?))
}

impl ActionClass for SetWakeup {
    fn kind(&self) -> &'static str {
        "wakeman.set_wakeup"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Own, switches: &[] }
    }

    fn returns(&self) -> Value {
        json!({"id": "morning-brief-1f2e3d", "paused": true})
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("wakeup", &action.arguments["id"])
    }

    fn undo(&self, action: &Action, _output: &Value) -> Option<Action> {
        let arguments: SetWakeupArguments = read("arguments", &action.arguments).ok()?;
        let shown: SetWakeupRevision = read("revision", &action.revision).ok()?;
        // One that was added is paused: what it told stays told.
        let paused = shown.paused.unwrap_or(true);
        Some(Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(SetWakeupArguments { paused, add: None, ..arguments.clone() }),
            revision: json!(SetWakeupRevision { paused: Some(arguments.paused), ..shown }),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the wakeup is as set", MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let now = revision(step.core, &arguments.id).await?;
            let changed = || "somebody changed the wakeup since".to_owned();
            Ok(Stands::when(now.paused == Some(arguments.paused), changed))
        })
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(SetWakeupArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: SetWakeupArguments = read("arguments", &action.arguments)?;
        let shown: SetWakeupRevision = read("revision", &action.revision)?;
        match (&arguments.add, shown.paused) {
            (Some(added), None) => {
                check_text("arguments.add.prompt", &added.prompt, 16 * 1024)?;
                check_text("arguments.add.title", &added.title, 1024)?;
                let id = wake::id_of(added).map_err(|reason| format!("arguments.add: {reason}"))?;
                if id != arguments.id || arguments.paused {
                    return Err(format!("arguments.id: a new wakeup of these words is {id}, and is not paused"));
                }
                Ok(())
            }
            (Some(_), Some(_)) => Err("arguments.add: there is such a wakeup already".to_owned()),
            (None, None) => Err("arguments.id: there is no such wakeup; `wakeups` lists them".to_owned()),
            (None, Some(paused)) if paused == arguments.paused => {
                Err(format!("arguments.paused: it is {} already", if paused { "paused" } else { "running" }))
            }
            (None, Some(_)) => Ok(()),
        }
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments: Result<SetWakeupArguments, _> = read("arguments", &action.arguments);
        let shown: Result<SetWakeupRevision, _> = read("revision", &action.revision);
        let (Ok(arguments), Ok(shown)) = (arguments, shown) else { return unreadable("A wakeup", check) };
        let (title, text, undo) = match &arguments.add {
            Some(added) => (
                format!("Add the wakeup {}", added.title),
                format!("ask \"{}\" {}", added.prompt.trim(), added.when()),
                "pause it".to_owned(),
            ),
            None if arguments.paused => (
                format!("Pause the wakeup {}", shown.title),
                format!("leave its slots out until it is resumed ({})", arguments.id),
                "resume it".to_owned(),
            ),
            None => (
                format!("Resume the wakeup {}", shown.title),
                format!("run its slots again from now on ({})", arguments.id),
                "pause it again".to_owned(),
            ),
        };
        let note = "read-only/wakeup.json stays as it is".to_owned();
        CardText { title, steps: vec![StepText { text, note }], undo, check }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let now = revision(step.core, &arguments.id).await?;
            if now.paused == shown.paused {
                return Ok(Readiness::Ready);
            }
            let reason = format!("somebody changed the wakeup {} since it was shown", arguments.id);
            Err(HandsError::Precondition { reason })
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let who = approver(&step).await?;
            let change = match arguments.add {
                Some(added) => WakeupChange::Add(added),
                None => WakeupChange::Pause { id: arguments.id, paused: arguments.paused },
            };
            let set = wake::set(step.core, &who, &change, Some(step.proposal)).await.map_err(refused)?;
            Ok(json!({"id": set.id, "paused": set.is_paused()}))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let now = revision(step.core, &arguments.id).await?;
            Ok(if now.paused == Some(arguments.paused) {
                Reconciled::Done(json!({"id": arguments.id, "paused": arguments.paused}))
            } else if now.paused == shown.paused {
                Reconciled::Repeat
            } else {
                Reconciled::Unknown(format!("somebody else changed the wakeup {} meanwhile", arguments.id))
            })
        })
    }
}
