//! From changes in the store to ranked causes: the mapping to and from `detect::correlate`.

use std::collections::{HashMap, HashSet};

use wakeman_detect::{
    Anomaly, CandidateChange, ChangeKind as Kind, Direction as Way, ErrorEvidence, FlagSplit, Ranking, correlate,
};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    CandidateCause, Change, ChangeKind, ChangeRef, Direction, HOUR_MS, MINUTE_MS, Proposal, ProposalState, Reason,
    Subject, Timestamp,
};

use super::{detection::Detection, repair::undoes};
use crate::{core::Core, ports::ErrorIssue, watch::detector_kind};

/// How far back a change can be a candidate.
const REACH_MS: i64 = 72 * HOUR_MS;
/// How long after the estimated onset a change can still be one: the estimate may be late.
const SLACK_MS: i64 = 15 * MINUTE_MS;
/// How long before the onset a new error may have begun to count as evidence for it.
const ERROR_LEAD_MS: i64 = 45 * MINUTE_MS;
/// A merge that was taken back so long before it was still seen is not what keeps it.
const UNDONE_MS: i64 = 40 * MINUTE_MS;
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
    let query =
        ListQuery::oldest(1000).since(since - REACH_MS).until(detection.began.1.ms().max(since + SLACK_MS) + SLACK_MS);
    let changes: Vec<Change> = core.store.list::<Change>(&query).await?.items.into_iter().map(|c| c.value).collect();
    let mut candidates = candidates(&changes);
    let helped =
        core.store.list::<Proposal>(&ListQuery::newest(100).state(ProposalState::Verified.name())).await?.items;
    let helped: Vec<Proposal> = helped.into_iter().map(|found| found.value).collect();
    let undone = undone(&changes, &candidates, detection, &helped);
    candidates.retain(|candidate| !undone.contains(&candidate.id));
    for candidate in &mut candidates {
        candidate.flag_split = candidate.flag_key.as_ref().and_then(|key| evidence.splits.get(key)).copied();
    }
    let ranking = correlate(&anomaly(detection, evidence), &candidates);
    Ok(adopt(ranking, changes))
}

