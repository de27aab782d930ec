//! Staging the repair of a finding: the proposal is drafted, stored and shown in one commit.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError};
use wakeman_types::{
    CandidateCause, ChangeRef, DeliveryClass, Finding, FindingNews, FindingState, FindingView, Interruption, Proposal,
    ProposalId, ProposalState, ProposalView, Severity, Subject, View,
};

use super::attempts::Attempts;
use crate::{
    act::{
        draft::{Draft, draft_for_subject, draft_repair, proposal, repair_label},
        supersede,
        verify::settling_ms,
    },
    config::ExecutionMode,
    core::Core,
    deliver::{Post, ThreadWriter, card_destinations, follow},
    modes::{muted, standing},
    ports::HandsError,
    settle::{SettleError, Wanted, settle},
};

/// The action that may help against chance.
const RERUN: &str = "github.rerun_failed_jobs";

/// What staging came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Staged {
    /// Nothing to stage: no likely cause, no repair for it, or not the mode for it.
    Nothing,
    /// This proposal is now the finding's.
    Proposal(ProposalId),
    /// The world could not be read; try again later.
    Later(String),
    /// It cannot work; do not try again for this cause.
    Never(String),
}

/// Stages the repair of the finding's likely cause, unless one is staged already or two attempts came to nothing.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn stage(core: &Core, finding: &Finding) -> Result<Staged, SettleError> {
    let open = matches!(finding.state, FindingState::Open | FindingState::Acknowledged { .. });
    if !open
        || standing(core).await?.mode == ExecutionMode::Observe
        || muted(core, &finding.fingerprint).await?.is_some()
    {
        return Ok(Staged::Nothing);
    }
    let attempts = Attempts::of(core, finding).await?;
    if !attempts.allow_another(finding) {
        return Ok(Staged::Nothing);
    }
    let cause = attempts.next_cause(finding).filter(|cause| repair_label(core, cause).is_some());
    let Some(cause) = cause else { return stage_for_subject(core, finding, &attempts).await };
    if let Some(id) = staged_for(core, finding, cause).await? {
        link(core, finding, id).await?;
        return Ok(Staged::Proposal(id));
    }
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    let check = wakeman_present::check_words(finding, settling_ms(finding));
    drafted(core, id, finding, draft_repair(core, id, finding, cause, check).await).await
}

/// What may help although no change can be blamed that could be undone. Once: chance does not help twice.
async fn stage_for_subject(core: &Core, finding: &Finding, attempts: &Attempts) -> Result<Staged, SettleError> {
    if !matches!(finding.subject, Subject::Run { .. }) || attempts.ran(RERUN) {
        return Ok(Staged::Nothing);
    }
    let check = wakeman_present::check_words(finding, settling_ms(finding));
    let draft = draft_for_subject(core, finding, check).await;
    if matches!(draft, Ok(None)) {
        return Ok(Staged::Nothing);
    }
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    drafted(core, id, finding, draft).await
}

async fn drafted(
    core: &Core,
    id: ProposalId,
    finding: &Finding,
    draft: Result<Option<Draft>, HandsError>,
) -> Result<Staged, SettleError> {
    match draft {
        Ok(Some(draft)) => show(core, id, draft, finding).await,
        Ok(None) => Ok(Staged::Nothing),
        Err(HandsError::Permanent { reason } | HandsError::Precondition { reason }) => Ok(Staged::Never(reason)),
        Err(HandsError::NotDone { reason, .. } | HandsError::InDoubt { reason }) => Ok(Staged::Later(reason)),
    }
}

/// A proposal that undoes the same change and is under way, or took effect after the problem began: findings of one cause
/// share it, and nothing is undone twice.
async fn staged_for(core: &Core, finding: &Finding, cause: &CandidateCause) -> Result<Option<ProposalId>, StoreError> {
    let mut query = ListQuery::newest(100);
    for state in ["pending", "approved", "executing", "needs_review", "succeeded", "verified"] {
        query = query.state(state);
    }
    let list = core.store.list::<Proposal>(&query).await?;
    let counts = |p: &Proposal| match p.state {
        ProposalState::Succeeded | ProposalState::Verified => p.state_since >= finding.since,
        _ => true,
    };
    let mut proposals = list.items.into_iter().map(|found| found.value);
    Ok(proposals.find(|p| undoes(p, &cause.change.reference) && counts(p)).map(|p| p.id))
}

