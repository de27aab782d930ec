//! One operator's weeks with one policy: the simulated product, the real gateway over it, and somebody who reads what it says.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpListener;
use wakeman_gateway::{Core, notify, rank::PromotionRow};
use wakeman_lab::{Lab, LabClient};
use wakeman_ranking::{operators::Temperament, promotion::Stage as Share};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{
    Channel, ChoiceRecord, DAY_MS, ErrorKind, Finding, HOUR_MS, Interruption, OperatorId, Principal, PromoteRequest,
    Ranking, Timestamp,
};

use super::{
    judge::{Judged, incident, judge},
    person::Operator,
    scene::{Size, scenario},
};
use crate::{
    commands::demo::stage::{Stage, Wishes, instant},
    console::rfc3339,
    failure::Failure,
};

/// The policy that learns.
const LEARNS: &str = "lints-v1";
/// What decides where somebody wants no more of a kind.
const MUTE: &str = "mute";
/// When the owner asks for the promotion, each day.
const ASKS_MS: i64 = 10 * HOUR_MS;
/// The most decisions of one look.
const CHOICES_MAX: usize = 1000;

/// What is played.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The product and its time.
    pub size: Size,
    /// Days after which the learning policy decides.
    pub days_learning: i64,
    /// Draws everything.
    pub seed: u64,
    /// Who.
    pub temperament: Temperament,
    /// Whether the learning policy may decide at all.
    pub learns: bool,
}

/// One telling, and how it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// What it truly was.
    pub judged: Judged,
    /// How it was told.
    pub chosen: Interruption,
    /// By which policy.
    pub policy: String,
}

impl Telling {
    /// Kept back because somebody wanted no more of its kind, not because a policy said so.
    pub fn muted(&self) -> bool {
        self.policy == MUTE
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Everything that was told or kept back, in order.
    pub tellings: Vec<Telling>,
    /// When the first look was.
    pub from: Timestamp,
    /// When the last one was.
    pub until: Timestamp,
    /// How the learning policy came to decide; empty for who has none.
    pub promotion: String,
}

impl Course {
    /// Weeks, the last one perhaps not whole; at least one.
    pub fn weeks(&self) -> usize {
        let days = (self.until.since(self.from) + DAY_MS - 1) / DAY_MS;
        usize::try_from((days + 6) / 7).unwrap_or(1).max(1)
    }
}

impl Plan {
    /// Plays it, until it is `broken_off`.
    ///
    /// # Errors
    /// When the lab or the database fails, and when it was broken off.
    pub async fn play(self, broken_off: &AtomicBool) -> Result<Course, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let lab = Lab::hasty(scenario(self.size, self.seed));
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(wakeman_lab::serve(lab, listener, async move { stopped.await.ok() }));
        let course = self.at(&url, broken_off).await;
        served.abort();
        course
    }

    async fn at(self, url: &str, broken_off: &AtomicBool) -> Result<Course, Failure> {
        let lab = LabClient::new(url).map_err(Failure::unavailable)?;
        let state = lab.state().await.map_err(Failure::unavailable)?;
        let wishes = Wishes { seed: self.seed, llm: None, alarms_per_week: Some(self.size.alarms_per_week) };
        // Somebody at a terminal; nobody's account of this machine.
        let who = Principal::new(Channel::Cli, "1");
        let stage = Stage::build(&who, &lab, &state, wishes).await?;
        let (from, end) = (instant(&state.now)?, instant(&state.end)?);
        let whose = self.seed.wrapping_mul(31).wrapping_add(self.temperament as u64);
        let course = Course { tellings: Vec::new(), from, until: end, promotion: String::new() };
        let mut play = Play { plan: self, lab, stage, operator: Operator::new(who, whose), course };
        let played = play.weeks(from, end, broken_off).await;
        play.stage.close().await;
        played.map(|()| play.course)
    }
}

struct Play {
    plan: Plan,
    lab: LabClient,
    stage: Stage,
    operator: Operator,
    course: Course,
}

