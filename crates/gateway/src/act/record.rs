//! Small pieces the parts of `act` share.

use wakeman_types::{DeliveryClass, Finding, Proposal, SettledView, Severity, VerificationResult, View};

use crate::deliver::Post;

/// What became of a proposal, as a message in its thread.
pub(super) fn settled_post(
    proposal: &Proposal,
    finding: Option<Finding>,
    verification: Option<VerificationResult>,
    class: DeliveryClass,
    severity: Severity,
) -> Post {
    Post {
        class,
        severity,
        finding: proposal.finding,
        view: View::Settled(Box::new(SettledView { proposal: proposal.clone(), finding, verification })),
        quiet: false,
    }
}
