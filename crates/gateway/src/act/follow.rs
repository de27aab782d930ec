//! What is proposed because of a proposal that did not help: the way back. It is a proposal of its own, in the same thread, with its
//! own digest and its own yes.

use serde_json::json;
use wakeman_store::ListQuery;
use wakeman_types::{Action, HOUR_MS, Outcome, Principal, Proposal, ProposalId, ProposalState, Step};

use super::{
    asked::{Asked, show},
    catalogue::{class, resolve_references},
    draft::{Draft, Origin, card, proposal_of, revert},
};
use crate::{config::ExecutionMode, core::Core, ports::HandsError, settle::SettleError};

/// How long after it ended something is still proposed because of it.
const WITHIN_MS: i64 = 2 * HOUR_MS;
/// The field of the target that names the proposal this one follows; under the digest like everything else.
const FOLLOWS: &str = "follows";

/// A draft in place of a card that followed from another proposal follows from that one too.
pub(super) fn keep(mut draft: Draft, instead: Option<&Proposal>) -> Draft {
    let followed = instead.and_then(|old| old.action.target.get(FOLLOWS)).cloned();
    if let (Some(followed), Some(target)) = (followed, draft.action.target.as_object_mut()) {
        target.insert(FOLLOWS.to_owned(), followed);
    }
    draft
}

/// Proposes what follows from proposals that ended lately, each once.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass proposes it.
pub(super) async fn pass(core: &Core) -> Result<(), SettleError> {
    if core.mode() == ExecutionMode::Observe {
        return Ok(());
    }
    let ended = ListQuery::newest(50).state(ProposalState::NotRecovered.name());
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

/// Whether it can be taken back. What took something back is not taken back by itself.
fn leads_on(proposal: &Proposal) -> bool {
    proposal.action.target.get(FOLLOWS).is_none() && has_undo(proposal)
}

async fn offer(core: &Core, ended: &Proposal) -> Result<(), SettleError> {
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    let made = match undo(core, id, ended).await {
        Ok(mut draft) => {
            if let Some(target) = draft.action.target.as_object_mut() {
                target.insert(FOLLOWS.to_owned(), json!(ended.id));
            }
            let origin = Origin { finding: None, by: Principal::system() };
            proposal_of(core, id, draft, origin, &ended.thread, core.now())
        }
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(made) => {
            if let Asked::Refused(reason) | Asked::NotNow(reason) = show(core, made).await? {
                tracing::warn!(proposal.id = %ended.id, reason, "act.follow_refused");
            }
        }
        Err(reason) => tracing::warn!(proposal.id = %ended.id, reason, "act.follow_not_drafted"),
    }
    Ok(())
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
