//! The simulated operator at the desk: reads what is delivered, and does something about it later, or nothing.

use std::collections::HashMap;

use wakeman_gateway::Desk;
use wakeman_ranking::{operators::Person, reward::Reaction};
use wakeman_types::{
    Channel, ChoiceRecord, DAY_MS, DecisionRequest, DeliveryReport, ErrorKind, FindingId, Findings, Frontend,
    GatewayError, HOUR_MS, Interruption, Principal, Proposal, ProposalState, Proposals, Ranking, Timestamp, Verdict,
    View,
};

use super::judge::Judged;
use crate::{commands::demo::stage::Stage, failure::Failure};

/// How long a delivery is theirs.
const LEASE_MS: i64 = 60_000;
/// How long they want quiet about it.
const SNOOZE_MS: i64 = 4 * HOUR_MS;
/// How long of its kind: this episode, not the next one.
const MUTE_MS: i64 = 12 * HOUR_MS;

/// What they will do.
#[derive(Debug, Clone, Copy)]
pub struct Intent {
    /// When.
    pub at: Timestamp,
    /// About which.
    pub finding: FindingId,
    /// What.
    pub reaction: Reaction,
    /// Whether it was of use, for when there is nothing left to acknowledge.
    useful: bool,
}

/// One operator.
pub struct Operator {
    who: Principal,
    person: Person,
    /// What they were told last of each finding, until they made up their mind about it.
    told: HashMap<FindingId, (Interruption, bool)>,
    intents: Vec<Intent>,
}

impl Operator {
    /// One that has done nothing yet.
    pub fn new(who: Principal, seed: u64) -> Self {
        Self { who, person: Person::new(seed), told: HashMap::new(), intents: Vec::new() }
    }

    /// What this decision is to them, once it reaches them.
    pub fn expects(&mut self, choice: &ChoiceRecord, judged: &Judged) {
        self.told.insert(choice.finding, (choice.chosen, judged.useful));
    }

    /// Reads everything that is owed to the terminal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reads(&mut self, desk: &Desk, now: Timestamp) -> Result<(), Failure> {
        loop {
            let claimed = desk.claim_deliveries(Channel::Cli, LEASE_MS, 20).await?;
            if claimed.is_empty() {
                return Ok(());
            }
            for item in claimed {
                match &item.delivery.view {
                    View::Finding(view) => self.hears(view.finding.id, now),
                    View::Digest(view) => view.lines.iter().for_each(|line| self.hears(line.finding.id, now)),
                    _ => {}
                }
                let report = DeliveryReport::Sent { reference: None };
                desk.confirm_delivery(&item.delivery.id, item.epoch, report).await?;
            }
        }
    }

    fn hears(&mut self, finding: FindingId, now: Timestamp) {
        let Some((told, useful)) = self.told.remove(&finding) else { return };
        let hour = (now.ms() % DAY_MS) as f64 / HOUR_MS as f64;
        if let Some((reaction, after_ms)) = self.person.reacts(useful, hour, told) {
            self.intents.push(Intent { at: now.plus_ms(after_ms), finding, reaction, useful });
        }
    }

    /// What they do next, if that is before `until`.
    pub fn next_before(&mut self, until: Timestamp) -> Option<Intent> {
        let (place, first) = self.intents.iter().enumerate().min_by_key(|(_, intent)| intent.at)?;
        (first.at < until).then_some(place).map(|place| self.intents.swap_remove(place))
    }

    /// Does it. What is over can be neither acknowledged nor snoozed: then they say what it was worth.
    ///
    /// # Errors
    /// When the product refuses what it should take.
    pub async fn does(&self, stage: &mut Stage, intent: &Intent) -> Result<(), Failure> {
        let (desk, id) = (&stage.desk, intent.finding);
        let done = match intent.reaction {
            Reaction::Useful => desk.feedback(&self.who, id, true).await.map(drop),
            Reaction::Noise => desk.feedback(&self.who, id, false).await.map(drop),
            Reaction::Acknowledged { .. } => desk.acknowledge(&self.who, id).await.map(drop),
            Reaction::Snoozed => desk.snooze(&self.who, id, SNOOZE_MS).await.map(drop),
            Reaction::Muted => desk.mute(&self.who, id, Some(MUTE_MS)).await.map(drop),
            Reaction::Approved | Reaction::Rejected => return self.approves(stage, intent).await,
        };
        match done {
            Err(error) if error.kind == ErrorKind::AlreadyDecided => self.says(desk, intent).await,
            other => Ok(other?),
        }
    }

    async fn says(&self, desk: &Desk, intent: &Intent) -> Result<(), Failure> {
        desk.feedback(&self.who, intent.finding, intent.useful).await?;
        Ok(())
    }

    /// Approves the repair that was offered with it; where none waits any more, says that it was useful.
    async fn approves(&self, stage: &mut Stage, intent: &Intent) -> Result<(), Failure> {
        let found = stage.core.store.get::<wakeman_types::Finding>(&intent.finding.to_string()).await;
        let offered = found.map_err(Failure::failed)?.and_then(|found| found.value.proposal);
        let waiting = match offered {
            Some(id) => stage.core.store.get::<Proposal>(&id.to_string()).await.map_err(Failure::failed)?,
            None => None,
        };
        let waiting = waiting.map(|found| found.value).filter(|proposal| proposal.state == ProposalState::Pending);
        let Some(proposal) = waiting else { return self.says(&stage.desk, intent).await };
        self.yes(&stage.desk, &proposal).await?;
        stage.executor.pass().await.map_err(Failure::failed)?;
        Ok(())
    }

    /// Says yes to a proposal as it stands.
    ///
    /// # Errors
    /// As [`Desk::decide`].
    pub async fn yes(&self, desk: &Desk, proposal: &Proposal) -> Result<(), GatewayError> {
        let digest = proposal.digest.as_str().to_owned();
        let request = DecisionRequest { decision: Verdict::Approve, digest, reason: None, step: None };
        desk.decide(&self.who, proposal.id, request).await.map(drop)
    }

    /// As whom they speak.
    pub const fn who(&self) -> &Principal {
        &self.who
    }
}
