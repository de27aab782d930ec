//! `posthog.set_flag`: sets a flag to an absolute state, only from the version that was shown. Idempotent.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, MINUTE_MS, Severity, StepText};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext, flag_hands, in_project, read, read_or_fail,
    subject,
};
use crate::{
    config::RouteKind,
    deliver::{Matter, zone_for},
    ports::{FlagFacts, HandsError, LastEdit},
};

/// The state to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFlagArguments {
    /// The flag's key.
    pub key: String,
    /// On or off, absolutely.
    pub active: bool,
    /// Share of users it applies to, 0–1; `null` leaves it.
    pub rollout: Option<f64>,
}

/// The flag as it was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetFlagRevision {
    /// Its numeric id.
    pub id: u64,
    /// Its version.
    pub version: u64,
    /// Whether it was on.
    pub active: bool,
    /// Its rollout.
    pub rollout: Option<f64>,
}

/// The class.
pub struct SetFlag;

impl ActionClass for SetFlag {
    fn kind(&self) -> &'static str {
        "posthog.set_flag"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Flags, switches: &[("posthog", "readFlags")] }
    }

    fn returns(&self) -> Value {
        json!({"key": "flag", "version": 2, "active": false, "rollout": 1.0})
    }

    fn undo(&self, action: &Action, output: &Value) -> Option<Action> {
        let arguments: SetFlagArguments = read("arguments", &action.arguments).ok()?;
        let revision: SetFlagRevision = read("revision", &action.revision).ok()?;
        let now: SetFlagRevision = read("output", &json!({
            "id": revision.id, "version": output["version"], "active": output["active"], "rollout": output["rollout"],
        }))
        .ok()?;
        let back = SetFlagArguments {
            key: arguments.key,
            active: revision.active,
            rollout: arguments.rollout.and(revision.rollout),
        };
        Some(Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(back),
            revision: json!(now),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the flag is as set", 5 * MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let arguments: SetFlagArguments = read_or_fail("arguments", &step.action.arguments)?;
            let flag = flag_hands(&step)?.flag(&arguments.key).await?;
            Ok(Stands::when(is_as_wanted(&flag, &arguments), || {
                format!("the flag is {}", state_words(flag.active, flag.rollout))
            }))
        })
    }

    fn subject(&self, action: &Action) -> Option<String> {
        subject("flag", &action.arguments["key"])
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(SetFlagArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: SetFlagArguments = read("arguments", &action.arguments)?;
        read::<SetFlagRevision>("revision", &action.revision)?;
        match arguments.rollout {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(format!("arguments.rollout: {share} is not a share; write 0 to 1"))
            }
            _ => Ok(()),
        }
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments: Result<SetFlagArguments, _> = read("arguments", &action.arguments);
        let revision: Result<SetFlagRevision, _> = read("revision", &action.revision);
        let (Ok(arguments), Ok(revision)) = (arguments, revision) else {
            return CardText {
                title: "A flag edit that cannot be read".into(),
                steps: vec![],
                undo: String::new(),
                check,
            };
        };
        let mut to = state_words(arguments.active, arguments.rollout.or(revision.rollout));
        if let Some(share) = arguments.rollout.filter(|_| !arguments.active) {
            to += &format!(", and {} % of users once it is on", percent(share));
        }
        let from = state_words(revision.active, revision.rollout);
        CardText {
            title: format!("Turn flag {} {}", arguments.key, if arguments.active { "on" } else { "off" }),
            steps: vec![StepText {
                text: format!("set {} from {from} to {to}{}", arguments.key, in_project(action)),
                note: format!("its version must still be {}", revision.version),
            }],
            undo: format!("set it back to {from}"),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let arguments: SetFlagArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: SetFlagRevision = read_or_fail("revision", &step.action.revision)?;
            let hands = flag_hands(&step)?;
            let flag = hands.flag(&arguments.key).await?;
            if flag.version == revision.version && flag.id == revision.id {
                return Ok(Readiness::Ready);
            }
            let editor = editor(&hands.last_edit(flag.id).await, &step);
            let (was, is) = (revision.version, flag.version);
            let reason = format!("the flag changed since you approved (version {was} → {is}{editor})");
            Err(HandsError::Precondition { reason })
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let arguments: SetFlagArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: SetFlagRevision = read_or_fail("revision", &step.action.revision)?;
            let flag =
                flag_hands(&step)?.set_flag(revision.id, revision.version, arguments.active, arguments.rollout).await?;
            Ok(output(&flag))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let arguments: SetFlagArguments = read_or_fail("arguments", &step.action.arguments)?;
            let revision: SetFlagRevision = read_or_fail("revision", &step.action.revision)?;
            let flag = flag_hands(&step)?.flag(&arguments.key).await?;
            Ok(if is_as_wanted(&flag, &arguments) {
                Reconciled::Done(output(&flag))
            } else if flag.version == revision.version {
                Reconciled::Repeat
            } else {
                Reconciled::Unknown(format!(
                    "flag {} is at version {} and not as wanted: somebody else edited it meanwhile",
                    arguments.key, flag.version
                ))
            })
        })
    }
}

/// `, by alan 14:52`, as far as it is known.
fn editor(edit: &LastEdit, step: &StepContext<'_>) -> String {
    let name = edit.by.as_deref().map(|name| wakeman_present::sanitize(name, 40)).filter(|name| !name.is_empty());
    let zone = zone_for(step.core, Matter { severity: Severity::Warning, kind: RouteKind::Proposal });
    let context = wakeman_present::RenderContext::new(step.now, zone);
    let at = edit.at.map(|at| context.time(at));
    match (name, at) {
        (None, None) => String::new(),
        (Some(name), None) => format!(", by {name}"),
        (None, Some(at)) => format!(", at {at}"),
        (Some(name), Some(at)) => format!(", by {name} {at}"),
    }
}

fn is_as_wanted(flag: &FlagFacts, arguments: &SetFlagArguments) -> bool {
    let share = arguments.rollout.is_none_or(|want| flag.rollout.is_some_and(|is| (is - want).abs() < 1e-9));
    flag.active == arguments.active && share
}

fn output(flag: &FlagFacts) -> Value {
    json!({"key": flag.key, "version": flag.version, "active": flag.active, "rollout": flag.rollout})
}

fn state_words(active: bool, rollout: Option<f64>) -> String {
    match (active, rollout) {
        (false, _) => "off".to_owned(),
        (true, Some(share)) if share < 1.0 => format!("on for {} % of users", percent(share)),
        (true, _) => "on for everyone".to_owned(),
    }
}

/// As exact as what is sent: `33.3333`, `0.4`, `7`.
fn percent(share: f64) -> String {
    // Nine digits: what is beyond is the error of the multiplication.
    format!("{}", (share * 1e11).round() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_written_as_it_is_sent() {
        let shares = [0.333333, 0.004, 0.07, 0.1, 0.999, 0.125, 1e-6, 0.0];
        let want = ["33.3333", "0.4", "7", "10", "99.9", "12.5", "0.0001", "0"];
        assert_eq!(shares.map(percent), want);
    }
}
