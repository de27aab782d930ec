//! The window of a proposal closes.

use serde_json::json;
use wakeman_store::Commit;
use wakeman_types::{DeliveryClass, Finding, Proposal, ProposalId, Severity};

use super::{
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{
    core::Core,
    deliver::ThreadWriter,
    settle::{SettleError, Wanted, settle},
};

/// Ends the proposal if it is still waiting and its time is up. Somebody's decision at the same moment wins or loses cleanly.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn expire(core: &Core, id: ProposalId) -> Result<(), SettleError> {
    settle!(core, "the proposal", async {
        let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(Wanted::Nothing(())) };
        let mut proposal = found.value;
        let Ok(state) = step(proposal.state, Command::Expire) else { return Ok(Wanted::Nothing(())) };
        if proposal.expires_at > core.now() {
            return Ok(Wanted::Nothing(()));
        }
        (proposal.state, proposal.state_since) = (state, core.now());
        let event = core.event("proposal.expired", "system:clock", id, json!({"at": proposal.expires_at}));
        let mut commit = Commit::durable(core.now()).replace(&proposal, found.version).event(event);
        if let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? {
            let finding = match proposal.finding {
                Some(finding) => core.store.get::<Finding>(&finding.to_string()).await?.map(|found| found.value),
                None => None,
            };
            thread.say(core, settled_post(&proposal, finding, None, DeliveryClass::Note, Severity::Info));
            commit = thread.finish(commit);
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}
