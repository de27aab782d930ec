//! The only thing the executor takes: a proposal whose approval is in the store and whose digest still fits.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wakeman_store::{Version, Versioned};
use wakeman_types::{Action, CardText, Proposal, ProposalState, Step};

use super::{
    catalogue::{PLAN, draw, plan_steps},
    decide::{Yes, rule_of, yes_now},
    digest::digest,
    outbound::shown_whole,
};
use crate::core::Core;

/// A proposal that may be executed. It can only be made from what the store holds, and only if enough people approved exactly
/// the payload that is stored.
///
/// ```compile_fail
/// # use wakeman_gateway::act::{Approved, Executor};
/// # use wakeman_types::Proposal;
/// async fn skip_the_approval(executor: &Executor, proposal: Proposal) {
///     let _ = executor.drive(proposal).await;
/// }
/// ```
///
/// With an approval it compiles:
///
/// ```
/// # use wakeman_gateway::act::{Approved, Executor};
/// async fn run_what_was_approved(executor: &Executor, approved: Approved) {
///     let _ = executor.drive(approved).await;
/// }
/// ```
pub struct Approved {
    pub(super) proposal: Proposal,
    pub(super) version: Version,
    pub(super) yes: Yes,
}

/// Why a stored proposal may not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It is not waiting for execution.
    #[error("{} is {}", .id, .state.name())]
    State {
        /// Which.
        id: wakeman_types::ProposalId,
        /// Its state.
        state: ProposalState,
    },
    /// Fewer approvals than it needs are recorded.
    #[error("{id} has {have} of {needed} approvals by the settings as they are now")]
    Approvals {
        /// Which.
        id: wakeman_types::ProposalId,
        /// Distinct people that approved and may.
        have: usize,
        /// How many are needed.
        needed: u8,
    },
    /// What is stored is not what was approved.
    #[error("{id} was changed after it was approved: {what}")]
    Digest {
        /// Which.
        id: wakeman_types::ProposalId,
        /// What differs.
        what: String,
    },
    /// Who approved could not be looked up; later it may be.
    #[error("who approved {id} cannot be looked up: {reason}")]
    Unread {
        /// Which.
        id: wakeman_types::ProposalId,
        /// Why not.
        reason: String,
    },
}

impl Approved {
    /// Checks a stored proposal: state, approvals by the settings as they are now, digest.
    ///
    /// # Errors
    /// [`NotApproved`] says which of the three does not hold.
    pub async fn check(core: &Core, stored: Versioned<Proposal>) -> Result<Self, NotApproved> {
        let Versioned { value: proposal, version } = stored;
        let id = proposal.id;
        if !matches!(proposal.state, ProposalState::Approved | ProposalState::Executing) {
            return Err(NotApproved::State { id, state: proposal.state });
        }
        let yes = yes_now(core, &proposal).await;
        let yes = yes.map_err(|error| NotApproved::Unread { id, reason: error.to_string() })?;
        if !may_go_on(&proposal, &yes) {
            let next = proposal.next_step().or(proposal.steps.last()).map_or(1, |step| step.number);
            let needed = proposal.needed.max(rule_of(core, &proposal).needed);
            return Err(NotApproved::Approvals { id, have: yes.to(next), needed });
        }
        let unbegun = proposal.steps.iter().all(|step| step.intended_at.is_none() && step.outcome.is_none());
        let changed = changed_since_shown(&core.instance, &proposal)
            .or_else(|| shown_whole(&proposal.action).err().filter(|_| unbegun));
        if let Some(what) = changed {
            return Err(NotApproved::Digest { id, what });
        }
        Ok(Self { proposal, version, yes })
    }
}

/// Whether the step that is next was approved, or the executor finds one that was approved alone done, and waits for the next yes.
fn may_go_on(proposal: &Proposal, yes: &Yes) -> bool {
    let Some(next) = proposal.next_step().or(proposal.steps.last()) else { return false };
    let between = proposal.state == ProposalState::Executing && proposal.has_begun() && next.intended_at.is_none();
    approves(proposal, yes, next) || between
}

/// Whether enough people said yes to this step, by the settings as they are now. What became of a call that was begun is asked for
/// whoever may say yes since.
pub(super) fn approves(proposal: &Proposal, yes: &Yes, step: &Step) -> bool {
    if step.intended_at.is_some() { proposal.is_approved(step.number) } else { yes.enough(step.number) }
}

