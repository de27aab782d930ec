//! What was tried for a finding and did not end it: one more attempt is proposed, and not a third.

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{CandidateCause, Finding, Proposal, ProposalState, Timestamp};

use super::repair::undoes;
use crate::core::Core;

/// Attempts that are proposed for one episode of a finding.
const ATTEMPTS_MAX: usize = 2;
/// A cause less probable than this is shown, but nothing is staged for it.
const STAGE_FROM: f64 = 0.5;

/// The proposals since the problem began that failed or ran in vain, whichever finding they were made for.
pub(super) struct Attempts(Vec<Proposal>);

impl Attempts {
    pub async fn of(core: &Core, finding: &Finding) -> Result<Self, StoreError> {
        let ended =
            ListQuery::newest(100).state(ProposalState::Failed.name()).state(ProposalState::NotRecovered.name());
        let list = core.store.list::<Proposal>(&ended).await?.items.into_iter().map(|found| found.value);
        Ok(Self(list.filter(|proposal| last_call(proposal) >= finding.since).collect()))
    }

    /// Nothing is staged beside a card that waits, runs, helped or was declined.
    pub fn allow_another(&self, finding: &Finding) -> bool {
        let about = |p: &&Proposal| p.finding == Some(finding.id) || finding.proposal == Some(p.id);
        let ended = finding.proposal.is_none_or(|id| self.0.iter().any(|proposal| proposal.id == id));
        ended && self.0.iter().filter(about).count() < ATTEMPTS_MAX
    }

    /// Whether an action of this kind was tried.
    pub fn ran(&self, kind: &str) -> bool {
        self.0.iter().any(|proposal| proposal.steps.iter().any(|step| step.action.kind == kind))
    }

    /// The likeliest cause that was not undone in vain, if it is likely enough among those that are left.
    pub fn next_cause<'a>(&self, finding: &'a Finding) -> Option<&'a CandidateCause> {
        let in_vain = |cause: &CandidateCause| {
            let undone = |p: &Proposal| p.state == ProposalState::NotRecovered && undoes(p, &cause.change.reference);
            self.0.iter().any(undone)
        };
        let (out, left): (Vec<&CandidateCause>, Vec<_>) = finding.causes.iter().partition(|cause| in_vain(cause));
        let ruled_out: f64 = out.iter().map(|cause| cause.probability).sum();
        let first = match out.is_empty() {
            true => finding.likely_cause(),
            false => left.into_iter().max_by(|a, b| a.probability.total_cmp(&b.probability)),
        };
        first.filter(|cause| cause.probability >= STAGE_FROM * (1.0 - ruled_out))
    }
}

/// When it last did something outside: its check comes much later.
fn last_call(proposal: &Proposal) -> Timestamp {
    proposal.steps.iter().filter_map(|step| step.settled_at).max().unwrap_or(proposal.state_since)
}
