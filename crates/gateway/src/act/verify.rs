//! Did it help? Each repair schedules its check; the watch answers it from the same numbers that raised the finding.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{
    DeliveryClass, Finding, FindingState, MINUTE_MS, Proposal, ProposalId, Resolution, Severity, Subject, Timestamp,
    Verification, VerificationResult,
};

use super::{
    catalogue::{Stands, StepContext, class, resolve_references},
    follow,
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{
    core::Core,
    deliver::ThreadWriter,
    settle::{SettleError, Wanted, settle},
};

/// How long the subject of a finding may take to come back after a repair, in milliseconds.
pub fn settling_ms(finding: &Finding) -> i64 {
    match finding.subject {
        Subject::Metric { .. } => 40 * MINUTE_MS,
        Subject::Error { .. } => 60 * MINUTE_MS,
        Subject::Run { .. } | Subject::Deployment { .. } => 30 * MINUTE_MS,
    }
}

/// How the subject of a finding stands, by the newest data of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Back inside its band, green, quiet.
    Recovered,
    /// Not yet.
    Still,
    /// The source cannot be read.
    Unknown,
}

/// Answers the checks that can be answered now. `standing` looks a finding's subject up in the watch's own state, by what came in
/// after an instant.
///
/// # Errors
/// [`SettleError`] if an answer could not be recorded; it is answered next time.
pub async fn pass(core: &Core, standing: impl Fn(&Finding, Timestamp) -> Standing) -> Result<(), SettleError> {
    let waiting = core.store.list::<Verification>(&ListQuery::oldest(200).state("waiting")).await?;
    for check in waiting.items {
        let Some(id) = check.value.finding else {
            let standing = effect_standing(core, check.value.proposal).await?;
            if let Some(result) = answer(&check.value, standing, core.now().ms()) {
                record(core, check.value.proposal, result).await?;
            }
            continue;
        };
        let Some(finding) = core.store.get::<Finding>(&id.to_string()).await? else { continue };
        // A person who closed it said nothing about the numbers.
        let recovered_before = matches!(
            finding.value.state,
            FindingState::Resolved { how: Resolution::Recovered | Resolution::Repaired { .. }, .. }
        );
        let standing =
            if recovered_before { Standing::Recovered } else { standing(&finding.value, check.value.began_at) };
        if let Some(result) = answer(&check.value, standing, core.now().ms()) {
            record(core, check.value.proposal, result).await?;
        }
    }
    follow::pass(core).await
}

/// The check that a proposal that ran gets: whether its finding's subject comes back; without a finding, whether its effect stands.
/// `None`: there is nothing to look at.
pub(super) fn check_of(proposal: &Proposal, finding: Option<&Finding>, now: Timestamp) -> Option<Verification> {
    let settles_ms = match finding {
        Some(finding) => settling_ms(finding),
        None => proposal.steps.iter().filter_map(|step| class(&step.action.kind)?.settles_ms()).max()?,
    };
    Some(Verification {
        proposal: proposal.id,
        finding: finding.map(|finding| finding.id),
        began_at: now,
        deadline: now.plus_ms(settles_ms),
        result: None,
    })
}

/// Whether every effect of a proposal that can be looked at stands.
async fn effect_standing(core: &Core, id: ProposalId) -> Result<Standing, StoreError> {
    let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(Standing::Unknown) };
    let proposal = found.value;
    for step in &proposal.steps {
        let Some(class) = class(&step.action.kind).filter(|class| class.settles_ms().is_some()) else { continue };
        let Ok(action) = resolve_references(step, &proposal.steps) else { return Ok(Standing::Unknown) };
        let context = StepContext {
            core,
            hands: &core.hands,
            proposal: id,
            number: step.number,
            action: &action,
            drafted_at: proposal.created_at,
            waiting_since: step.waiting_since,
            now: core.now(),
        };
        match class.stands(context).await {
            Ok(Stands::Yes) => {}
            Ok(Stands::No) => return Ok(Standing::Still),
            Err(error) => {
                tracing::warn!(proposal.id = %id, %error, "act.check_unknown");
                return Ok(Standing::Unknown);
            }
        }
    }
    Ok(Standing::Recovered)
}

