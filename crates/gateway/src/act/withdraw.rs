//! A card whose reason went away by itself is not left lying about for somebody to approve.

use serde_json::json;
use wakeman_store::{Commit, StoreError};
use wakeman_types::{DeliveryClass, Finding, Proposal, Severity};

use super::{
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{core::Core, deliver::ThreadWriter};

/// Why a card is not needed any more.
pub(crate) struct Gone {
    /// Who says so: `system:watch`, or the operator who closed the finding.
    pub actor: String,
    /// As the transport proved them.
    pub principal: String,
    /// In words: `sign-ups recovered by themselves`.
    pub note: String,
}

/// Adds to `commit` the end of the proposal that waits for a decision about `finding`, which is over, and what is said of it: in
/// `thread` where that is the proposal's, else in its own. `needed`: another finding still needs it, or it has begun and what is left of
/// it is for people to decide. Somebody's decision at the same
/// moment makes the commit conflict.
///
/// # Errors
/// [`StoreError`] if the proposal or its thread could not be read.
pub(crate) async fn withdraw(
    core: &Core,
    mut commit: Commit,
    finding: &Finding,
    needed: bool,
    gone: &Gone,
    thread: Option<&mut ThreadWriter>,
) -> Result<Commit, StoreError> {
    let Some(id) = finding.proposal.filter(|_| !needed) else { return Ok(commit) };
    let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(commit) };
    let mut proposal = found.value;
    let Ok(state) = step(proposal.state, Command::Supersede) else { return Ok(commit) };
    (proposal.state, proposal.state_since) = (state, core.now());
    proposal.note = Some(gone.note.clone());
    let payload = json!({"principal": gone.principal, "finding": finding.id, "note": proposal.note});
    let event = core.event("proposal.withdrawn", &gone.actor, id, payload);
    commit = commit.replace(&proposal, found.version).event(event);
    let post = settled_post(&proposal, Some(finding.clone()), None, DeliveryClass::Note, Severity::Info);
    match thread {
        Some(thread) if *thread.id() == proposal.thread => thread.say(core, post),
        _ => {
            if let Some(mut own) = ThreadWriter::load(core, &proposal.thread).await? {
                own.say(core, post);
                commit = own.finish(commit);
            }
        }
    }
    Ok(commit)
}
