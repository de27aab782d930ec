//! From changes in the store to ranked causes: the mapping to and from `detect::correlate`.

use std::collections::HashMap;

use wakeman_detect::{
    Anomaly, CandidateChange, ChangeKind as Kind, Direction as Way, ErrorEvidence, FlagSplit, Ranking, correlate,
};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    CandidateCause, Change, ChangeKind, ChangeRef, Direction, HOUR_MS, MINUTE_MS, Reason, Subject, Timestamp,
};

use super::detection::Detection;
use crate::{core::Core, ports::ErrorIssue, watch::detector_kind};

/// How far back a change can be a candidate.
const REACH_MS: i64 = 72 * HOUR_MS;
/// How long after the estimated onset a change can still be one: the estimate may be late.
const SLACK_MS: i64 = 15 * MINUTE_MS;
/// How long before the onset a new error may have begun to count as evidence for it.
const ERROR_LEAD_MS: i64 = 45 * MINUTE_MS;
/// Causes a finding keeps.
const CAUSES_MAX: usize = 5;

/// What is known besides the changes.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Errors that the source has seen since the watch looks.
    pub new_errors: Vec<ErrorIssue>,
    /// By flag key: how the metric did among those who have the flag and those who have not.
    pub splits: HashMap<String, FlagSplit>,
}

/// Likely causes of `detection`, most probable first, and the probability that it is none of them.
pub(super) async fn likely_causes(
    core: &Core,
    detection: &Detection,
    evidence: &Evidence,
) -> Result<(Vec<CandidateCause>, f64), StoreError> {
    let since = detection.since.ms();
    let query = ListQuery::oldest(1000)
        .since(since - REACH_MS)
        .until(since + detection.uncertainty_ms.max(SLACK_MS) + SLACK_MS);
    let changes: Vec<Change> = core.store.list::<Change>(&query).await?.items.into_iter().map(|c| c.value).collect();
    let mut candidates = candidates(&changes);
    for candidate in &mut candidates {
        candidate.flag_split = candidate.flag_key.as_ref().and_then(|key| evidence.splits.get(key)).copied();
    }
    let ranking = correlate(&anomaly(detection, evidence), &candidates);
    Ok(adopt(ranking, changes))
}

fn anomaly(detection: &Detection, evidence: &Evidence) -> Anomaly {
    let mut anomaly = Anomaly::at(detection.since.ms(), detection.uncertainty_ms);
    anomaly.effect = detection.effect;
    anomaly.head_sha.clone_from(&detection.head_sha);
    anomaly.direction = match detection.measure.as_ref().map(|m| m.direction) {
        Some(Direction::Up) => Way::Up,
        Some(Direction::Down) => Way::Down,
        None => Way::None,
    };
    let from = detection.since.plus_ms(-ERROR_LEAD_MS);
    anomaly.errors = evidence.new_errors.iter().filter(|e| e.first_seen >= from).map(error_evidence).collect();
    match &detection.subject {
        Subject::Metric { name, kind, event, .. } => {
            anomaly.kind = Some(detector_kind(*kind));
            anomaly.names = [Some(name.clone()), event.clone()].into_iter().flatten().collect();
        }
        Subject::Error { name, source, function, .. } => {
            anomaly.names = vec![name.clone()];
            anomaly.errors = vec![ErrorEvidence {
                files: source.iter().cloned().collect(),
                functions: function.iter().cloned().collect(),
                events: detection.occurrences,
            }];
        }
        Subject::Run { workflow, .. } => anomaly.names = vec![workflow.clone()],
        Subject::Deployment { environment, .. } => anomaly.names = vec![environment.clone()],
    }
    anomaly
}

fn error_evidence(issue: &ErrorIssue) -> ErrorEvidence {
    ErrorEvidence {
        files: issue.source.iter().cloned().collect(),
        functions: issue.function.iter().cloned().collect(),
        events: issue.occurrences,
    }
}

/// The candidates, with the deploy that carried each merge. `changes` are oldest first.
fn candidates(changes: &[Change]) -> Vec<CandidateChange> {
    let mut out: Vec<CandidateChange> = changes.iter().map(candidate).collect();
    let mut waiting: Vec<usize> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match change.kind {
            ChangeKind::Merge | ChangeKind::Config => waiting.push(index),
            ChangeKind::Deploy => {
                let live = change.live_at.unwrap_or(change.at).ms();
                for carried in waiting.drain(..) {
                    out[carried].live_at_ms = Some(live);
                    out[carried].live_by = Some(change.id.to_string());
                    let id = out[carried].id.clone();
                    out[index].carries.push(id);
                }
            }
            ChangeKind::Release | ChangeKind::Flag | ChangeKind::Experiment => {}
        }
    }
    out
}

fn candidate(change: &Change) -> CandidateChange {
    let mut candidate =
        CandidateChange::new(change.id.to_string(), kind(change.kind), change.at.ms(), change.title.clone());
    candidate.live_at_ms = change.live_at.map(Timestamp::ms);
    candidate.files.clone_from(&change.files);
    match &change.reference {
        ChangeRef::PullRequest { merge_sha, .. } => candidate.sha = Some(merge_sha.clone()),
        ChangeRef::Deployment { sha, .. } | ChangeRef::Commit { sha } => candidate.sha = Some(sha.clone()),
        ChangeRef::Flag { key, rollout, .. } => {
            candidate.flag_key = Some(key.clone());
            candidate.rollout = *rollout;
        }
        ChangeRef::Experiment { name } => candidate.flag_key = Some(name.clone()),
        ChangeRef::Release { .. } => {}
    }
    candidate
}

const fn kind(kind: ChangeKind) -> Kind {
    match kind {
        ChangeKind::Merge => Kind::Merge,
        ChangeKind::Deploy => Kind::Deploy,
        ChangeKind::Release => Kind::Release,
        ChangeKind::Flag => Kind::Flag,
        ChangeKind::Experiment => Kind::Experiment,
        ChangeKind::Config => Kind::Config,
    }
}

fn adopt(ranking: Ranking, changes: Vec<Change>) -> (Vec<CandidateCause>, f64) {
    let labels: HashMap<String, String> = changes.iter().map(|c| (c.id.to_string(), c.label())).collect();
    let mut by_id: HashMap<String, Change> = changes.into_iter().map(|c| (c.id.to_string(), c)).collect();
    let none = ranking.none_probability;
    let causes = ranking
        .ranked
        .into_iter()
        .take(CAUSES_MAX)
        .filter_map(|ranked| {
            let mut change = by_id.remove(&ranked.id)?;
            let reasons: Vec<Reason> = ranked.reasons.iter().filter_map(|r| super::words::reason(r, &labels)).collect();
            if let Some(Reason::WentLive { at }) = reasons.iter().find(|r| matches!(r, Reason::WentLive { .. })) {
                change.live_at = Some(*at);
            }
            Some(CandidateCause { change, probability: ranked.probability, reasons })
        })
        .collect();
    (causes, none)
}