/// The answer, once there is one. Before the deadline only "recovered" is final.
fn answer(check: &Verification, standing: Standing, now_ms: i64) -> Option<VerificationResult> {
    match standing {
        Standing::Recovered => Some(VerificationResult::Recovered),
        _ if now_ms < check.deadline.ms() => None,
        Standing::Still => Some(VerificationResult::NotRecovered),
        Standing::Unknown => Some(VerificationResult::Unknown),
    }
}

async fn record(core: &Core, id: wakeman_types::ProposalId, result: VerificationResult) -> Result<(), SettleError> {
    settle!(core, "the verification", async {
        let Some(check) = core.store.get::<Verification>(&id.to_string()).await? else {
            return Ok(Wanted::Nothing(()));
        };
        let Some(proposal) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(Wanted::Nothing(())) };
        if check.value.result.is_some() {
            return Ok(Wanted::Nothing(()));
        }
        let (mut commit, proposal, finding) = recorded(core, &check, proposal, result).await?;
        if let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? {
            let severity = if result == VerificationResult::Recovered { Severity::Warning } else { Severity::Critical };
            thread.say(core, settled_post(&proposal, finding, Some(result), DeliveryClass::Alert, severity));
            commit = thread.finish(commit);
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

fn turn(proposal: &mut Proposal, result: VerificationResult, now: Timestamp) {
    let command = match result {
        VerificationResult::Recovered => Command::Verify,
        VerificationResult::NotRecovered => Command::FallShort,
        VerificationResult::Unknown => {
            proposal.note = Some("the check could not be made: its source did not answer".to_owned());
            return;
        }
    };
    if let Ok(state) = step(proposal.state, command) {
        (proposal.state, proposal.state_since) = (state, now);
    }
}

/// The commit that records the answer, with the proposal and the finding as they are after it.
async fn recorded(
    core: &Core,
    check: &Versioned<Verification>,
    proposal: Versioned<Proposal>,
    result: VerificationResult,
) -> Result<(Commit, Proposal, Option<Finding>), StoreError> {
    let now = core.now();
    let done = Verification { result: Some(result), ..check.value.clone() };
    let Versioned { value: mut proposal, version } = proposal;
    turn(&mut proposal, result, now);
    let mut commit = Commit::durable(now).replace(&done, check.version).replace(&proposal, version).event(core.event(
        "proposal.checked",
        "system:watch",
        proposal.id,
        json!({"result": result}),
    ));
    let Some(id) = proposal.finding else { return Ok((commit, proposal, None)) };
    let Some(found) = core.store.get::<Finding>(&id.to_string()).await? else { return Ok((commit, proposal, None)) };
    let mut finding = found.value;
    if result == VerificationResult::Recovered && !finding.is_over() {
        finding.state = FindingState::Resolved { at: now, how: Resolution::Repaired { proposal: proposal.id } };
        finding.updated_at = now;
        commit = commit.replace(&finding, found.version).event(core.event(
            "finding.resolved",
            "system:watch",
            id,
            json!({"how": "repaired", "proposal": proposal.id}),
        ));
    }
    Ok((commit, proposal, Some(finding)))
}

#[cfg(test)]
mod tests {
    use wakeman_types::{ProposalId, Timestamp, Verification, VerificationResult as R};

    use super::{Standing as S, answer};

    #[test]
    fn before_the_deadline_only_recovery_counts_and_silence_is_never_recovery() {
        let check = Verification {
            proposal: ProposalId::new(1),
            finding: None,
            began_at: Timestamp(0),
            deadline: Timestamp(100),
            result: None,
        };
        let table = [
            (S::Recovered, 50, Some(R::Recovered)),
            (S::Still, 50, None),
            (S::Unknown, 50, None),
            (S::Recovered, 100, Some(R::Recovered)),
            (S::Still, 100, Some(R::NotRecovered)),
            (S::Unknown, 100, Some(R::Unknown)),
        ];
        for (standing, now, want) in table {
            assert_eq!(answer(&check, standing, now), want, "{standing:?} at {now}");
        }
    }
}
