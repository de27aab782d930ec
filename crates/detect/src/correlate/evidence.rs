//! How much each piece of evidence speaks for or against one change.

use super::input::{Anomaly, CandidateChange, ChangeKind};
use super::lead_time::{Acts, density};
use super::names::{same_file, words};
use super::reason::Reason;
use crate::verdict::Direction;

/// A candidate's rate as a cause (per hour at the onset) and what it rests on.
pub(crate) struct Weighed {
    pub rate: f64,
    pub reasons: Vec<Reason>,
}

/// Likelihood ratio when all new errors are in its files; scaled down by the share that is.
const FILES_MATCH: f64 = 25.0;
/// When new errors are, and none is in its files.
const FILES_MISS: f64 = 0.35;
/// One word shared with what broke, and two or more.
const NAMES: [f64; 2] = [3.0, 5.0];
const SPLIT_CONFIRMS: f64 = 20.0;
const SPLIT_UNAFFECTED: f64 = 0.03;
const SPLIT_EVEN: f64 = 0.05;
/// A split says something below this p-value.
const SPLIT_P: f64 = 0.01;
/// Parts of the whole effect (in logarithms) that count as none, and as the same.
const SPLIT_NOTHING: f64 = 0.3;
const ROLLOUT_TOO_SMALL: f64 = 0.05;
/// How much more than its rollout may seem lost before it is impossible.
const ROLLOUT_SLACK: f64 = 0.1;
const HEAD_COMMIT: f64 = 300.0;

/// That a change of this kind breaks something that is watched.
fn hazard(kind: ChangeKind) -> f64 {
    match kind {
        ChangeKind::Merge | ChangeKind::Release => 0.03,
        ChangeKind::Flag | ChangeKind::Config => 0.04,
        ChangeKind::Deploy | ChangeKind::Experiment => 0.02,
    }
}

/// Weighs one change; `deploy` is what made it live, if a candidate did.
pub(crate) fn weigh(anomaly: &Anomaly, change: &CandidateChange, deploy: Option<&CandidateChange>) -> Weighed {
    let mut reasons = Vec::new();
    let mut rate = hazard(change.kind);
    if let (Some(sha), Some(head)) = (&change.sha, &anomaly.head_sha)
        && sha == head
    {
        // The run or deployment failed on this very commit: when it was made says nothing more.
        rate *= density(0, anomaly.onset().1, Acts::AtOnce) * HEAD_COMMIT;
        reasons.push(Reason::HeadCommit);
    } else {
        rate *= time(anomaly, change, deploy, &mut reasons);
    }
    rate *= files(anomaly, change, &mut reasons);
    rate *= names(anomaly, change, &mut reasons);
    rate *= split(anomaly, change, &mut reasons);
    rate *= rollout(anomaly, change, &mut reasons);
    Weighed { rate, reasons }
}

fn time(
    anomaly: &Anomaly,
    change: &CandidateChange,
    deploy: Option<&CandidateChange>,
    reasons: &mut Vec<Reason>,
) -> f64 {
    let live_at_ms = change.live_at_ms.or(deploy.map(CandidateChange::live_from_ms));
    let acts_ms = live_at_ms.unwrap_or(change.at_ms).max(change.at_ms);
    let acts = if change.kind == ChangeKind::Merge && live_at_ms.is_none() { Acts::WhenShipped } else { Acts::AtOnce };
    let (onset_ms, uncertainty) = anomaly.onset();
    if acts_ms > anomaly.latest_ms.max(anomaly.since_ms) {
        reasons.push(Reason::AfterOnset { by_ms: acts_ms - anomaly.since_ms });
    } else {
        reasons.push(Reason::LeadTime { lead_ms: (anomaly.since_ms - change.at_ms).max(0) });
    }
    if let Some(at_ms) = live_at_ms.filter(|&at| at > change.at_ms) {
        let by = deploy.map(|d| d.id.clone()).or_else(|| change.live_by.clone());
        reasons.push(Reason::WentLive { at_ms, by });
    }
    density(onset_ms - acts_ms, uncertainty, acts)
}

fn files(anomaly: &Anomaly, change: &CandidateChange, reasons: &mut Vec<Reason>) -> f64 {
    let errors: Vec<_> = anomaly.errors.iter().filter(|e| !e.files.is_empty()).collect();
    if errors.is_empty() || change.files.is_empty() {
        return 1.0;
    }
    let (mut all, mut named, mut matching) = (0, 0, std::collections::BTreeSet::new());
    for error in errors {
        let events = error.events.max(1);
        all += events;
        let hits: Vec<&String> =
            change.files.iter().filter(|file| error.files.iter().any(|frame| same_file(frame, file))).collect();
        named += if hits.is_empty() { 0 } else { events };
        matching.extend(hits.into_iter().cloned());
    }
    if named == 0 {
        reasons.push(Reason::FilesNotInErrors);
        return FILES_MISS;
    }
    reasons.push(Reason::FilesInErrors { files: matching.into_iter().collect(), events: named });
    1.0 + (FILES_MATCH - 1.0) * named as f64 / all as f64
}

fn names(anomaly: &Anomaly, change: &CandidateChange, reasons: &mut Vec<Reason>) -> f64 {
    let functions = anomaly.errors.iter().flat_map(|e| &e.functions);
    let broken = words(anomaly.names.iter().chain(functions).map(String::as_str));
    let own = [&change.title].into_iter().chain(&change.files).chain(&change.flag_key);
    let shared: Vec<String> = words(own.map(String::as_str)).intersection(&broken).cloned().collect();
    if shared.is_empty() {
        return 1.0;
    }
    let ratio = NAMES[(shared.len() - 1).min(1)];
    reasons.push(Reason::NamesMatch { words: shared });
    ratio
}

fn split(anomaly: &Anomaly, change: &CandidateChange, reasons: &mut Vec<Reason>) -> f64 {
    let Some(split) = change.flag_split else { return 1.0 };
    let log = |ratio: f64| ratio.clamp(1e-3, 1e3).ln();
    let (exposed, unexposed) = (log(split.exposed_ratio), log(split.unexposed_ratio));
    let sign = if anomaly.direction == Direction::Down { -1.0 } else { 1.0 };
    let whole = log(anomaly.effect).abs().max(0.05);
    let (exposed_ratio, unexposed_ratio) = (split.exposed_ratio, split.unexposed_ratio);
    if sign * exposed < SPLIT_NOTHING * whole {
        reasons.push(Reason::FlagUsersUnaffected { exposed_ratio });
        SPLIT_UNAFFECTED
    } else if split.p_value < SPLIT_P && sign * (exposed - unexposed) > SPLIT_NOTHING * whole {
        reasons.push(Reason::FlagSplitConfirms { exposed_ratio, unexposed_ratio });
        SPLIT_CONFIRMS
    } else if (exposed - unexposed).abs() < SPLIT_NOTHING * whole {
        reasons.push(Reason::FlagSplitEven { exposed_ratio, unexposed_ratio });
        SPLIT_EVEN
    } else {
        1.0
    }
}

/// A change cannot lose more than the users it reaches.
fn rollout(anomaly: &Anomaly, change: &CandidateChange, reasons: &mut Vec<Reason>) -> f64 {
    let lost = 1.0 - anomaly.effect;
    match change.rollout {
        Some(rollout) if anomaly.direction == Direction::Down && lost > rollout + ROLLOUT_SLACK => {
            reasons.push(Reason::RolloutTooSmall { rollout, lost });
            ROLLOUT_TOO_SMALL
        }
        _ => 1.0,
    }
}
