//! Did it help? Each repair schedules its check; the watch answers it from the same numbers that raised the finding.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{
    DAY_MS, DeliveryClass, Finding, FindingState, MINUTE_MS, Proposal, ProposalId, Resolution, Severity, Step, Subject,
    Timestamp, Verification, VerificationResult,
};

use super::{
    catalogue::{Stands, StepContext, class, resolve_references},
    follow,
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{
    core::Core,
    deliver::{ThreadWriter, follow},
    settle::{SettleError, Wanted, settle},
};

/// A check that could not be made for so long after it began is made no more.
const LATER_MS_MAX: i64 = DAY_MS;
/// Such checks that are looked at, the newest.
const LATER_MAX: usize = 50;
/// What is noted while it could not be made.
const SILENT: &str = "the check could not be made: its source did not answer";

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
    /// Too little happened since to say.
    Undecided,
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
            let (standing, why) = effect_standing(core, check.value.proposal).await?;
            if let Some(result) = answer(&check.value, standing, core.now().ms()) {
                record(core, check.value.proposal, result, why.as_deref()).await?;
            }
            continue;
        };
        let Some(finding) = core.store.get::<Finding>(&id.to_string()).await? else { continue };
        let standing = stood(&finding.value, &check.value, &standing);
        if let Some(result) = answer(&check.value, standing, core.now().ms()) {
            record(core, check.value.proposal, result, None).await?;
        }
    }
    later(core, &standing).await?;
    follow::pass(core).await
}

fn stood(finding: &Finding, check: &Verification, standing: impl Fn(&Finding, Timestamp) -> Standing) -> Standing {
    // A person who closed it said nothing about the numbers.
    let recovered_before = matches!(
        finding.state,
        FindingState::Resolved { how: Resolution::Recovered | Resolution::Repaired { .. }, .. }
    );
    if recovered_before { Standing::Recovered } else { standing(finding, check.began_at) }
}

/// Makes the checks whose source was silent when they were due, once it answers again.
async fn later(core: &Core, standing: impl Fn(&Finding, Timestamp) -> Standing) -> Result<(), SettleError> {
    let since = core.now().plus_ms(-LATER_MS_MAX);
    let unmade = ListQuery::newest(LATER_MAX).state("unknown").since(since.ms());
    for check in core.store.list::<Verification>(&unmade).await?.items {
        let Some(id) = check.value.finding else { continue };
        let Some(finding) = core.store.get::<Finding>(&id.to_string()).await? else { continue };
        // What opened again since, or got another repair, says nothing of this one.
        if finding.value.proposal != Some(check.value.proposal) {
            continue;
        }
        let standing = stood(&finding.value, &check.value, &standing);
        match answer(&check.value, standing, core.now().ms()) {
            None | Some(VerificationResult::Unknown) => {}
            Some(result) => record(core, check.value.proposal, result, None).await?,
        }
    }
    Ok(())
}

/// What is looked at after these steps where they repair no finding, and for how long: of the one that takes longest to show.
fn shown_by(steps: &[Step]) -> Option<(&'static str, i64)> {
    let all = steps.iter().filter_map(|step| class(&step.action.kind)?.shows());
    all.reduce(|slowest, next| if next.1 > slowest.1 { next } else { slowest })
}

/// What must be so afterwards, and by when, for a card that repairs no finding: `the flag is as set within 5 min`. Empty: nobody can be
/// asked.
pub(super) fn effect_words(steps: &[Step]) -> String {
    shown_by(steps).map(|(what, ms)| format!("{what} within {}", wakeman_present::span(ms))).unwrap_or_default()
}

/// The check that a proposal that ran gets: whether its finding's subject comes back; without a finding, whether its effect is as it was
/// meant to be. `None`: nobody can be asked.
pub(super) fn check_of(proposal: &Proposal, finding: Option<&Finding>, now: Timestamp) -> Option<Verification> {
    let settles_ms = match finding {
        Some(finding) => settling_ms(finding),
        None => shown_by(&proposal.steps)?.1,
    };
    Some(Verification {
        proposal: proposal.id,
        finding: finding.map(|finding| finding.id),
        began_at: now,
        deadline: now.plus_ms(settles_ms),
        result: None,
    })
}

/// Whether every effect of a proposal that can be looked at is as it was meant to be; else what is not.
async fn effect_standing(core: &Core, id: ProposalId) -> Result<(Standing, Option<String>), StoreError> {
    let unknown = Ok((Standing::Unknown, None));
    let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else { return unknown };
    let proposal = found.value;
    for step in &proposal.steps {
        let Some(class) = class(&step.action.kind).filter(|class| class.shows().is_some()) else { continue };
        let Ok(action) = resolve_references(step, &proposal.steps) else { return unknown };
        let context = StepContext {
            core,
            hands: &core.hands,
            proposal: id,
            number: step.number,
            action: &action,
            drafted_at: proposal.created_at,
            waiting_since: step.settled_at,
            now: core.now(),
        };
        match class.stands(context).await {
            Ok(Stands::Yes) => {}
            Ok(Stands::No(instead)) => return Ok((Standing::Still, Some(instead))),
            Ok(Stands::Open(what)) => return Ok((Standing::Unknown, Some(what))),
            Err(error) => {
                tracing::warn!(proposal.id = %id, %error, "act.check_unknown");
                return unknown;
            }
        }
    }
    Ok((Standing::Recovered, None))
}