pub(super) fn undoes(proposal: &Proposal, change: &ChangeRef) -> bool {
    proposal.steps.first().is_some_and(|step| match (change, step.action.kind.as_str()) {
        (ChangeRef::PullRequest { number, .. }, "github.revert_pr") => step.action.arguments["number"] == json!(number),
        (ChangeRef::Flag { key, .. }, "posthog.set_flag") => step.action.arguments["key"] == json!(key),
        // Production as a whole goes back, whichever deployment was blamed.
        (ChangeRef::Deployment { .. }, "vercel.rollback") => true,
        _ => false,
    })
}

async fn link(core: &Core, finding: &Finding, id: ProposalId) -> Result<(), SettleError> {
    settle!(core, "the finding", async {
        let Some(found) = core.store.get::<Finding>(&finding.id.to_string()).await? else {
            return Ok(Wanted::Nothing(()));
        };
        let linked = Finding { proposal: Some(id), ..found.value.clone() };
        let commit = Commit::new(core.now()).replace(&linked, found.version);
        let commit = follow(core, commit, &found.value, &linked).await?;
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

async fn show(core: &Core, id: ProposalId, draft: Draft, finding: &Finding) -> Result<Staged, SettleError> {
    let made = match proposal(core, id, draft, finding, &finding.thread, core.now()) {
        Ok(made) => made,
        Err(reason) => return Ok(Staged::Never(reason)),
    };
    settle!(core, "the proposal", async {
        let Some(found) = core.store.get::<Finding>(&finding.id.to_string()).await? else {
            return Ok(Wanted::Nothing(Staged::Nothing));
        };
        let mut linked = found.value.clone();
        if linked.is_over() || linked.proposal != finding.proposal {
            return Ok(Wanted::Nothing(Staged::Nothing));
        }
        let Some(mut thread) = ThreadWriter::load(core, &linked.thread).await? else {
            return Ok(Wanted::Nothing(Staged::Nothing));
        };
        if linked.interruption != Interruption::Now {
            introduce(core, &mut thread, &linked, &made);
        }
        linked.proposal = Some(id);
        thread.say(
            core,
            Post {
                class: DeliveryClass::Card,
                severity: linked.severity.max(Severity::Warning),
                finding: Some(linked.id),
                view: View::Proposal(Box::new(ProposalView { proposal: made.clone() })),
                quiet: false,
            },
        );
        let event = core.event(
            "proposal.shown",
            "system:watch",
            id,
            json!({"digest": made.digest.as_str(), "kind": made.action.kind, "finding": linked.id}),
        );
        let commit = Commit::durable(core.now()).insert(&made).replace(&linked, found.version).event(event);
        let commit = supersede(core, commit, &made, &mut thread, Some(linked.id)).await?;
        let commit = follow(core, commit, &found.value, &linked).await?;
        Ok::<_, SettleError>(Wanted::Commit(Box::new(thread.finish(commit)), Staged::Proposal(id)))
    })
}

/// Says what the card is about where the card goes: whoever waits for the digest was not told of its finding.
fn introduce(core: &Core, thread: &mut ThreadWriter, finding: &Finding, card: &Proposal) {
    let severity = finding.severity.max(Severity::Warning);
    let news = if finding.reopened == 0 { FindingNews::New } else { FindingNews::Reopened };
    let view = FindingView { finding: finding.clone(), news, proposal: None, repair: None };
    let post = Post {
        class: DeliveryClass::Note,
        severity,
        finding: Some(finding.id),
        view: View::Finding(Box::new(view)),
        quiet: false,
    };
    thread.show_to(core, &post, card_destinations(core, card, severity));
}

/// Closes the window of every proposal whose time is up, and says so.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn expire(core: &Core) -> Result<(), SettleError> {
    let now = core.now();
    for found in core.store.list::<Proposal>(&ListQuery::oldest(200).state("pending")).await?.items {
        if found.value.expires_at > now {
            continue;
        }
        crate::act::expire(core, found.value.id).await?;
    }
    Ok(())
}
