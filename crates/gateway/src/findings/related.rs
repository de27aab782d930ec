//! One problem seldom shows in one place only: what began together and has the same likely cause is one finding.

use serde_json::json;
use wakeman_store::{Commit, Versioned};
use wakeman_types::{CandidateCause, Finding, HOUR_MS, Related};

use super::{detection::Detection, keep::escalate};
use crate::{
    core::Core,
    deliver::follow,
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

/// Whether what was seen, with these likely causes, is the problem that the finding is about.
pub(super) fn same_problem(finding: &Finding, seen: &Detection, causes: &[CandidateCause]) -> bool {
    let sure = |cause: &&CandidateCause| cause.probability >= SURE;
    let (Some(known), Some(new)) = (finding.causes.first().filter(sure), causes.first().filter(sure)) else {
        return false;
    };
    known.change.id == new.change.id && seen.since.since(finding.since).abs() <= APART_MS
}

/// Adds what was seen to the finding. It is told only if it makes the finding worse.
pub(super) async fn join(
    core: &Core,
    found: &Versioned<Finding>,
    seen: &Detection,
) -> Result<Wanted<Finding>, SettleError> {
    let mut finding = found.value.clone();
    if finding.also.len() < ALSO_MAX {
        finding.also.push(related(seen));
    }
    let event = core.event(
        "finding.joined",
        "system:watch",
        finding.id,
        json!({"fingerprint": seen.fingerprint, "severity": seen.severity}),
    );
    write(core, found, finding, seen, Commit::new(core.now()).event(event)).await
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
