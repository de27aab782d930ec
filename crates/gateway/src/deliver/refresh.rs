//! What changed is shown where it stands: messages in chats are edited when a person acts on what they tell, and when what they tell
//! reads otherwise by now. An edit rings nowhere, so it waits for nobody's quiet hours.

use wakeman_present::{RenderContext, plain};
use wakeman_store::{Commit, StoreError};
use wakeman_types::{
    Channel, Delivery, DeliveryClass, Finding, FindingId, FindingNews, FindingView, Proposal, ProposalId,
    ProposalState, ProposalView, SettledView, Severity, ThreadId, View,
};

use super::{
    keys::{details_key, finding_key, proposal_key},
    place::{Place, place_of, places_of},
    scrub::scrub,
    thread::outbox_row,
};
use crate::{act::draft::repair_label, core::Core};

/// Owes edits of the messages that tell of a finding, with `commit`, which makes it `after`; none, if they would read the same.
///
/// # Errors
/// [`StoreError`] if where they stand could not be read.
pub async fn follow(core: &Core, commit: Commit, before: &Finding, after: &Finding) -> Result<Commit, StoreError> {
    if reads(core, before) == reads(core, after) { Ok(commit) } else { tells(core, commit, after).await }
}

/// Whether this edit of a finding's message tells what is no longer so. Then a later one is owed behind it: many looks while a channel
/// was away are one edit when it is back.
pub(super) async fn is_outdated(core: &Core, delivery: &Delivery) -> Result<bool, StoreError> {
    let (View::Finding(view), Some(key)) = (&delivery.view, &delivery.key) else { return Ok(false) };
    // What is no edit was asked for, or tells of it first.
    if view.news != FindingNews::Asked || place_of(core, (delivery.channel, &delivery.chat), key).await?.is_none() {
        return Ok(false);
    }
    let Some(found) = core.store.get::<Finding>(&view.finding.id.to_string()).await? else { return Ok(false) };
    // What is owed was scrubbed; what is stored may not be.
    let mut now = serde_json::json!(found.value);
    scrub(&core.guard, &mut now);
    let now = serde_json::from_value::<Finding>(now);
    Ok(now.is_ok_and(|now| reads(core, &now) != reads(core, &view.finding)))
}

async fn tells(core: &Core, commit: Commit, finding: &Finding) -> Result<Commit, StoreError> {
    let view = View::Finding(Box::new(asked(core, finding.clone())));
    edits(core, commit, (&finding.thread, &finding_key(finding.id)), Some(finding.id), |_| view.clone()).await
}

fn asked(core: &Core, finding: Finding) -> FindingView {
    let repair = finding.likely_cause().and_then(|cause| repair_label(core, cause));
    FindingView { news: FindingNews::Asked, proposal: finding.proposal, repair, finding }
}

/// The words of a finding's message, with what its buttons offer. Its chart and the time that passes by itself are none of them.
fn reads(core: &Core, finding: &Finding) -> (String, Option<ProposalId>, Option<String>) {
    let view = asked(core, Finding { series: Vec::new(), ..finding.clone() });
    let (proposal, repair) = (view.proposal, view.repair.clone());
    let context = RenderContext { now: core.now(), zone: core.zone() };
    (plain(&wakeman_present::doc(&View::Finding(Box::new(view)), &context)), proposal, repair)
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
    let at = (&proposal.thread, proposal_key(proposal.id));
    let shown = edits(core, Commit::new(core.now()), (at.0, &at.1), proposal.finding, view).await;
    let landed = match shown {
        Ok(commit) if commit.outbox.is_empty() => return,
        Ok(commit) => core.store.commit(commit).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = landed {
        tracing::warn!(%error, proposal.id = %proposal.id, "deliver.refresh");
    }
}

async fn edits(
    core: &Core,
    mut commit: Commit,
    (thread, key): (&ThreadId, &str),
    finding: Option<FindingId>,
    view: impl Fn(&Place) -> View,
) -> Result<Commit, StoreError> {
    let places = places_of(core, thread).await?;
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
                refresh: true,
                instead_of: None,
                told_elsewhere: false,
                created_at: core.now(),
            },
        ));
    }
    Ok(commit)
}
