//! A newer card takes the place of older ones about the same thing: those settle, and their digests can no longer be approved.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError};
use wakeman_types::{DeliveryClass, Entity, Finding, FindingId, Proposal, ProposalState, Severity};

use super::{
    catalogue::class,
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{
    core::Core,
    deliver::{ThreadWriter, follow},
};

/// Findings that may still point at an older card.
const FINDINGS: usize = 200;

/// What a proposal would change, as its first step's class names it: `pull:482`, `flag:checkout-fast`. `None`: nothing that two
/// cards could disagree about.
pub(crate) fn subject(proposal: &Proposal) -> Option<String> {
    let first = &proposal.steps.first()?.action;
    class(&first.kind)?.subject(first)
}

/// Whether `newer` takes the place of `older`: they would change the same thing, or are repairs of the same finding.
fn replaces(newer: &Proposal, older: &Proposal) -> bool {
    let (new, old) = (subject(newer), subject(older));
    let same_thing = new.is_some() && new == old;
    let same_finding = newer.finding.is_some() && newer.finding == older.finding && new.is_some() && old.is_some();
    older.id != newer.id && older.digest != newer.digest && (same_thing || same_finding)
}

/// Adds to `commit`, which shows `newer` in `thread`, the end of the pending cards whose place it takes. Findings that pointed at one
/// point at `newer`, but for `linked`, which the caller writes. A decision at the same moment makes the commit conflict.
///
/// # Errors
/// [`StoreError`] if they could not be read.
pub(crate) async fn supersede(
    core: &Core,
    mut commit: Commit,
    newer: &Proposal,
    thread: &mut ThreadWriter,
    linked: Option<FindingId>,
) -> Result<Commit, StoreError> {
    let pending = core.store.list::<Proposal>(&ListQuery::oldest(200).state("pending")).await?.items;
    for found in pending.into_iter().filter(|found| replaces(newer, &found.value)) {
        let mut older = found.value;
        let Ok(state) = step(older.state, Command::Supersede) else { continue };
        debug_assert_eq!(state, ProposalState::Superseded);
        (older.state, older.state_since) = (state, core.now());
        older.note = Some(format!("{} takes its place", newer.id));
        let by = &newer.requested_by;
        let payload = json!({"principal": by.to_string(), "by": newer.id});
        let event = core.event("proposal.superseded", by, older.id, payload);
        commit = commit.replace(&older, found.version).event(event);
        commit = relink(core, commit, &older, newer, linked).await?;
        let post = settled_post(&older, None, None, DeliveryClass::Note, Severity::Info);
        if *thread.id() == older.thread {
            thread.say(core, post);
        } else if let Some(mut own) = ThreadWriter::load(core, &older.thread).await? {
            own.say(core, post);
            commit = own.finish(commit);
        }
    }
    Ok(commit)
}

async fn relink(
    core: &Core,
    mut commit: Commit,
    older: &Proposal,
    newer: &Proposal,
    linked: Option<FindingId>,
) -> Result<Commit, StoreError> {
    let mut open = ListQuery::newest(FINDINGS);
    for state in ["open", "acknowledged", "snoozed"] {
        open = open.state(state);
    }
    for found in core.store.list::<Finding>(&open).await?.items {
        if found.value.proposal == Some(older.id) && linked != Some(found.value.id) {
            let finding = Finding { proposal: Some(newer.id), ..found.value.clone() };
            tracing::debug!(finding.id = finding.entity_id(), "act.relinked");
            commit = follow(core, commit.replace(&finding, found.version), &found.value, &finding).await?;
        }
    }
    Ok(commit)
}