/// Why nobody can say yes to it as it is stored: it is not what was shown, or was shown to nobody. `None`: it is.
pub(super) fn not_as_shown(instance: &str, proposal: &Proposal) -> Option<String> {
    let changed = changed_since_shown(instance, proposal).or_else(|| shown_whole(&proposal.action).err());
    changed.or_else(|| card_differs(proposal)).or_else(|| begun_unasked(proposal))
}

/// The card is made from the payload and nothing else: it must still be the one that is stored. What a card of another version of
/// Wakeman says else is refused like any other.
fn card_differs(proposal: &Proposal) -> Option<String> {
    let CardText { title, undo, check, .. } = proposal.card.clone();
    let drawn = draw(&proposal.action, (title, undo), check)?;
    difference("card", &json!(drawn), &json!(proposal.card))
}

/// A step has begun only after a yes to it.
fn begun_unasked(proposal: &Proposal) -> Option<String> {
    let unasked = |step: &&Step| match step.outcome {
        Some(_) => !proposal.decisions.iter().any(|decision| decision.allows(step.number)),
        None => step.intended_at.is_some() || step.tries > 0,
    };
    let step = proposal.steps.iter().find(unasked).filter(|_| proposal.state == ProposalState::Pending)?;
    Some(format!("step {} is marked as begun, and nobody had said yes to it", step.number))
}

/// What is stored twice must be what was shown: the action, which the digest covers, and its steps, which run. `None`: it is.
pub(super) fn changed_since_shown(instance: &str, proposal: &Proposal) -> Option<String> {
    let sealed = digest(instance, &proposal.action) == proposal.digest;
    if sealed && runs_what_it_says(proposal) {
        return None;
    }
    // One of the two is still what was shown: the other is named by its first difference.
    let named = if sealed {
        of_steps(proposal).first().and_then(|steps| difference("", &json!(proposal.action), &json!(steps)))
    } else {
        let shown = of_steps(proposal).into_iter().find(|action| digest(instance, action) == proposal.digest);
        shown.and_then(|shown| difference("", &json!(shown), &json!(proposal.action)))
    };
    Some(named.unwrap_or_else(|| format!("its payload no longer has the digest {}", proposal.digest.short())))
}

/// The digest covers the action; what runs are its steps. They must be the very same.
fn runs_what_it_says(proposal: &Proposal) -> bool {
    plan_steps(&proposal.action).is_ok_and(|steps| {
        let approved = steps.iter().map(|step| (step.number, &step.action));
        approved.eq(proposal.steps.iter().map(|step| (step.number, &step.action)))
    })
}

/// The actions that the stored steps can have come from: the only step itself, or a plan of them. What a plan says besides is
/// taken from the action, or from what plans have in common.
fn of_steps(proposal: &Proposal) -> Vec<Action> {
    let steps: Vec<&Action> = proposal.steps.iter().map(|step| &step.action).collect();
    let mut found: Vec<Action> =
        steps.first().filter(|_| steps.len() == 1).map(|only| (*only).clone()).into_iter().collect();
    let mut arguments = proposal.action.arguments.clone();
    if let Some(object) = arguments.as_object_mut() {
        object.insert("steps".to_owned(), json!(steps));
    }
    let targets = [Some(&proposal.action.target), steps.first().map(|step| &step.target)];
    for target in targets.into_iter().flatten() {
        for revision in [&proposal.action.revision, &Value::Null] {
            found.push(Action {
                kind: PLAN.to_owned(),
                target: target.clone(),
                arguments: arguments.clone(),
                revision: revision.clone(),
            });
        }
    }
    if proposal.action.kind == PLAN {
        found.rotate_left(usize::from(steps.len() == 1));
    }
    found
}

/// The first field in which two payloads differ: `arguments.active was false and is true now`.
fn difference(path: &str, was: &Value, is: &Value) -> Option<String> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            let null = Value::Null;
            let of = |side: &serde_json::Map<String, Value>, name: &str| side.get(name).unwrap_or(&null).clone();
            let mut each = names.into_iter().map(|name| difference(&below(name), &of(was, name), &of(is, name)));
            each.find_map(|found| found).or_else(|| (was != is).then(|| format!("{path} has other fields")))
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            let mut each = was.iter().zip(is).enumerate();
            each.find_map(|(at, (was, is))| difference(&below(&(at + 1).to_string()), was, is))
        }
        (Value::Array(was), Value::Array(is)) => {
            Some(format!("{path} had {} entries and has {} now", was.len(), is.len()))
        }
        (was, is) if was == is => None,
        (was, is) => {
            let short = |value: &Value| wakeman_present::sanitize(&value.to_string(), 60);
            Some(format!("{path} was {} and is {} now", short(was), short(is)))
        }
    }
}
