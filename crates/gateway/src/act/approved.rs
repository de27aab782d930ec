//! The only thing the executor takes: a proposal whose approval is in the store and whose digest still fits.

use wakeman_store::{Version, Versioned};
use wakeman_types::{Proposal, ProposalState};

use super::{catalogue::plan_steps, digest::digest};

/// A proposal that may be executed. It can only be made from what the store holds, and only if enough people approved exactly
/// the payload that is stored.
///
/// ```compile_fail
/// # use wakeman_gateway::act::{Approved, Executor};
/// # use wakeman_types::Proposal;
/// async fn skip_the_approval(executor: &Executor, proposal: Proposal) {
///     let _ = executor.drive(proposal).await;
/// }
/// ```
///
/// With an approval it compiles:
///
/// ```
/// # use wakeman_gateway::act::{Approved, Executor};
/// async fn run_what_was_approved(executor: &Executor, approved: Approved) {
///     let _ = executor.drive(approved).await;
/// }
/// ```
pub struct Approved {
    pub(super) proposal: Proposal,
    pub(super) version: Version,
}

/// Why a stored proposal may not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It is not waiting for execution.
    #[error("{} is {}", .id, .state.name())]
    State {
        /// Which.
        id: wakeman_types::ProposalId,
        /// Its state.
        state: ProposalState,
    },
    /// Fewer approvals than it needs are recorded.
    #[error("{id} has {have} of {needed} approvals")]
    Approvals {
        /// Which.
        id: wakeman_types::ProposalId,
        /// Distinct operators that approved.
        have: usize,
        /// How many are needed.
        needed: u8,
    },
    /// What is stored is not what was approved.
    #[error("{id} was changed after it was approved: its payload no longer has the digest {approved}")]
    Digest {
        /// Which.
        id: wakeman_types::ProposalId,
        /// The first digits of what was approved.
        approved: String,
    },
}

impl Approved {
    /// Checks a stored proposal of `instance`: state, approvals, digest.
    ///
    /// # Errors
    /// [`NotApproved`] says which of the three does not hold.
    pub fn check(instance: &str, stored: Versioned<Proposal>) -> Result<Self, NotApproved> {
        let Versioned { value: proposal, version } = stored;
        let id = proposal.id;
        if !matches!(proposal.state, ProposalState::Approved | ProposalState::Executing) {
            return Err(NotApproved::State { id, state: proposal.state });
        }
        let have = proposal.approvals();
        if have < usize::from(proposal.needed.max(1)) {
            return Err(NotApproved::Approvals { id, have, needed: proposal.needed });
        }
        if digest(instance, &proposal.action) != proposal.digest || !runs_what_it_says(&proposal) {
            return Err(NotApproved::Digest { id, approved: proposal.digest.short().to_owned() });
        }
        Ok(Self { proposal, version })
    }
}

/// The digest covers the action; what runs are its steps. They must be the very same.
fn runs_what_it_says(proposal: &Proposal) -> bool {
    plan_steps(&proposal.action).is_ok_and(|steps| {
        let approved = steps.iter().map(|step| (step.number, &step.action));
        approved.eq(proposal.steps.iter().map(|step| (step.number, &step.action)))
    })
}
