//! The play: the world moves, the watch looks, the operator is asked, the executor works, until the scenario's end.

use std::time::Duration;

use wakeman_cli::{choices_of, read_key};
use wakeman_lab::{LabClient, client::LabState};
use wakeman_present::{Doc, details_doc, notice_doc};
use wakeman_types::{
    DecisionRequest, ErrorKind, MINUTE_MS, NoticeView, Proposal, ProposalState, Proposals, Timestamp, Verdict, View,
};

use super::{report::Report, stage::Stage, stage::instant, summary};
use crate::{
    args::{Answer, Speed},
    console::{Printer, rfc3339},
    failure::Failure,
    global::Global,
};

/// Looks at the sources in one play, about: longer scenarios are looked at less often.
const LOOKS_MAX: i64 = 1_500;

/// One play.
pub struct Play<'a> {
    global: &'a Global,
    lab: &'a LabClient,
    stage: &'a mut Stage,
    answer: Answer,
    speed: Speed,
    printer: Printer<'a>,
    report: Report,
}

impl<'a> Play<'a> {
    /// A play that has not begun.
    pub fn new(global: &'a Global, lab: &'a LabClient, stage: &'a mut Stage, answer: Answer, speed: Speed) -> Self {
        let zone = stage.core.zone().name().to_owned();
        Self { global, lab, stage, answer, speed, printer: Printer::new(global, zone), report: Report::default() }
    }

    /// Plays to the end and says what came of it.
    ///
    /// # Errors
    /// When the lab or the database fails; an operator's "no" is no failure.
    pub async fn run(mut self, state: &LabState) -> Result<(), Failure> {
        let (from, end) = (instant(&state.now)?, instant(&state.end)?);
        let looks = (end.since(from) / MINUTE_MS).max(1);
        let step_ms = MINUTE_MS * ((looks + LOOKS_MAX - 1) / LOOKS_MAX);
        self.opening(state, from, end)?;
        let mut at = from;
        loop {
            let begun = tokio::time::Instant::now();
            self.look(at).await?;
            if at >= end {
                break;
            }
            let next = at.plus_ms(step_ms).min(end);
            self.pace(begun, next.since(at)).await;
            self.lab.advance(&rfc3339(next)).await.map_err(Failure::unavailable)?;
            self.stage.clock.set(next);
            at = next;
        }
        summary::tell(self.global, self.lab, self.stage, state, &self.report).await
    }

    fn opening(&mut self, state: &LabState, from: Timestamp, end: Timestamp) -> Result<(), Failure> {
        let hours = end.since(from) / (60 * MINUTE_MS);
        let text = format!(
            "Watching {} in the simulated scenario {}: {hours} hours from {}.",
            state.services.github.repository,
            state.scenario,
            rfc3339(from)
        );
        self.printer.say(&notice_doc(&NoticeView { text }))
    }

    /// One look at the world, and everything that follows from it now.
    async fn look(&mut self, at: Timestamp) -> Result<(), Failure> {
        self.stage.watch.tick().await.map_err(Failure::failed)?;
        self.work(at).await
    }

    /// Executes, tells, asks, until nothing more follows.
    async fn work(&mut self, at: Timestamp) -> Result<(), Failure> {
        loop {
            self.stage.executor.pass().await.map_err(Failure::failed)?;
            self.stage.brain.explain_news().await.map_err(Failure::failed)?;
            self.report.follow(self.global, &self.stage.core).await?;
            let printed = self.printer.drain(&self.stage.desk, at).await?;
            let mut decided = false;
            for (item, doc) in printed {
                if let View::Proposal(view) = &item.delivery.view {
                    decided |= self.ask(&view.proposal, &doc, at).await?;
                }
            }
            if !decided {
                return Ok(());
            }
        }
    }

    /// Asks for a decision and records it. True if it was recorded.
    async fn ask(&mut self, proposal: &Proposal, doc: &Doc, at: Timestamp) -> Result<bool, Failure> {
        if proposal.state != ProposalState::Pending {
            return Ok(false);
        }
        let decision = match self.answer {
            Answer::Approve => Verdict::Approve,
            Answer::Reject => Verdict::Reject,
            Answer::Ask => self.key(proposal, doc, at)?,
        };
        let request =
            DecisionRequest { decision, digest: proposal.digest.as_str().to_owned(), reason: None, step: None };
        match self.stage.desk.decide(&self.global.principal(), proposal.id, request).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind, ErrorKind::AlreadyDecided | ErrorKind::Expired) => {
                self.printer.say(&notice_doc(&NoticeView { text: error.message }))?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn key(&mut self, proposal: &Proposal, doc: &Doc, at: Timestamp) -> Result<Verdict, Failure> {
        loop {
            match read_key("", &choices_of(doc))? {
                'a' => return Ok(Verdict::Approve),
                'r' => return Ok(Verdict::Reject),
                _ => {
                    let context = self.printer.context(at);
                    self.printer.say(&details_doc(proposal, &context))?;
                }
            }
        }
    }

    /// Waits as long as the speed wants `lab_ms` of the world to last.
    async fn pace(&self, begun: tokio::time::Instant, lab_ms: i64) {
        if let Speed::Times(times) = self.speed {
            let wait = Duration::from_secs_f64((lab_ms as f64 / 1000.0 / times).max(0.0));
            tokio::time::sleep_until(begun + wait).await;
        }
    }
}
