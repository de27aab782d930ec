//! What is proposed because of a proposal that ended: the way back where it did not help, and the next step of a plan that is
//! approved step by step. Each is a proposal of its own, in the same thread, with its own digest and its own yes.

use serde_json::json;
use wakeman_store::ListQuery;
use wakeman_types::{Action, HOUR_MS, Outcome, Principal, Proposal, ProposalId, ProposalState, Step};

use super::{
    asked::{Asked, show},
    catalogue::{PLAN, PlanArguments, class, plan_card, plan_steps, read, resolve_references},
    draft::{Draft, Origin, card, proposal_of, revert},
};
use crate::{config::ExecutionMode, core::Core, ports::HandsError, settle::SettleError};

/// How long after it ended something is still proposed because of it.
const WITHIN_MS: i64 = 2 * HOUR_MS;
/// The field of the target that names the proposal this one follows; under the digest like everything else.
const FOLLOWS: &str = "follows";

/// Proposes what follows from proposals that ended lately, each once.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass proposes it.
pub(super) async fn pass(core: &Core) -> Result<(), SettleError> {
    if core.mode() == ExecutionMode::Observe {
        return Ok(());
    }
    let mut ended = ListQuery::newest(50);
    for state in [ProposalState::NotRecovered, ProposalState::Succeeded, ProposalState::Verified] {
        ended = ended.state(state.name());
    }
    let ended = core.store.list::<Proposal>(&ended).await?.items.into_iter().map(|found| found.value);
    let late = |proposal: &Proposal| core.now().since(proposal.state_since) > WITHIN_MS;
    let due: Vec<Proposal> = ended.filter(|proposal| !late(proposal) && leads_on(proposal)).collect();
    if due.is_empty() {
        return Ok(());
    }
    let known = core.store.list::<Proposal>(&ListQuery::newest(200)).await?.items;
    for proposal in due {
        let follows = json!(proposal.id);
        if known.iter().any(|found| found.value.action.target[FOLLOWS] == follows) {
            continue;
        }
        offer(core, &proposal).await?;
    }
    Ok(())
}

/// Whether anything can follow from it.
fn leads_on(proposal: &Proposal) -> bool {
    match proposal.state {
        // What undid something is not undone again by itself.
        ProposalState::NotRecovered => proposal.action.target.get(FOLLOWS).is_none() && has_undo(proposal),
        _ => rest_of(proposal).is_some(),
    }
}

async fn offer(core: &Core, ended: &Proposal) -> Result<(), SettleError> {
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    let draft = match ended.state {
        ProposalState::NotRecovered => undo(core, id, ended).await,
        _ => next_step(ended),
    };
    let made = match draft {
        Ok(mut draft) => {
            if let Some(target) = draft.action.target.as_object_mut() {
                target.insert(FOLLOWS.to_owned(), json!(ended.id));
            }
            // The steps carry the target too, so they are written down anew.
            let origin = Origin { finding: None, by: Principal::system() };
            proposal_of(core, id, draft, origin, &ended.thread, core.now())
        }
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(made) => {
            if let Asked::Refused(reason) = show(core, made).await? {
                tracing::warn!(proposal.id = %ended.id, reason, "act.follow_refused");
            }
        }
        Err(reason) => tracing::warn!(proposal.id = %ended.id, reason, "act.follow_not_drafted"),
    }
    Ok(())
}

/// The steps that are left of a plan that is approved step by step.
fn rest_of(proposal: &Proposal) -> Option<Vec<Action>> {
    if proposal.action.kind != PLAN {
        return None;
    }
    let plan: PlanArguments = read("arguments", &proposal.action.arguments).ok()?;
    (!plan.then.is_empty()).then_some(plan.then)
}

/// The next step with what the earlier ones returned, and the rest after it.
fn next_step(ended: &Proposal) -> Result<Draft, HandsError> {
    let broken = |reason: String| HandsError::Permanent { reason };
    let rest = rest_of(ended).unwrap_or_default();
    let done = u64::try_from(ended.steps.len()).unwrap_or(u64::MAX);
    let mut resolved = Vec::with_capacity(rest.len());
    for action in &rest {
        let known = super::catalogue::resolve_known(action, &ended.steps, done).map_err(broken)?;
        resolved.push(known);
    }
    let first = resolved.remove(0);
    let title = format!("{}, then", ended.card.title.trim_end_matches(", then"));
    let plan = PlanArguments { steps: vec![first], then: resolved };
    let action = Action {
        kind: PLAN.to_owned(),
        target: ended.action.target.clone(),
        arguments: json!(plan),
        revision: json!(null),
    };
    let steps = plan_steps(&action).map_err(broken)?;
    let undo = steps.first().and_then(|step| Some(class(&step.action.kind)?.card(&step.action, String::new()).undo));
    let card = plan_card(title, undo.unwrap_or_default(), ended.card.check.clone(), &steps);
    Ok(Draft { action, card })
}

fn has_undo(proposal: &Proposal) -> bool {
    let merged = proposal.steps.iter().any(|step| step.action.kind == "github.merge_pr" && output(step).is_some());
    merged || last_undo(proposal).is_some()
}

fn output(step: &Step) -> Option<&serde_json::Value> {
    match &step.outcome {
        Some(Outcome::Done { output }) => Some(output),
        _ => None,
    }
}

/// The way back of the last step that has one.
fn last_undo(proposal: &Proposal) -> Option<Action> {
    proposal.steps.iter().rev().find_map(|step| {
        let action = resolve_references(step, &proposal.steps).ok()?;
        class(&action.kind)?.undo(&action, output(step)?)
    })
}

/// What takes back a proposal that did not help: reverting the revert it merged, or the last step's own way back.
async fn undo(core: &Core, id: ProposalId, ended: &Proposal) -> Result<Draft, HandsError> {
    let merged = ended.steps.iter().find(|step| step.action.kind == "github.merge_pr").and_then(output);
    if let Some(number) = merged.and_then(|output| output["number"].as_u64()) {
        return revert(core, id, &ended.id.to_string(), number, String::new()).await;
    }
    let nothing = || HandsError::Permanent { reason: format!("{} cannot be taken back by Wakeman", ended.id) };
    card(core, last_undo(ended).ok_or_else(nothing)?, None, String::new())
}
