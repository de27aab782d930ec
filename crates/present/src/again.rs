//! What can be done about a card that waits for nobody's yes any more: look at what took its place, or at what differs from what was
//! shown; ask for a fresh one.

use wakeman_types::{Finding, Proposal, ProposalId, ProposalState, Timestamp};

use crate::{Button, Verb, settled::was_not_run};

/// The buttons below what became of `proposal`, as far as its finding is known.
pub(crate) fn ways_on(proposal: &Proposal, finding: Option<&Finding>, now: Timestamp) -> Vec<Button> {
    if let Some(newer) = successor(proposal, finding) {
        return vec![Button::new(format!("Show {newer}"), 'p', Verb::Proposal(newer))];
    }
    let mut buttons = Vec::new();
    if was_not_run(proposal) {
        buttons.push(Button::new("Show difference", 'd', Verb::Proposal(proposal.id)));
    }
    let repaired = finding.is_some_and(Finding::is_over);
    if !repaired && (was_not_run(proposal) || is_expired(proposal, now)) {
        buttons.push(Button::new("New proposal", 'n', Verb::Renew(proposal.id)));
    }
    buttons
}

fn is_expired(proposal: &Proposal, now: Timestamp) -> bool {
    match proposal.state {
        ProposalState::Expired => true,
        ProposalState::Pending => now >= proposal.expires_at,
        _ => false,
    }
}

/// The card that took its place.
fn successor(proposal: &Proposal, finding: Option<&Finding>) -> Option<ProposalId> {
    let of_finding = finding.filter(|finding| !finding.is_over()).and_then(|finding| finding.proposal);
    let noted = || {
        let note = proposal.note.as_deref().filter(|_| proposal.state == ProposalState::Superseded)?;
        note.strip_suffix(" takes its place")?.parse().ok()
    };
    of_finding.filter(|id| *id != proposal.id).or_else(noted)
}
