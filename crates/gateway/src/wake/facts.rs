//! What changed since the last brief: findings, proposals, changes, sources. No model is needed to know it.

use std::collections::{BTreeMap, BTreeSet};

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    BriefLine, Change, ChangeRef, ComponentView, DAY_MS, Entity, Finding, FindingState, Proposal, ProposalState,
    Severity, Timestamp,
};

use crate::{core::Core, health::STARTING};

/// Rows of each kind that are looked at, newest first.
const ROWS: usize = 200;
/// Changes that are named; of the others only the number is told.
const CHANGES_NAMED: usize = 3;

/// How things stand, and what of it is new.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// How each thing stands, by its key: kept for the next comparison.
    pub stand: BTreeMap<String, String>,
    /// What is new, most important first.
    pub news: Vec<BriefLine>,
}

/// Compares how things stand with what was `told` before. `since` is when that was.
pub(super) async fn facts(core: &Core, told: &BTreeMap<String, String>, since: Timestamp) -> Result<Facts, StoreError> {
    // A change or an end that reached us late, within a day, is still told.
    let from = since.min(core.now()).plus_ms(-DAY_MS);
    let mut facts = Facts::default();
    let mut lines: Vec<(u8, BriefLine)> = Vec::new();
    for finding in newest::<Finding>(core).await? {
        if let Some(line) = facts.finding(finding, told, from) {
            lines.push(line);
        }
    }
    for proposal in newest::<Proposal>(core).await? {
        if let Some(line) = facts.proposal(proposal, told, from) {
            lines.push(line);
        }
    }
    lines.extend(facts.sources(&core.health.components(), told));
    let changes = newest::<Change>(core).await?;
    lines.extend(facts.changes(changes, told, from));
    lines.sort_by_key(|(rank, _)| *rank);
    facts.news = lines.into_iter().map(|(_, line)| line).collect();
    Ok(facts)
}

async fn newest<E: Entity>(core: &Core) -> Result<Vec<E>, StoreError> {
    let page = core.store.list::<E>(&ListQuery::newest(ROWS)).await?;
    Ok(page.items.into_iter().map(|found| found.value).collect())
}

impl Facts {
    /// Whether a finding is not over, a card waits, or a source does not answer.
    pub fn is_something_open(&self) -> bool {
        let waits = |(key, stand): (&String, &String)| match key.split_once(':').map_or("", |(kind, _)| kind) {
            "finding" => stand.starts_with("open/"),
            "proposal" => stand == ProposalState::Pending.name(),
            "source" => true,
            _ => false,
        };
        self.stand.iter().any(waits)
    }

    /// Notes how a thing stands; whether that is news.
    fn note(&mut self, key: String, stand: String, told: &BTreeMap<String, String>) -> bool {
        let news = told.get(&key) != Some(&stand);
        self.stand.insert(key, stand);
        news
    }

    fn finding(
        &mut self,
        mut finding: Finding,
        told: &BTreeMap<String, String>,
        from: Timestamp,
    ) -> Option<(u8, BriefLine)> {
        let over = match finding.state {
            FindingState::Resolved { at, .. } if at < from => return None,
            FindingState::Resolved { .. } => true,
            _ => false,
        };
        let stand = match over {
            true => format!("over/{}", finding.reopened),
            false => format!("open/{:?}/{}", finding.severity, finding.reopened),
        };
        if !self.note(format!("finding:{}", finding.id), stand, told) {
            return None;
        }
        let rank = match finding.severity {
            _ if over => 4,
            Severity::Critical => 0,
            Severity::Warning => 2,
            Severity::Info => 6,
        };
        // A brief shows no chart.
        finding.series.clear();
        Some((rank, BriefLine::Finding { finding: Box::new(finding) }))
    }

    fn proposal(
        &mut self,
        proposal: Proposal,
        told: &BTreeMap<String, String>,
        from: Timestamp,
    ) -> Option<(u8, BriefLine)> {
        let pending = proposal.state == ProposalState::Pending;
        if !pending && proposal.state_since < from {
            return None;
        }
        let news = self.note(format!("proposal:{}", proposal.id), proposal.state.name().to_owned(), told);
        news.then(|| (if pending { 1 } else { 5 }, BriefLine::Proposal { proposal: Box::new(proposal) }))
    }

    /// A source that does not answer; and one that was told as silent and answers again.
    fn sources(&mut self, components: &[ComponentView], told: &BTreeMap<String, String>) -> Vec<(u8, BriefLine)> {
        let mut lines = Vec::new();
        for component in components.iter().filter(|component| component.configured) {
            let key = format!("source:{}", component.name);
            let line = |silent: bool| BriefLine::Source {
                source: component.name.clone(),
                silent,
                last_success: component.last_success,
                reason: component.detail.chars().take(160).collect(),
            };
            if !component.ok {
                if self.note(key, "silent".to_owned(), told) {
                    lines.push((3, line(true)));
                }
            } else if told.contains_key(&key) {
                match component.last_success.filter(|_| component.detail != STARTING) {
                    Some(_) => lines.push((5, line(false))),
                    // Not asked since the start: still as it was told.
                    None => drop(self.note(key, "silent".to_owned(), told)),
                }
            }
        }
        lines
    }

    fn changes(
        &mut self,
        changes: Vec<Change>,
        told: &BTreeMap<String, String>,
        from: Timestamp,
    ) -> Option<(u8, BriefLine)> {
        let mut seen = BTreeSet::new();
        let mut news = Vec::new();
        // A commit is told as the merge that brought it.
        let told_of = |change: &Change| change.at >= from && !matches!(change.reference, ChangeRef::Commit { .. });
        for change in changes.into_iter().filter(told_of) {
            let fresh = self.note(format!("change:{}", change.id), "seen".to_owned(), told);
            if fresh && seen.insert(change.label()) {
                news.push(change);
            }
        }
        let count = u32::try_from(news.len()).unwrap_or(u32::MAX);
        news.truncate(CHANGES_NAMED);
        news.iter_mut().for_each(|change| change.files.clear());
        (count > 0).then_some((7, BriefLine::Changes { count, newest: news }))
    }
}