fn anomaly(detection: &Detection, evidence: &Evidence) -> Anomaly {
    let mut anomaly = Anomaly::at(detection.since.ms(), 0);
    (anomaly.earliest_ms, anomaly.latest_ms) = (detection.began.0.ms(), detection.began.1.ms());
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

/// What was taken back before it began, or so long ago that it would be over, with what carried nothing else; and the revert too, where
/// both went live together or it helped. A revert is known by its title, GitHub's or ours, and by touching nothing else.
fn undone(
    changes: &[Change],
    candidates: &[CandidateChange],
    seen: &Detection,
    helped: &[Proposal],
) -> HashSet<String> {
    let began = seen.began.0.ms();
    let mut out = HashSet::new();
    for (index, revert) in changes.iter().enumerate() {
        let Some(reverts) = reverts(revert) else { continue };
        let Some(first) = (0..index).rev().find(|earlier| reverts(&changes[*earlier])) else { continue };
        let (of_first, of_revert) = (&candidates[first], &candidates[index]);
        let live = of_revert.live_at_ms.unwrap_or(revert.at.ms());
        let at_once = of_revert.live_by.is_some() && of_revert.live_by == of_first.live_by;
        let together = at_once && revert.at <= seen.since;
        if !together && live > began && live + UNDONE_MS > seen.seen_at.ms() {
            continue;
        }
        out.insert(of_first.id.clone());
        if together || helped.iter().any(|proposal| undoes(proposal, &changes[first].reference)) {
            out.insert(of_revert.id.clone());
        }
    }
    let only = |c: &&CandidateChange| !c.carries.is_empty() && c.carries.iter().all(|carried| out.contains(carried));
    let carriers: Vec<String> = candidates.iter().filter(only).map(|candidate| candidate.id.clone()).collect();
    out.extend(carriers);
    out
}

/// Whether another merge is the one that this one takes back; `None`: it is no revert.
fn reverts(revert: &Change) -> Option<impl Fn(&Change) -> bool> {
    let ChangeRef::PullRequest { .. } = revert.reference else { return None };
    let what = revert.title.strip_prefix("Revert ")?;
    Some(move |change: &Change| {
        let ChangeRef::PullRequest { number, .. } = change.reference else { return false };
        let named = what == format!("#{number}") || what == format!("\"{}\"", change.title);
        let within = revert.files.iter().all(|file| change.files.is_empty() || change.files.contains(file));
        named && within
    })
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

#[cfg(test)]
mod tests {
    use wakeman_types::ChangeId;

    use super::*;

    const T: i64 = 100 * HOUR_MS;

    fn merge(number: u64, at_min: i64, title: &str, files: &[&str]) -> Change {
        Change {
            id: ChangeId::new(format!("merge:{number}")),
            kind: ChangeKind::Merge,
            at: Timestamp(T + at_min * MINUTE_MS),
            live_at: None,
            title: title.to_owned(),
            author: None,
            url: None,
            reference: ChangeRef::PullRequest { number, merge_sha: number.to_string() },
            files: files.iter().map(|&file| file.to_owned()).collect(),
        }
    }

    fn deploy(at_min: i64) -> Change {
        let reference = ChangeRef::Deployment {
            id: at_min.unsigned_abs(),
            environment: "production".to_owned(),
            sha: format!("d{at_min}"),
        };
        let id = ChangeId::new(format!("deploy:{at_min}"));
        Change { id, kind: ChangeKind::Deploy, reference, ..merge(0, at_min, "deploy", &[]) }
    }

    /// Began at minute 100, known to ten minutes.
    fn seen(at_min: i64) -> Detection {
        Detection {
            fingerprint: "metric:m".to_owned(),
            subject: Subject::Run { run: 1, workflow: "ci".to_owned(), sha: "s".to_owned(), url: None },
            severity: wakeman_types::Severity::Warning,
            since: Timestamp(T + 100 * MINUTE_MS),
            seen_at: Timestamp(T + at_min * MINUTE_MS),
            began: (Timestamp(T + 90 * MINUTE_MS), Timestamp(T + 110 * MINUTE_MS)),
            measure: None,
            occurrences: 0,
            series: Vec::new(),
            step_ms: 0,
            head_sha: None,
            effect: 0.5,
        }
    }

    #[test]
    fn what_was_taken_back_before_it_began_is_no_cause() {
        let file = ["a.ts"];
        let old = || merge(1, 0, "new form", &file);
        let table: [(&str, Vec<Change>, i64, &[&str]); 9] = [
            ("taken back long before", vec![old(), merge(2, 50, "Revert \"new form\"", &file)], 105, &["merge:1"]),
            ("in our words", vec![old(), merge(2, 50, "Revert #1", &file)], 105, &["merge:1"]),
            ("while it may have begun", vec![old(), merge(2, 95, "Revert #1", &file)], 110, &[]),
            ("too long ago to go on from", vec![old(), merge(2, 95, "Revert #1", &file)], 140, &["merge:1"]),
            ("another one", vec![old(), merge(2, 50, "Revert #7", &file)], 105, &[]),
            ("touches more than that", vec![old(), merge(2, 50, "Revert #1", &["a.ts", "b.ts"])], 105, &[]),
            ("no revert", vec![old(), merge(2, 50, "Reverting the new form", &file)], 105, &[]),
            (
                "with what carried nothing else",
                vec![old(), deploy(5), merge(2, 50, "Revert #1", &file), deploy(55)],
                105,
                &["deploy:5", "merge:1"],
            ),
            (
                "both live together",
                vec![old(), merge(2, 50, "Revert #1", &file), deploy(98)],
                105,
                &["deploy:98", "merge:1", "merge:2"],
            ),
        ];
        for (what, changes, at_min, want) in table {
            let out = undone(&changes, &candidates(&changes), &seen(at_min), &[]);
            let mut out: Vec<&str> = out.iter().map(String::as_str).collect();
            out.sort_unstable();
            assert_eq!(out, want, "{what}");
        }
    }
}
