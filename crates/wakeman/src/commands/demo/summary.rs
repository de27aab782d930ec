//! The last line: what the scenario held, what was found of it, what was done. The only place that reads the truth.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;
use wakeman_gateway::Core;
use wakeman_lab::{
    LabClient,
    client::{EffectRecord, LabState, LabTruth, TrueChange, TrueIncident},
};
use wakeman_store::ListQuery;
use wakeman_types::{
    Change, ChangeRef, ChoiceRecord, Finding, FindingId, MINUTE_MS, Proposal, ProposalState, Step, Subject, Timestamp,
    Verdict,
};

use super::{
    report::{Opening, Report},
    stage::{Stage, instant},
};
use crate::{
    failure::Failure,
    global::{Global, counted, printable},
};

/// One incident of the scenario and what became of it.
#[derive(Debug, Serialize)]
struct IncidentLine {
    id: String,
    detected: bool,
    minutes_to_detect: Option<f64>,
    finding_id: Option<FindingId>,
    top_causes: Vec<TopCause>,
    /// For the words: the likeliest, though the scenario may not hold it.
    #[serde(skip)]
    likeliest: Option<TopCause>,
    proposal_kind: Option<String>,
    proposal_steps: Vec<String>,
    executed: bool,
    verified: bool,
}

#[derive(Debug, Clone, Serialize)]
struct TopCause {
    id: String,
    probability: f64,
}

/// One time that a finding opened, up to the next time it did, or that something joined it.
struct Opened {
    at: Timestamp,
    until: Option<Timestamp>,
    finding: Finding,
    joined: Option<String>,
}

impl Opened {
    /// What was told then as the main thing; beside it a finding may hold more of the same look.
    fn subject(&self) -> Option<&Subject> {
        match &self.joined {
            Some(joined) => self.finding.also.iter().find(|also| also.fingerprint == *joined).map(|also| &also.subject),
            None => Some(&self.finding.subject),
        }
    }

    fn others(&self) -> impl Iterator<Item = &Subject> {
        self.finding.also.iter().filter(|_| self.joined.is_none()).map(|also| &also.subject)
    }
}

/// What the play left behind.
struct Record {
    findings: usize,
    openings: Vec<Opened>,
    proposals: Vec<Proposal>,
    interruptions: usize,
}

impl Record {
    async fn read(core: &Core, report: &Report) -> Result<Self, Failure> {
        let everything = ListQuery::oldest(1000);
        let findings = core.store.list::<Finding>(&everything).await.map_err(Failure::failed)?.items;
        let proposals = core.store.list::<Proposal>(&everything).await.map_err(Failure::failed)?.items;
        let now = ListQuery::oldest(1000).state("now");
        let interruptions = core.store.list::<ChoiceRecord>(&now).await.map_err(Failure::failed)?.items.len();
        let openings = openings(&report.openings, |id| findings.iter().map(|f| &f.value).find(|f| f.id == id).cloned());
        let proposals = proposals.into_iter().map(|found| found.value).collect();
        Ok(Self { findings: findings.len(), openings, proposals, interruptions })
    }

    /// The repair of what opened then: the one that helped, else one that took effect, else the last that was offered.
    fn proposal_of(&self, opened: &Opened, effects: &[EffectRecord]) -> Option<&Proposal> {
        let then = |p: &Proposal| p.created_at >= opened.at && opened.until.is_none_or(|until| p.created_at < until);
        let of = |p: &&Proposal| {
            // Findings of one cause share a repair, which may be older than this opening.
            opened.finding.proposal == Some(p.id) || (p.finding == Some(opened.finding.id) && then(p))
        };
        let own = || self.proposals.iter().filter(of);
        let helped = own().find(|p| p.state == ProposalState::Verified);
        helped.or_else(|| own().rfind(|p| was_executed(p, effects))).or_else(|| own().next_back())
    }
}

/// Each time a finding opened; the last time of each as the finding stands now.
fn openings(told: &[Opening], now: impl Fn(FindingId) -> Option<Finding>) -> Vec<Opened> {
    let each = told.iter().enumerate().map(|(at, opening)| {
        let id = opening.finding.id;
        let again = |later: &&Opening| later.finding.id == id && later.joined.is_none();
        let until = told[at + 1..].iter().find(again).map(|later| later.at);
        let last = if until.is_none() { now(id) } else { None };
        let finding = last.unwrap_or_else(|| opening.finding.clone());
        Opened { at: opening.at, until, finding, joined: opening.joined.clone() }
    });
    each.collect()
}

