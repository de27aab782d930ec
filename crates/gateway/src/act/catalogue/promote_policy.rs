//! `wakeman.promote_policy`: a policy decides a share of what interrupts, or of the tips, or no longer. An owner approves it.
//!
//! At most once: the row carries the proposal that began it, and the journal still names it after it was rolled back, so doubt is always
//! resolved and nothing that somebody took back begins again. The conditions are judged when it is shown and again before it begins.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_ranking::{
    Problem,
    promotion::{Judged, Stage},
};
use wakeman_types::{Action, CardText, MINUTE_MS, StepText, Timestamp};

use super::{
    ActionClass, Hand, Needs, Readiness, Reconciled, Stands, StepContext,
    own::{approver, refused, unread},
    read, read_or_fail, unreadable,
};
use crate::{core::Core, ports::HandsError, rank};

/// Which policy, and which way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotePolicyArguments {
    /// The policy: `lints-v1`; for tips `egreedy-v2`.
    pub policy: String,
    /// True: it decides, by stages; false: the policy before it decides again.
    pub decides: bool,
}

/// How it stood when it was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromotePolicyRevision {
    /// When the promotion that held had begun; `null`: none held.
    pub begun: Option<Timestamp>,
    /// What the log showed; empty for the way back.
    pub conditions: Vec<Judged>,
}

/// The class.
pub struct PromotePolicy;

/// What a draft of promoting `policy` is shown with.
pub(crate) async fn revision(core: &Core, policy: &str) -> Result<PromotePolicyRevision, HandsError> {
    if let Some(held) = held(core, policy).await? {
        return Err(HandsError::Precondition { reason: rank::already(&held) });
    }
    Ok(PromotePolicyRevision { begun: None, conditions: rank::conditions(core, policy).await.map_err(unread)? })
}

/// What a draft of taking the promotion of `policy` back is shown with.
pub(crate) async fn undoing(core: &Core, policy: &str) -> Result<PromotePolicyRevision, HandsError> {
    let held = held(core, policy).await?.filter(|row| row.policy == policy);
    let reason = || format!("{policy} is not promoted any more");
    let held = held.ok_or_else(|| HandsError::Precondition { reason: reason() })?;
    Ok(PromotePolicyRevision { begun: Some(held.begun), conditions: Vec::new() })
}

/// The promotion that holds for what `policy` decides.
async fn held(core: &Core, policy: &str) -> Result<Option<rank::PromotionRow>, HandsError> {
    let found = rank::promoted(core, rank::problem_of(policy)).await;
    let found = found.map_err(|error| HandsError::NotDone { reason: error.to_string(), not_before: None })?;
    Ok(found.map(|found| found.value))
}

fn parts(step: &StepContext<'_>) -> Result<(PromotePolicyArguments, PromotePolicyRevision), HandsError> {
    Ok((read_or_fail("arguments", &step.action.arguments)?, read_or_fail("revision", &step.action.revision)?))
}

fn output(begun: Option<Timestamp>) -> Value {
    json!({"begun": begun})
}

fn promotion_card(policy: &str, conditions: &[Judged], check: String) -> CardText {
    let proof: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let first = Stage::Tenth.share() * 100.0;
    let (title, text, note) = match rank::problem_of(policy) {
        Problem::Tip => ("choose the tips", "choose one tip in ten", "each operator is shown their own tips as before"),
        Problem::Interrupt | Problem::Replay => (
            "decide what interrupts",
            "decide one in ten of what is open to choice",
            "critical findings, quiet hours and the alarm budget bind it as before",
        ),
    };
    CardText {
        title: format!("Let {policy} {title}, {first:.0} % first"),
        steps: vec![
            StepText { text: format!("let {policy} {text}"), note: proof.join("; ") },
            StepText { text: "then one in two, then all, while it is no worse".to_owned(), note: note.to_owned() },
        ],
        undo: "say `ranking rollback`; it goes back by itself once it is surely worse".to_owned(),
        check,
    }
}

