//! What changed is shown where it stands: messages in chats are edited when a person acts on what they tell.

use wakeman_store::{Commit, StoreError};
use wakeman_types::{
    Channel, Delivery, DeliveryClass, Finding, FindingId, FindingNews, FindingView, Proposal, SettledView, Severity,
    ThreadId, View,
};

use super::{
    keys::{finding_key, proposal_key},
    place::places_of,
    thread::outbox_row,
};
use crate::{act::draft::repair_label, core::Core};

/// Owes edits of the messages that tell of `finding`. A failure is logged: nothing depends on it but looks.
pub async fn refresh_finding(core: &Core, finding: &Finding) {
    let repair = finding.likely_cause().and_then(|cause| repair_label(core, cause));
    let (news, proposal) = (FindingNews::Asked, finding.proposal);
    let view = View::Finding(Box::new(FindingView { finding: finding.clone(), news, proposal, repair }));
    let shown = edit(core, &finding.thread, &finding_key(finding.id), Some(finding.id), view).await;
    if let Err(error) = shown {
        tracing::warn!(%error, finding.id = %finding.id, "deliver.refresh");
    }
}

/// Owes edits of the cards of `proposal`. A failure is logged: nothing depends on it but looks.
pub async fn refresh_card(core: &Core, proposal: &Proposal) {
    let view = SettledView { proposal: proposal.clone(), finding: None, verification: None };
    let view = View::Settled(Box::new(view));
    let shown = edit(core, &proposal.thread, &proposal_key(proposal.id), proposal.finding, view).await;
    if let Err(error) = shown {
        tracing::warn!(%error, proposal.id = %proposal.id, "deliver.refresh");
    }
}

async fn edit(
    core: &Core,
    thread: &ThreadId,
    key: &str,
    finding: Option<FindingId>,
    view: View,
) -> Result<(), StoreError> {
    let places = places_of(core, thread).await?;
    let mut commit = Commit::new(core.now());
    for place in places.into_iter().filter(|place| place.key == key && place.channel != Channel::Cli) {
        commit = commit.send(outbox_row(
            core,
            &Delivery {
                id: core.delivery_id(),
                channel: place.channel,
                chat: place.chat,
                thread: Some(thread.clone()),
                class: DeliveryClass::Note,
                severity: Severity::Info,
                finding,
                view: view.clone(),
                key: Some(key.to_owned()),
                reply_key: None,
                created_at: core.now(),
            },
        ));
    }
    if commit.outbox.is_empty() { Ok(()) } else { core.store.commit(commit).await.map(drop) }
}