impl Play {
    async fn weeks(&mut self, from: Timestamp, end: Timestamp, broken_off: &AtomicBool) -> Result<(), Failure> {
        let mut at = from;
        loop {
            if broken_off.load(Ordering::Relaxed) {
                return Err(Failure::interrupted());
            }
            self.look(at).await?;
            if at >= end {
                return Ok(());
            }
            let next = at.plus_ms(self.plan.size.look_ms).min(end);
            while let Some(intent) = self.operator.next_before(next) {
                self.go(intent.at).await?;
                self.operator.does(&mut self.stage, &intent).await?;
            }
            if self.plan.learns {
                self.promotes(at, next, from).await?;
            }
            self.go(next).await?;
            at = next;
        }
    }

    /// The world and our clock move on.
    async fn go(&self, to: Timestamp) -> Result<(), Failure> {
        self.lab.advance(&rfc3339(to)).await.map_err(Failure::unavailable)?;
        self.stage.clock.set(to);
        Ok(())
    }

    async fn look(&mut self, at: Timestamp) -> Result<(), Failure> {
        self.stage.watch.tick().await.map_err(Failure::failed)?;
        self.stage.executor.pass().await.map_err(Failure::failed)?;
        notify::pass(&self.stage.core).await.map_err(Failure::failed)?;
        self.tally(at).await?;
        self.operator.reads(&self.stage.desk, at).await
    }

    /// What was decided at this look, judged by the scenario.
    async fn tally(&mut self, at: Timestamp) -> Result<(), Failure> {
        let core = &self.stage.core;
        let query = ListQuery::oldest(CHOICES_MAX).since(at.ms());
        let choices = core.store.list::<ChoiceRecord>(&query).await.map_err(Failure::failed)?.items;
        if choices.is_empty() {
            return Ok(());
        }
        let truth = self.lab.truth().await.map_err(Failure::unavailable)?;
        for choice in choices.into_iter().map(|found| found.value) {
            let Some(finding) = finding(core, &choice).await? else { continue };
            let judged = judge(self.plan.temperament, &choice, &finding, incident(&truth, &finding, at)?);
            self.operator.expects(&choice, &judged);
            self.course.tellings.push(Telling { judged, chosen: choice.chosen, policy: choice.policy });
        }
        Ok(())
    }

    /// The owner asks for the promotion each day, and approves the card. What the product refuses for want of evidence until the learning
    /// weeks are over is promoted then all the same: what is studied is the policy, not the proof.
    async fn promotes(&mut self, at: Timestamp, next: Timestamp, from: Timestamp) -> Result<(), Failure> {
        let due = |ms: i64| at.since(from) < ms && ms <= next.since(from);
        let over_ms = self.plan.days_learning * DAY_MS;
        let asks = (0..self.plan.days_learning).any(|day| due(day * DAY_MS + ASKS_MS));
        if self.course.promotion.starts_with("promoted") || !(asks || due(over_ms)) {
            return Ok(());
        }
        let request = PromoteRequest { policy: LEARNS.to_owned() };
        match self.stage.desk.promote(self.operator.who(), request).await {
            Ok(card) => {
                self.operator.yes(&self.stage.desk, &card.proposal).await?;
                self.stage.executor.pass().await.map_err(Failure::failed)?;
                self.course.promotion = format!("promoted on day {} by its own evidence", at.since(from) / DAY_MS);
            }
            Err(error) if error.kind == ErrorKind::Refused => self.course.promotion = error.message,
            Err(error) => return Err(error.into()),
        }
        if due(over_ms) { self.all_to_it(next).await } else { Ok(()) }
    }

    async fn all_to_it(&self, now: Timestamp) -> Result<(), Failure> {
        let row = PromotionRow {
            policy: LEARNS.to_owned(),
            stage: Share::Whole,
            since: now,
            by: OperatorId::new("you"),
            begun: now,
            proposal: None,
        };
        let commit = Commit::durable(now).put(&row);
        self.stage.core.store.commit(commit).await.map(drop).map_err(Failure::failed)
    }
}

async fn finding(core: &Core, choice: &ChoiceRecord) -> Result<Option<Finding>, Failure> {
    let found = core.store.get::<Finding>(&choice.finding.to_string()).await.map_err(Failure::failed)?;
    Ok(found.map(|found| found.value))
}