impl ActionClass for PromotePolicy {
    fn kind(&self) -> &'static str {
        "wakeman.promote_policy"
    }

    fn needs(&self) -> Needs {
        Needs { hand: Hand::Own, switches: &[] }
    }

    fn returns(&self) -> Value {
        output(Some(Timestamp(0)))
    }

    fn owner_only(&self, _action: &Action) -> bool {
        true
    }

    fn subject(&self, action: &Action) -> Option<String> {
        let arguments: PromotePolicyArguments = read("arguments", &action.arguments).ok()?;
        let of_tips = rank::problem_of(&arguments.policy) == Problem::Tip;
        Some(if of_tips { "promotion for tips" } else { "promotion" }.to_owned())
    }

    fn undo(&self, action: &Action, output: &Value) -> Option<Action> {
        let arguments: PromotePolicyArguments = read("arguments", &action.arguments).ok()?;
        let begun: Option<Timestamp> = serde_json::from_value(output["begun"].clone()).ok()?;
        (arguments.decides && begun.is_some()).then(|| Action {
            kind: self.kind().to_owned(),
            target: action.target.clone(),
            arguments: json!(PromotePolicyArguments { decides: false, ..arguments }),
            revision: json!(PromotePolicyRevision { begun, conditions: Vec::new() }),
        })
    }

    fn shows(&self) -> Option<(&'static str, i64)> {
        Some(("the policies decide as set", MINUTE_MS))
    }

    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let decides = held(step.core, &arguments.policy).await?.is_some_and(|row| row.policy == arguments.policy);
            let changed = || "somebody promoted or rolled back since".to_owned();
            Ok(Stands::when(decides == arguments.decides, changed))
        })
    }

    fn schema(&self) -> Value {
        json!(schemars::schema_for!(PromotePolicyArguments))
    }

    fn check(&self, action: &Action) -> Result<(), String> {
        let arguments: PromotePolicyArguments = read("arguments", &action.arguments)?;
        let shown: PromotePolicyRevision = read("revision", &action.revision)?;
        rank::promotable(&arguments.policy).map_err(|error| format!("arguments.policy: {}", error.message))?;
        match (arguments.decides, shown.begun) {
            (true, Some(_)) => Err("arguments.decides: a promotion holds already; roll it back first".to_owned()),
            (false, None) => Err("arguments.decides: nothing is promoted that could be taken back".to_owned()),
            _ => Ok(()),
        }
    }

    fn card(&self, action: &Action, check: String) -> CardText {
        let arguments: Result<PromotePolicyArguments, _> = read("arguments", &action.arguments);
        let shown: Result<PromotePolicyRevision, _> = read("revision", &action.revision);
        let (Ok(arguments), Ok(shown)) = (arguments, shown) else { return unreadable("A promotion", check) };
        let policy = &arguments.policy;
        if arguments.decides {
            return promotion_card(policy, &shown.conditions, check);
        }
        let problem = rank::problem_of(policy);
        let (active, what) = match problem {
            Problem::Tip => (rank::active(problem), "choose every tip"),
            Problem::Interrupt | Problem::Replay => (rank::active(problem), "decide everything that is open to choice"),
        };
        CardText {
            title: format!("Take the promotion of {policy} back"),
            steps: vec![StepText {
                text: format!("let {active} {what}"),
                note: "it must still be the same promotion".to_owned(),
            }],
            undo: format!("propose it again with `ranking promote {policy}`"),
            check,
        }
    }

    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let held = held(step.core, &arguments.policy).await?;
            let active = rank::active(rank::problem_of(&arguments.policy));
            let changed = |reason: String| Err(HandsError::Precondition { reason });
            match held {
                Some(row) if arguments.decides => changed(rank::already(&row)),
                Some(row) if Some(row.begun) != shown.begun => changed("it was promoted anew since".to_owned()),
                None if !arguments.decides => changed(format!("nothing is promoted any more; {active} decides")),
                Some(_) => Ok(Readiness::Ready),
                None => {
                    rank::conditions(step.core, &arguments.policy).await.map_err(unread)?;
                    Ok(Readiness::Ready)
                }
            }
        })
    }

    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>> {
        Box::pin(async move {
            let (arguments, shown) = parts(&step)?;
            let who = approver(&step).await?;
            if !arguments.decides {
                rank::rollback_because(step.core, &who, &arguments.policy, step.proposal).await.map_err(refused)?;
                return Ok(output(None));
            }
            let (policy, judged) = (&arguments.policy, &shown.conditions);
            let row = rank::begin(step.core, &who, policy, judged, step.proposal).await.map_err(refused)?;
            Ok(output(Some(row.begun)))
        })
    }

    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>> {
        Box::pin(async move {
            let (arguments, _) = parts(&step)?;
            let way = if arguments.decides { rank::Way::Begun } else { rank::Way::TakenBack };
            let done = rank::done_by(step.core, &arguments.policy, way, step.proposal).await;
            let done = done.map_err(|error| HandsError::NotDone { reason: error.to_string(), not_before: None })?;
            Ok(match done {
                Some(at) => Reconciled::Done(output(arguments.decides.then_some(at))),
                None => Reconciled::Repeat,
            })
        })
    }
}