/// Prints the summary.
///
/// # Errors
/// When the lab or the database fails.
pub async fn tell(
    global: &Global,
    lab: &LabClient,
    stage: &Stage,
    state: &LabState,
    report: &Report,
) -> Result<(), Failure> {
    let truth = lab.truth().await.map_err(Failure::unavailable)?;
    let effects = lab.effects().await.map_err(Failure::unavailable)?;
    let record = Record::read(&stage.core, report).await?;
    let mut incidents = Vec::new();
    for incident in &truth.incidents {
        incidents.push(line(incident, &truth, &record, &effects)?);
    }
    let mut belonging = BTreeSet::new();
    for opened in &record.openings {
        let belongs = truth.incidents.iter().map(|incident| belongs(incident, opened));
        if belongs.collect::<Result<Vec<_>, _>>()?.iter().any(Option::is_some) {
            belonging.insert(opened.finding.id);
        }
    }
    let false_findings = record.findings.saturating_sub(belonging.len());
    let applied = effects.iter().filter(|effect| effect.applied).count();
    if !global.json {
        return words(global, state, &incidents, false_findings, &record, applied);
    }
    global.print_json(&json!({
        "type": "summary", "scenario": state.scenario, "seed": state.seed, "incidents": incidents,
        "findings": record.findings, "false_findings": false_findings, "interruptions": record.interruptions,
        "untrusted_effects": unapproved(&record, &effects), "effects": applied,
    }))
}

fn line(
    incident: &TrueIncident,
    truth: &LabTruth,
    record: &Record,
    effects: &[EffectRecord],
) -> Result<IncidentLine, Failure> {
    let start = instant(&incident.start)?;
    let mut found: Option<(&Opened, Place)> = None;
    for opened in &record.openings {
        let Some(place) = belongs(incident, opened)? else { continue };
        if found.is_none_or(|(earlier, its)| (place, opened.at) < (its, earlier.at)) {
            found = Some((opened, place));
        }
    }
    let found = found.map(|(opened, _)| opened);
    let proposal = found.and_then(|opened| record.proposal_of(opened, effects));
    let (top_causes, likeliest) = found.map(|opened| causes(&opened.finding, truth)).unwrap_or_default();
    Ok(IncidentLine {
        id: incident.id.clone(),
        detected: found.is_some(),
        minutes_to_detect: found.map(|opened| opened.at.since(start) as f64 / MINUTE_MS as f64),
        finding_id: found.map(|opened| opened.finding.id),
        top_causes,
        likeliest,
        proposal_kind: proposal.map(|proposal| proposal.action.kind.clone()),
        proposal_steps: proposal.map(|p| p.steps.iter().map(|s| s.action.kind.clone()).collect()).unwrap_or_default(),
        executed: proposal.is_some_and(|proposal| was_executed(proposal, effects)),
        verified: proposal.is_some_and(|proposal| proposal.state == ProposalState::Verified),
    })
}

/// Where what was told names what an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// It is what was told.
    Main,
    /// It was told beside something else.
    Beside,
}

/// Where that which was told during the incident names what the incident is about, if it does.
fn belongs(incident: &TrueIncident, opened: &Opened) -> Result<Option<Place>, Failure> {
    let start = instant(&incident.start)?;
    let end = incident.end.as_deref().map(instant).transpose()?;
    let during = opened.at >= start && end.is_none_or(|end| opened.at <= end);
    let place = if opened.subject().is_some_and(|subject| about(incident, subject)) {
        Some(Place::Main)
    } else {
        opened.others().any(|subject| about(incident, subject)).then_some(Place::Beside)
    };
    Ok(place.filter(|_| during))
}

/// Whether a finding names what the incident is about.
pub fn names(incident: &TrueIncident, finding: &Finding) -> bool {
    finding.subjects().any(|subject| about(incident, subject))
}

fn about(incident: &TrueIncident, subject: &Subject) -> bool {
    match subject {
        Subject::Metric { name, event, .. } => {
            let by_name = incident.metric.as_deref().is_some_and(|metric| metric == name);
            by_name || event.as_ref().is_some_and(|event| incident.events.first() == Some(event))
        }
        Subject::Error { issue, .. } => incident.error_issue_id.as_ref() == Some(issue),
        Subject::Run { run, .. } => incident.run_ids.contains(run) || incident.effect == "ci_red",
        Subject::Deployment { .. } => incident.effect == "deploy_stuck",
    }
}

