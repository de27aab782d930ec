//! What changed is shown where it stands: messages in chats are edited when a person acts on what they tell.

use wakeman_store::{Commit, StoreError};
use wakeman_types::{
    Channel, Delivery, DeliveryClass, Finding, FindingId, FindingNews, FindingView, Proposal, ProposalState,
    ProposalView, SettledView, Severity, ThreadId, View,
};

use super::{
    keys::{details_key, finding_key, proposal_key},
    place::{Place, places_of},
    thread::outbox_row,
};
use crate::{act::draft::repair_label, core::Core};

/// Owes edits of the messages that tell of `finding`. A failure is logged: nothing depends on it but looks.
pub async fn refresh_finding(core: &Core, finding: &Finding) {
    let repair = finding.likely_cause().and_then(|cause| repair_label(core, cause));
    let (news, proposal) = (FindingNews::Asked, finding.proposal);
    let view = View::Finding(Box::new(FindingView { finding: finding.clone(), news, proposal, repair }));
    let shown = edit(core, (&finding.thread, &finding_key(finding.id)), Some(finding.id), |_| view.clone()).await;
    if let Err(error) = shown {
        tracing::warn!(%error, finding.id = %finding.id, "deliver.refresh");
    }
}

/// Owes edits of the cards of `proposal`: with what became of it, or, while more must say yes, with who did. A failure is logged:
/// nothing depends on it but looks.
pub async fn refresh_card(core: &Core, proposal: &Proposal) {
    let details = details_key(proposal.id);
    let view = |place: &Place| match proposal.state {
        ProposalState::Pending if place.shows(&details) => {
            View::Details(Box::new(ProposalView { proposal: proposal.clone() }))
        }
        ProposalState::Pending => View::Proposal(Box::new(ProposalView { proposal: proposal.clone() })),
        _ => View::Settled(Box::new(SettledView { proposal: proposal.clone(), finding: None, verification: None })),
    };
    let shown = edit(core, (&proposal.thread, &proposal_key(proposal.id)), proposal.finding, view).await;
    if let Err(error) = shown {
        tracing::warn!(%error, proposal.id = %proposal.id, "deliver.refresh");
    }
}

async fn edit(
    core: &Core,
    (thread, key): (&ThreadId, &str),
    finding: Option<FindingId>,
    view: impl Fn(&Place) -> View,
) -> Result<(), StoreError> {
    let places = places_of(core, thread).await?;
    let mut commit = Commit::new(core.now());
    for place in places.into_iter().filter(|place| place.shows(key) && place.channel != Channel::Cli) {
        let view = view(&place);
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
                view,
                key: Some(place.key),
                reply_key: None,
                created_at: core.now(),
            },
        ));
    }
    if commit.outbox.is_empty() { Ok(()) } else { core.store.commit(commit).await.map(drop) }
}
