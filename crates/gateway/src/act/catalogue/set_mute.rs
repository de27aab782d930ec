//! `wakeman.set_mute`: nobody is told of a subject until an instant, or is told again. Idempotent: an absolute end, only from the mute
//! that was shown. "Stop telling me about this" becomes this card, with its scope and its end.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, Finding, FindingId, MINUTE_MS, Mute, StepText, Timestamp};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext,
    own::{approver, refused, stored},
    read, read_or_fail, subject, unreadable,
};
use crate::{core::Core, modes, ports::HandsError};

/// What is muted, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMuteArguments {
    /// The finding at which it was asked for.
    pub finding: FindingId,
    /// What is muted: the fingerprint that all findings of this subject share.
    pub subject: String,
    /// When it ends, Unix milliseconds; `null` lifts the mute.
    pub until: Option<Timestamp>,
}

/// How it stood when it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMuteRevision {
    /// What people call the subject.
    pub name: String,
    /// When it was shown; the length of the mute is told from here.
    pub at: Timestamp,
    /// When the mute that held then was set; `null`: none held.
    pub muted_at: Option<Timestamp>,
    /// When that one ends; `null`: it has no end, or none held.
    pub muted_until: Option<Timestamp>,
}

/// The class.
pub struct SetMute;

/// The mute of a subject that holds now: when it was set, when it ends.
pub(crate) async fn held(core: &Core, subject: &str) -> Result<Option<Mute>, HandsError> {
    Ok(stored::<Mute>(core, subject).await?.filter(|mute| mute.holds(core.now())))
}

fn parts(step: &StepContext<'_>) -> Result<(SetMuteArguments, SetMuteRevision), HandsError> {
    Ok((read_or_fail("arguments", &step.action.arguments)?, read_or_fail("revision", &step.action.revision)?))
}

/// Whether the mute that holds is the one that is wanted.
fn is_as_wanted(now: Option<&Mute>, arguments: &SetMuteArguments) -> bool {
    match (now, arguments.until) {
        (None, None) => true,
        (Some(mute), Some(until)) => mute.until == Some(until),
        _ => false,
    }
}

fn is_as_shown(now: Option<&Mute>, shown: &SetMuteRevision) -> bool {
    match now {
        Some(mute) => shown.muted_at == Some(mute.at) && shown.muted_until == mute.until,
        // One that ended by itself meanwhile changes nothing.
        None => shown.muted_at.is_none() || shown.muted_until.is_some(),
    }
}

fn output(now: Option<&Mute>) -> Value {
    json!({"at": now.map(|mute| mute.at), "until": now.and_then(|mute| mute.until)})
}

impl ActionClass for SetMute {
    fn kind(&self) -> &'static str {
        "wakeman.set_mute"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Own, switches: &[] }
    }

    fn returns(&self) -> Value {
        json!({"at": 0, "until": 0})
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("mute", &action.arguments["subject"])
    }

    fn undo(&self, action: &Action, output: &Value) -> Option<Action> {
        let arguments: SetMuteArguments = read("arguments", &action.arguments).ok()?;
        let shown: SetMuteRevision = read("revision", &action.revision).ok()?;
        arguments.until?;
        let now = SetMuteRevision {
            muted_at: serde_json::from_value(output["at"].clone()).ok()?,
            muted_until: arguments.until,
            ..shown
        };
        Some(Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(SetMuteArguments { until: None, ..arguments }),
            revision: json!(now),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the mute holds", MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let now = held(step.core, &arguments.subject).await?;
            let changed = || "somebody muted or unmuted it since".to_owned();
            Ok(Stands::when(is_as_wanted(now.as_ref(), &arguments), changed))
        })
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(SetMuteArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: SetMuteArguments = read("arguments", &action.arguments)?;
        let shown: SetMuteRevision = read("revision", &action.revision)?;
        match arguments.until.map(|until| until.since(shown.at)) {
            Some(ms) if !(1..=modes::MUTE_MS_MAX).contains(&ms) => {
                Err("arguments.until: is not within the next 30 days; a mute ends between now and then".to_owned())
            }
            None if shown.muted_at.is_none() => {
                Err("arguments.until: nothing is muted that could be lifted".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments: Result<SetMuteArguments, _> = read("arguments", &action.arguments);
        let shown: Result<SetMuteRevision, _> = read("revision", &action.revision);
        let (Ok(arguments), Ok(shown)) = (arguments, shown) else { return unreadable("A mute", check) };
        let (name, id) = (&shown.name, arguments.finding);
        let Some(until) = arguments.until else {
            return CardText {
                title: format!("Tell of {name} again"),
                steps: vec![StepText {
                    text: format!("lift the mute of {name} ({id})"),
                    note: "it must still be the same mute".to_owned(),
                }],
                undo: format!("say `mute {id}`"),
                check,
            };
        };
        let long = wakeman_present::span(until.since(shown.at));
        let end = chrono::DateTime::from_timestamp_millis(until.ms()).unwrap_or_default().format("%Y-%m-%d %H:%M UTC");
        CardText {
            title: format!("Mute {name} for {long}"),
            steps: vec![StepText {
                text: format!("tell nobody of {name} until {end}, not even when it is critical"),
                note: format!("everything else is told as before; {id} stays in the lists"),
            }],
            undo: format!("say `unmute {id}`"),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let changed = |reason: String| Err(HandsError::Precondition { reason });
            let finding: Option<Finding> = stored(step.core, &arguments.finding.to_string()).await?;
            if finding.is_none_or(|finding| finding.fingerprint != arguments.subject) {
                return changed(format!("{} is not about what was shown any more", arguments.finding));
            }
            if arguments.until.is_some_and(|until| until <= step.now) {
                return changed("the mute would have ended already".to_owned());
            }
            if !is_as_shown(held(step.core, &arguments.subject).await?.as_ref(), &shown) {
                return changed(format!("somebody muted or unmuted {} since it was shown", shown.name));
            }
            Ok(Readiness::Ready)
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let who = approver(&step).await?;
            let cause = Some(step.proposal);
            match arguments.until {
                Some(_) => {
                    modes::mute_until(step.core, &who, arguments.finding, arguments.until, cause).await.map(drop)
                }
                None => modes::unmute_because(step.core, &who, arguments.finding, cause).await.map(drop),
            }
            .map_err(refused)?;
            Ok(output(held(step.core, &arguments.subject).await?.as_ref()))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let now = held(step.core, &arguments.subject).await?;
            Ok(if is_as_wanted(now.as_ref(), &arguments) {
                Reconciled::Done(output(now.as_ref()))
            } else if is_as_shown(now.as_ref(), &shown) {
                Reconciled::Repeat
            } else {
                Reconciled::Unknown(format!("somebody else muted or unmuted {} meanwhile", shown.name))
            })
        })
    }
}