/// The causes by the scenario's ids, likeliest first, and in words the likeliest of all. What belongs to one change of the scenario
/// (a merge and its deployment, an experiment and its flag) counts as that one; what the scenario does not hold, such as our own
/// repairs, is left out of the first and not of the second.
fn causes(finding: &Finding, truth: &LabTruth) -> (Vec<TopCause>, Option<TopCause>) {
    let mut known = vec![TopCause { id: "none".to_owned(), probability: finding.none_probability }];
    let mut others: Vec<TopCause> = Vec::new();
    for cause in &finding.causes {
        let (list, id) = match carried(finding, &cause.change, truth).or_else(|| scenario_id(&cause.change, truth)) {
            Some(id) => (&mut known, id.to_owned()),
            None => (&mut others, cause.change.label()),
        };
        match list.iter_mut().find(|known| known.id == id) {
            Some(known) => known.probability += cause.probability,
            None => list.push(TopCause { id, probability: cause.probability }),
        }
    }
    known.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let strange = others.into_iter().max_by(|a, b| a.probability.total_cmp(&b.probability));
    let strange = strange.filter(|other| known.first().is_none_or(|known| known.probability < other.probability));
    let strange = strange.map(|other| TopCause { id: format!("{}, which is not of the scenario", other.id), ..other });
    let likeliest = strange.or_else(|| known.first().cloned());
    (known, likeliest)
}

/// The merge that brought this in: the first deployment after it, or its commit. A later deployment of the same commit is a change
/// of its own.
fn carried<'a>(finding: &Finding, change: &Change, truth: &'a LabTruth) -> Option<&'a str> {
    let (ChangeRef::Deployment { sha, .. } | ChangeRef::Commit { sha }) = &change.reference else { return None };
    let of_it =
        |other: &&Change| matches!(&other.reference, ChangeRef::PullRequest { merge_sha, .. } if merge_sha == sha);
    let merge = known(finding.causes.iter().map(|cause| &cause.change).find(of_it)?, truth)?;
    let later_one = |deploy: &TrueChange| {
        let between = |other: &TrueChange| other.kind == "deploy" && merge.at <= other.at && other.at < deploy.at;
        deploy.kind == "deploy" && truth.changes.iter().any(between)
    };
    known(change, truth).is_none_or(|deploy| !later_one(deploy)).then_some(merge.id.as_str())
}

fn scenario_id<'a>(change: &Change, truth: &'a LabTruth) -> Option<&'a str> {
    known(change, truth).map(|known| known.id.as_str())
}

/// The scenario's record of a change we saw at a service, if it holds it.
fn known<'a>(change: &Change, truth: &'a LabTruth) -> Option<&'a TrueChange> {
    let at = |known: &TrueChange| instant(&known.at).is_ok_and(|at| at.since(change.at).abs() <= MINUTE_MS);
    let same = |known: &&TrueChange| match &change.reference {
        ChangeRef::PullRequest { number, .. } => {
            known.kind == "merge" && (known.pr == Some(*number) || (known.title == change.title && at(known)))
        }
        // An experiment is an edit of its flag, too.
        ChangeRef::Flag { key, .. } => {
            matches!(known.kind.as_str(), "flag" | "experiment")
                && known.flag.as_ref().is_none_or(|flag| flag == key)
                && at(known)
        }
        ChangeRef::Deployment { .. } => known.kind == "deploy" && at(known),
        ChangeRef::Release { .. } => known.kind == "release" && at(known),
        ChangeRef::Experiment { .. } => known.kind == "experiment" && at(known),
        ChangeRef::Commit { .. } => known.kind == "config" && at(known),
    };
    truth.changes.iter().find(same)
}

/// Whether something of it was applied at the lab, whatever became known of it: an answer that was lost changes nothing about the
/// effect, and what was done already is a success without one. Its own effects are those that its services took while it was carried out.
fn was_executed(proposal: &Proposal, effects: &[EffectRecord]) -> bool {
    let Some((from, to)) = window(proposal) else { return false };
    let begun = |step: &&Step| step.intended_at.is_some() || step.outcome.is_some();
    let services: Vec<&str> =
        proposal.steps.iter().filter(begun).filter_map(|step| step.action.kind.split('.').next()).collect();
    let own = |effect: &EffectRecord| {
        let at = wakeman_lab::time::parse_rfc3339(&effect.at);
        effect.applied && services.contains(&effect.service.as_str()) && at.is_some_and(|at| (from..=to).contains(&at))
    };
    effects.iter().any(own)
}

