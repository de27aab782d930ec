//! Small pieces the parts of `act` share.

use wakeman_types::{DeliveryClass, Finding, Proposal, ProposalView, SettledView, Severity, VerificationResult, View};

use crate::deliver::Post;

/// The card of a proposal that waits for a decision, as a message in its thread.
pub(super) fn card_post(proposal: &Proposal, severity: Severity) -> Post {
    Post {
        class: DeliveryClass::Card,
        severity,
        finding: proposal.finding,
        view: View::Proposal(Box::new(ProposalView { proposal: proposal.clone() })),
        quiet: false,
    }
}

/// What became of a proposal, as a message in its thread.
pub(super) fn settled_post(
    proposal: &Proposal,
    finding: Option<Finding>,
    verification: Option<VerificationResult>,
    class: DeliveryClass,
    severity: Severity,
) -> Post {
    let view = SettledView { proposal: proposal.clone(), finding, verification, held: None };
    Post { class, severity, finding: proposal.finding, view: View::Settled(Box::new(view)), quiet: false }
}