/// The answer, once there is one. Before the deadline only "recovered" is final.
fn answer(check: &Verification, standing: Standing, now_ms: i64) -> Option<VerificationResult> {
    match standing {
        Standing::Recovered => Some(VerificationResult::Recovered),
        Standing::Undecided => None,
        _ if now_ms < check.deadline.ms() => None,
        Standing::Still => Some(VerificationResult::NotRecovered),
        Standing::Unknown => Some(VerificationResult::Unknown),
    }
}

async fn record(core: &Core, id: ProposalId, result: VerificationResult, why: Option<&str>) -> Result<(), SettleError> {
    settle!(core, "the verification", async {
        let Some(check) = core.store.get::<Verification>(&id.to_string()).await? else {
            return Ok(Wanted::Nothing(()));
        };
        let Some(proposal) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(Wanted::Nothing(())) };
        let unmade = |known| known == VerificationResult::Unknown && result != VerificationResult::Unknown;
        if check.value.result.is_some_and(|known| !unmade(known)) {
            return Ok(Wanted::Nothing(()));
        }
        let (mut commit, proposal, finding) = recorded(core, &check, proposal, (result, why)).await?;
        if let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? {
            let (class, severity) = loudness(result, proposal.finding.is_some());
            thread.say(core, settled_post(&proposal, finding, Some(result), class, severity));
            commit = thread.finish(commit);
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// That a comment is there after all wakes nobody; that sign-ups are not back does.
const fn loudness(result: VerificationResult, repairs: bool) -> (DeliveryClass, Severity) {
    match (result, repairs) {
        (VerificationResult::Recovered, true) => (DeliveryClass::Alert, Severity::Warning),
        (_, true) => (DeliveryClass::Alert, Severity::Critical),
        (VerificationResult::Recovered, false) => (DeliveryClass::Note, Severity::Info),
        (_, false) => (DeliveryClass::Alert, Severity::Warning),
    }
}

fn turn(proposal: &mut Proposal, (result, why): (VerificationResult, Option<&str>), now: Timestamp) {
    let command = match result {
        VerificationResult::Recovered => Command::Verify,
        VerificationResult::NotRecovered => Command::FallShort,
        VerificationResult::Unknown => {
            proposal.note = Some(why.unwrap_or(SILENT).to_owned());
            return;
        }
    };
    match why {
        Some(why) => proposal.note = Some(why.to_owned()),
        None if proposal.note.as_deref() == Some(SILENT) => proposal.note = None,
        None => {}
    }
    if let Ok(state) = step(proposal.state, command) {
        (proposal.state, proposal.state_since) = (state, now);
    }
}

/// The commit that records the answer, with the proposal and the finding as they are after it.
async fn recorded(
    core: &Core,
    check: &Versioned<Verification>,
    proposal: Versioned<Proposal>,
    (result, why): (VerificationResult, Option<&str>),
) -> Result<(Commit, Proposal, Option<Finding>), StoreError> {
    let now = core.now();
    let done = Verification { result: Some(result), ..check.value.clone() };
    let Versioned { value: mut proposal, version } = proposal;
    turn(&mut proposal, (result, why), now);
    let mut commit = Commit::durable(now).replace(&done, check.version).replace(&proposal, version).event(core.event(
        "proposal.checked",
        "system:watch",
        proposal.id,
        json!({"result": result}),
    ));
    let Some(id) = proposal.finding else { return Ok((commit, proposal, None)) };
    let Some(found) = core.store.get::<Finding>(&id.to_string()).await? else { return Ok((commit, proposal, None)) };
    let mut finding = found.value.clone();
    if result == VerificationResult::Recovered && !finding.is_over() {
        finding.state = FindingState::Resolved { at: now, how: Resolution::Repaired { proposal: proposal.id } };
        finding.updated_at = now;
        commit = commit.replace(&finding, found.version).event(core.event(
            "finding.resolved",
            "system:watch",
            id,
            json!({"how": "repaired", "proposal": proposal.id}),
        ));
        commit = follow(core, commit, &found.value, &finding).await?;
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
            (S::Undecided, 50, None),
            (S::Undecided, 100, None),
        ];
        for (standing, now, want) in table {
            assert_eq!(answer(&check, standing, now), want, "{standing:?} at {now}");
        }
    }
}
