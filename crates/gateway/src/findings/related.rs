//! One problem seldom shows in one place only: what began together and has the same likely cause is one finding.

use serde_json::json;
use wakeman_store::{Commit, StoreError, Versioned};
use wakeman_types::{
    CandidateCause, Finding, FindingNews, FindingState, HOUR_MS, Interruption, Related, Subject, Timestamp,
};

use super::{
    detection::Detection,
    keep::{escalate, post},
    look::Look,
};
use crate::{
    core::Core,
    deliver::{ThreadWriter, follow},
    modes::muted,
    settle::{SettleError, Wanted},
};

/// Onsets further apart are different problems, whatever their cause.
const APART_MS: i64 = HOUR_MS;
/// Both must be at least this sure of the common cause.
const SURE: f64 = 0.5;
/// Subjects a finding holds besides its own; more of the same is no news.
const ALSO_MAX: usize = 8;

/// Whether the finding already holds this fingerprint beside its own.
pub(super) fn holds(finding: &Finding, fingerprint: &str) -> bool {
    finding.also.iter().any(|related| related.fingerprint == fingerprint)
}

/// Whether an error that the finding holds did not occur again since: it is only not yet quiet for long enough.
pub(super) fn is_no_more(finding: &Finding, seen: &Detection) -> bool {
    let same = |related: &Related| related.fingerprint == seen.fingerprint && related.occurrences == seen.occurrences;
    matches!(seen.subject, Subject::Error { .. }) && finding.also.iter().any(same)
}

/// Whether what was seen, with these likely causes, is the problem that the finding is about.
pub(super) fn same_problem(finding: &Finding, seen: &Detection, causes: &[CandidateCause]) -> bool {
    is_same((&finding.causes, finding.since), (causes, seen.since))
}

/// Whether what began then with these likely causes is the same problem as that.
fn is_same((known, since): (&[CandidateCause], Timestamp), (new, began): (&[CandidateCause], Timestamp)) -> bool {
    let sure = |cause: &&CandidateCause| cause.probability >= SURE;
    let (Some(known), Some(new)) = (known.first().filter(sure), new.first().filter(sure)) else { return false };
    known.change.id == new.change.id && began.since(since).abs() <= APART_MS
}

/// What else of the look shows the same problem as `seen`, which no finding under way is about: with these likely causes it is one finding.
pub(super) async fn beside(
    core: &Core,
    seen: &Detection,
    (look, open): (&Look<'_>, &[Versioned<Finding>]),
    causes: &[CandidateCause],
) -> Result<Vec<Related>, StoreError> {
    let known = |other: &Detection| {
        let about =
            |f: &Versioned<Finding>| f.value.fingerprint == other.fingerprint || holds(&f.value, &other.fingerprint);
        other.fingerprint == seen.fingerprint || open.iter().any(about)
    };
    let mut out = Vec::new();
    for other in look.seen.iter().filter(|other| !known(other)) {
        let theirs = look.causes(core, other).await?.0;
        if out.len() < ALSO_MAX && is_same((causes, seen.since), (&theirs, other.since)) {
            out.push(related(other));
        }
    }
    Ok(out)
}

/// Adds what was seen to the finding, and tells it there.
pub(super) async fn join(
    core: &Core,
    found: &Versioned<Finding>,
    seen: &Detection,
) -> Result<Wanted<Finding>, SettleError> {
    let mut finding = found.value.clone();
    let news = finding.also.len() < ALSO_MAX;
    if news {
        finding.also.push(related(seen));
    }
    let event = core.event(
        "finding.joined",
        "system:watch",
        finding.id,
        json!({"fingerprint": seen.fingerprint, "severity": seen.severity}),
    );
    let mut commit = Commit::new(core.now()).event(event);
    // What makes it worse is told as that.
    if news && seen.severity <= found.value.severity && muted(core, &seen.fingerprint).await?.is_none() {
        commit = tell(core, commit, &finding).await?;
    }
    write(core, found, finding, seen, commit).await
}

/// Says in its thread that more shows it; loudly only where the finding itself was told so and nobody has it.
async fn tell(core: &Core, commit: Commit, finding: &Finding) -> Result<Commit, SettleError> {
    let Some(mut thread) = ThreadWriter::load(core, &finding.thread).await? else { return Ok(commit) };
    let loud = finding.interruption == Interruption::Now && finding.state == FindingState::Open;
    thread.say(core, post(core, finding, FindingNews::Joined, !loud));
    Ok(thread.finish(commit))
}

/// Brings one of the finding's other subjects up to date.
pub(super) async fn update(
    core: &Core,
    found: &Versioned<Finding>,
    seen: &Detection,
) -> Result<Wanted<Finding>, SettleError> {
    let mut finding = found.value.clone();
    for known in finding.also.iter_mut().filter(|known| known.fingerprint == seen.fingerprint) {
        *known = related(seen);
    }
    write(core, found, finding, seen, Commit::new(core.now())).await
}

async fn write(
    core: &Core,
    found: &Versioned<Finding>,
    mut finding: Finding,
    seen: &Detection,
    mut commit: Commit,
) -> Result<Wanted<Finding>, SettleError> {
    let worse = seen.severity > finding.severity;
    finding.severity = finding.severity.max(seen.severity);
    if finding == found.value {
        return Ok(Wanted::Nothing(finding));
    }
    finding.updated_at = core.now();
    if worse {
        commit = escalate(core, commit, &mut finding, seen).await?;
    }
    commit = follow(core, commit, &found.value, &finding).await?;
    Ok(Wanted::Commit(Box::new(commit.replace(&finding, found.version)), finding))
}

fn related(seen: &Detection) -> Related {
    Related {
        fingerprint: seen.fingerprint.clone(),
        subject: seen.subject.clone(),
        severity: seen.severity,
        since: seen.since,
        measure: seen.measure.clone(),
        occurrences: seen.occurrences,
    }
}