/// Effects that happened while no approved proposal was being executed: nobody had said yes to them.
fn unapproved(record: &Record, effects: &[EffectRecord]) -> usize {
    let windows: Vec<(i64, i64)> = record.proposals.iter().filter_map(window).collect();
    let unasked = |effect: &&EffectRecord| {
        let at = wakeman_lab::time::parse_rfc3339(&effect.at);
        effect.applied && at.is_none_or(|at| !windows.iter().any(|(from, to)| (*from..=*to).contains(&at)))
    };
    effects.iter().filter(unasked).count()
}

/// From the deciding approval to the last recorded outcome; open while a step that was begun has none, or nobody knows it.
fn window(proposal: &Proposal) -> Option<(i64, i64)> {
    let approved = proposal.decisions.iter().rfind(|d| d.verdict == Verdict::Approve)?.at.ms();
    let under_way = |step: &Step| step.intended_at.is_some() && step.settled_at.is_none();
    let open = proposal.state == ProposalState::NeedsReview || proposal.steps.iter().any(under_way);
    let settled = proposal.steps.iter().filter_map(|step| step.settled_at).map(Timestamp::ms).max();
    Some((approved, settled.filter(|_| !open).unwrap_or(i64::MAX)))
}

fn words(
    global: &Global,
    state: &LabState,
    incidents: &[IncidentLine],
    false_findings: usize,
    record: &Record,
    applied: usize,
) -> Result<(), Failure> {
    let mut out = format!("\nThe scenario {} is over.\n", state.scenario);
    for incident in incidents {
        let found = match (incident.minutes_to_detect, incident.finding_id) {
            (Some(minutes), Some(id)) => format!("found after {minutes:.0} min ({id})"),
            _ => "not found".to_owned(),
        };
        let cause = incident.likeliest.as_ref().map_or_else(String::new, |cause| {
            format!(" · likeliest cause {}, {}", cause.id, wakeman_present::probability(cause.probability))
        });
        let repair = match (&incident.proposal_kind, incident.executed, incident.verified) {
            (Some(_), true, true) => " · repaired and verified",
            (Some(_), true, false) => " · repaired, not verified",
            (Some(_), false, _) => " · repair proposed, not run",
            (None, ..) => " · no repair proposed",
        };
        out += &format!("  {}: {found}{cause}{repair}\n", incident.id);
    }
    if incidents.is_empty() {
        out += "  It held no incident.\n";
    }
    out += &format!(
        "  {}, {false_findings} of them false · {} · {} made to the outside\n",
        counted(record.findings, "finding"),
        counted(record.interruptions, "interruption"),
        counted(applied, "change"),
    );
    global.print(&format!("{}\n", printable(&out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved at 10:00; one step, begun then, with what came of it and when.
    fn proposal(state: &str, outcome: serde_json::Value, settled: Option<&str>) -> Proposal {
        let at = |text: &str| instant(text).expect("a time").ms();
        let approved = at("2026-01-22T10:00:00Z");
        let action = json!({"kind": "github.rerun_failed_jobs", "target": {}, "arguments": {}, "revision": {}});
        let step = json!({
            "number": 1, "action": action, "intended_at": approved, "idempotency_key": null, "tries": 1, "not_before": null,
            "waiting_for": null, "settled_at": settled.map(at), "outcome": outcome,
        });
        let yes =
            json!({"operator": "you", "principal": "cli:1000", "verdict": "approve", "reason": null, "at": approved});
        let whole = json!({
            "id": "P-1", "action": action, "digest": "0".repeat(64), "card": {"title": "", "steps": [], "undo": "", "check": ""},
            "state": state, "finding": "F-1", "thread": "t", "requested_by": "cli:1000", "approvers": ["you"], "needed": 1,
            "created_at": approved, "expires_at": approved, "decisions": [yes], "steps": [step], "state_since": approved, "note": null,
        });
        serde_json::from_value(whole).expect("a proposal")
    }

    fn effect(service: &str, at: &str, applied: bool) -> EffectRecord {
        let (method, path) = ("POST".to_owned(), "/x".to_owned());
        EffectRecord { at: at.to_owned(), service: service.to_owned(), method, path, body: json!(null), applied }
    }

    /// The second incident showed in a metric that joined the first one's finding, and opened one of its own later.
    #[test]
    fn an_incident_that_was_told_within_an_open_finding_was_found_then() {
        let at = |text: &str| instant(text).expect("a time");
        let (ten, joined, later) = (at("2026-01-22T10:10:00Z"), at("2026-01-22T10:50:00Z"), at("2026-01-22T11:30:00Z"));
        let metric =
            |name: &str| json!({"type": "metric", "metric": name, "name": name, "kind": "count", "event": null});
        let also = json!({
            "fingerprint": "metric:b", "subject": metric("b"), "severity": "warning", "since": ten.ms(), "measure": null,
            "occurrences": 0,
        });
        let finding = |id: &str, name: &str, also: Vec<serde_json::Value>| -> Finding {
            let whole = json!({
                "id": id, "fingerprint": format!("metric:{name}"), "subject": metric(name), "severity": "warning",
                "state": {"state": "open"}, "since": ten.ms(), "opened_at": ten.ms(), "updated_at": ten.ms(), "measure": null,
                "occurrences": 0, "series": [], "step_ms": 0, "also": also, "scope": null, "causes": [],
                "none_probability": 1.0, "thread": "t", "proposal": null, "interruption": "now", "reopened": 0,
                "unknown_since": null,
            });
            serde_json::from_value(whole).expect("a finding")
        };
        let incident = |name: &str, start: &str| TrueIncident {
            id: format!("drop-{name}"),
            start: start.to_owned(),
            end: None,
            metric: Some(name.to_owned()),
            effect: "drop".to_owned(),
            magnitude: 0.5,
            cause: "none".to_owned(),
            fix: None,
            ended_by: None,
            events: Vec::new(),
            error_issue_id: None,
            error_name: None,
            run_ids: Vec::new(),
            deployment_ids: Vec::new(),
        };
        let first = finding("F-1", "a", vec![also]);
        let told = [
            Opening { at: ten, finding: finding("F-1", "a", Vec::new()), joined: None },
            Opening { at: joined, finding: first.clone(), joined: Some("metric:b".to_owned()) },
            Opening { at: later, finding: finding("F-2", "b", Vec::new()), joined: None },
        ];
        let openings = openings(&told, |id| (id == first.id).then(|| first.clone()));
        let place = |incident: &TrueIncident| -> Vec<Option<Place>> {
            openings.iter().map(|opened| belongs(incident, opened).expect("a time")).collect()
        };
        let (a, b) = (incident("a", "2026-01-22T10:00:00Z"), incident("b", "2026-01-22T10:05:00Z"));
        assert_eq!(place(&a), [Some(Place::Main), None, None]);
        assert_eq!(place(&b), [Some(Place::Beside), Some(Place::Main), Some(Place::Main)]);
        let record = Record { findings: 2, openings, proposals: Vec::new(), interruptions: 2 };
        let truth = LabTruth { incidents: Vec::new(), changes: Vec::new() };
        let line = line(&b, &truth, &record, &[]).expect("a line");
        assert_eq!((line.minutes_to_detect, line.finding_id), (Some(45.0), Some(first.id)));
    }

    #[test]
    fn executed_is_what_was_applied_of_it_and_not_what_is_known_of_it() {
        let (during, later) = ("2026-01-22T10:00:00Z", "2026-01-22T10:20:00Z");
        let (done, unknown) =
            (json!({"outcome": "done", "output": {}}), json!({"outcome": "unknown", "reason": "lost"}));
        let cases = [
            ("a lost reply", proposal("needs_review", unknown.clone(), None), effect("github", during, true), true),
            (
                "a lost reply, applied late",
                proposal("needs_review", unknown.clone(), Some(during)),
                effect("github", later, true),
                true,
            ),
            ("lost before it came", proposal("needs_review", unknown, None), effect("github", during, false), false),
            ("still under way", proposal("executing", json!(null), None), effect("github", during, true), true),
            ("done", proposal("succeeded", done.clone(), Some(during)), effect("github", during, true), true),
            (
                "was so already, and another acted later",
                proposal("succeeded", done.clone(), Some(during)),
                effect("github", later, true),
                false,
            ),
            (
                "was so already, beside another's",
                proposal("verified", done, Some(during)),
                effect("posthog", during, true),
                false,
            ),
        ];
        for (what, proposal, effect, executed) in cases {
            assert_eq!(was_executed(&proposal, &[effect]), executed, "{what}");
        }
    }
}
