//! The JSON Lines of a demo: what the journal says happened, in its order.

use serde_json::{Value, json};
use wakeman_gateway::Core;
use wakeman_store::{JournalEntry, LANE, Seq};
use wakeman_types::{Finding, Outcome, Proposal, Timestamp};

use crate::{console::rfc3339, failure::Failure, global::Global};

/// Entries read at once.
const BATCH: usize = 500;

/// Follows the journal.
#[derive(Default)]
pub struct Report {
    read: u64,
    /// Every opening and reopening of a finding, and what joined one, in order.
    pub openings: Vec<Opening>,
}

/// One time that a finding opened, or that something was told as part of one.
#[derive(Clone)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// The finding as it stood when that ended, or, while it is open, when it began.
    pub finding: Finding,
    /// The fingerprint of what joined an open finding then; nothing when the finding itself opened.
    pub joined: Option<String>,
}

impl Report {
    /// Tells what was journalled since the last time.
    ///
    /// # Errors
    /// When the database or stdout fails.
    pub async fn follow(&mut self, global: &Global, core: &Core) -> Result<(), Failure> {
        loop {
            let entries = core.store.journal(LANE, Seq(self.read + 1), BATCH).await.map_err(Failure::failed)?;
            let Some(last) = entries.last() else { return Ok(()) };
            self.read = last.seq.0;
            for entry in &entries {
                let line = self.line(core, entry).await?;
                if let Some(line) = line.filter(|_| global.json) {
                    global.print_json(&line)?;
                }
            }
        }
    }

    async fn line(&mut self, core: &Core, entry: &JournalEntry) -> Result<Option<Value>, Failure> {
        Ok(match entry.event_type.as_str() {
            "finding.opened" | "finding.reopened" | "finding.escalated" => {
                let Some(finding) = finding(core, &entry.subject).await? else { return Ok(None) };
                if entry.event_type != "finding.escalated" {
                    self.openings.push(Opening { at: entry.at, finding: finding.clone(), joined: None });
                }
                Some(finding_line(entry, &finding))
            }
            "finding.joined" => {
                let fingerprint = entry.payload.as_ref().and_then(|payload| payload["fingerprint"].as_str());
                let (Some(finding), Some(joined)) = (finding(core, &entry.subject).await?, fingerprint) else {
                    return Ok(None);
                };
                let mut line = finding_line(entry, &finding);
                line["joined"] = json!(finding.also.iter().find(|a| a.fingerprint == joined).map(|also| &also.subject));
                self.openings.push(Opening { at: entry.at, finding, joined: Some(joined.to_owned()) });
                Some(line)
            }
            "finding.resolved" => {
                if let Some(found) = finding(core, &entry.subject).await? {
                    self.ended(&found);
                }
                None
            }
            "proposal.shown" => proposal(core, &entry.subject).await?.map(|found| proposal_line(entry, &found)),
            "proposal.approved" | "proposal.rejected" => {
                let payload = entry.payload.clone().unwrap_or_default();
                Some(json!({
                    "type": "decision", "at": rfc3339(entry.at), "id": entry.subject, "by": entry.actor,
                    "decision": if entry.event_type.ends_with("approved") { "approve" } else { "reject" },
                    "digest": payload["digest"],
                }))
            }
            "proposal.step_done" | "proposal.failed" | "proposal.needs_review" => {
                proposal(core, &entry.subject).await?.map(|found| receipt_line(entry, &found))
            }
            "proposal.checked" => {
                let payload = entry.payload.clone().unwrap_or_default();
                let finding = proposal(core, &entry.subject).await?.and_then(|found| found.finding);
                Some(json!({
                    "type": "verification", "at": rfc3339(entry.at), "id": entry.subject, "finding": finding,
                    "result": payload["result"],
                }))
            }
            _ => None,
        })
    }

    /// Its last opening, and what joined it since, stand as the finding did at its end.
    fn ended(&mut self, finding: &Finding) {
        for known in self.openings.iter_mut().rev().filter(|known| known.finding.id == finding.id) {
            known.finding = finding.clone();
            if known.joined.is_none() {
                return;
            }
        }
    }
}

async fn finding(core: &Core, id: &str) -> Result<Option<Finding>, Failure> {
    Ok(core.store.get::<Finding>(id).await.map_err(Failure::failed)?.map(|found| found.value))
}

async fn proposal(core: &Core, id: &str) -> Result<Option<Proposal>, Failure> {
    Ok(core.store.get::<Proposal>(id).await.map_err(Failure::failed)?.map(|found| found.value))
}

fn finding_line(entry: &JournalEntry, finding: &Finding) -> Value {
    let causes: Vec<Value> = finding
        .causes
        .iter()
        .map(|cause| json!({"id": cause.change.id, "label": cause.change.label(), "probability": cause.probability}))
        .collect();
    json!({
        "type": "finding", "at": rfc3339(entry.at), "id": finding.id, "news": entry.event_type.trim_start_matches("finding."),
        "severity": finding.severity, "subject": finding.subject, "since": rfc3339(finding.since),
        "measure": finding.measure, "occurrences": finding.occurrences, "causes": causes,
        "none_probability": finding.none_probability, "interruption": finding.interruption, "thread": finding.thread,
    })
}

fn proposal_line(entry: &JournalEntry, proposal: &Proposal) -> Value {
    json!({
        "type": "proposal", "at": rfc3339(entry.at), "id": proposal.id, "finding": proposal.finding,
        "kind": proposal.action.kind, "title": proposal.card.title, "digest": proposal.digest,
        "steps": proposal.card.steps, "action": proposal.action, "expires_at": rfc3339(proposal.expires_at),
    })
}

fn receipt_line(entry: &JournalEntry, proposal: &Proposal) -> Value {
    let payload = entry.payload.clone().unwrap_or_default();
    let number = payload["step"].as_u64();
    let step = match number {
        Some(number) => proposal.steps.iter().find(|step| u64::from(step.number) == number),
        None => proposal.steps.iter().rev().find(|step| step.outcome.is_some()),
    };
    let outcome = match step.and_then(|step| step.outcome.as_ref()) {
        Some(Outcome::Done { .. }) => "done",
        Some(Outcome::Failed { .. }) | None => "failed",
        Some(Outcome::Unknown { .. }) => "unknown",
    };
    json!({
        "type": "receipt", "at": rfc3339(entry.at), "id": proposal.id, "step": step.map(|step| step.number),
        "kind": step.map(|step| step.action.kind.as_str()), "outcome": outcome, "output": payload["output"],
        "note": payload["note"],
    })
}
