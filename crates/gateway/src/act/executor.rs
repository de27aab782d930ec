//! The executor: intent on the disk, then the call, then the receipt. It works only from what was committed.
//!
//! One step at a time: check the world (`ready`), commit the intent (durable), call, commit the outcome. A step with an intent and
//! no outcome was interrupted: the remote is asked (`reconcile`) before anything is called again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all, ready as now_ready},
    stream,
};
use serde_json::{Value, json};
use wakeman_store::{Commit, Committed, Conflict, ListQuery, StoreError, Version, Versioned, crash};
use wakeman_types::{
    Action, Control, DeliveryClass, Entity, Finding, MINUTE_MS, Outcome, Proposal, ProposalState, Severity, Thread,
    Timestamp,
};

use super::{
    approved::{Approved, NotApproved, approves},
    catalogue::{ActionClass, Readiness, Reconciled, StepContext, class, marker, ready, resolve_references},
    chains::{Chain, by_host},
    decide::{Yes, rule_of},
    late::{GRACE_MS, WAIT_MS_MAX, too_late, waits_for_its_turn, window_closed},
    lifecycle::{Command, step},
    record::{card_post, settled_post},
    verify::check_of,
};
use crate::{
    core::Core,
    deliver::ThreadWriter,
    modes::{self, Standing},
    ports::HandsError,
};

/// Proposals read at once.
const PAGE: usize = 500;
/// Proposals for one host that are worked on at the same time.
const AT_ONCE: usize = 8;
/// Calls of one step before it is given up. Only calls that certainly did nothing are repeated.
const TRIES_MAX: u32 = 3;
/// Wait before a repeated call, times the number of calls so far.
const RETRY_MS: i64 = 20_000;
/// A step that is looked at later than due by this much was not looked at meanwhile: the instance was halted or down.
const ASLEEP_MS: i64 = 2 * MINUTE_MS;
/// How often an ending makes room for others speaking in the same thread.
const THREAD_RACES_MAX: u32 = 32;

/// Runs approved proposals. Everything it must remember is in the store.
pub struct Executor {
    core: Arc<Core>,
    closing: AtomicBool,
}

/// A proposal on its way through its steps.
struct Run<'a> {
    core: &'a Core,
    proposal: Proposal,
    version: Version,
    /// Its host did not answer, or not in words that say for how long to wait.
    unheard: bool,
}

/// What one step came to.
enum Progress {
    /// Its outcome is recorded; go on.
    Settled,
    /// It waits; come back later.
    Waiting,
    /// The proposal ended, or somebody else is working on it.
    Stop,
}

impl Executor {
    /// An executor over this instance.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, closing: AtomicBool::new(false) }
    }

    /// Begins no further step from now on.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Takes every approved or begun proposal as far as it goes now. Returns how many are still under way.
    ///
    /// # Errors
    /// [`StoreError`] if the list cannot be read; a failure of one proposal never stops the others.
    pub async fn pass(&self) -> Result<usize, StoreError> {
        if let Err(error) = modes::decide_unattended(&self.core).await {
            tracing::error!(%error, "act.unattended");
        }
        let mut under_way = ListQuery::oldest(PAGE).state("approved").state("executing");
        let mut left = 0;
        // Page by page: however many wait, none keeps a later one from its turn.
        loop {
            let page = self.core.store.list::<Proposal>(&under_way).await?;
            left +=
                join_all(by_host(page.items).into_iter().map(|chains| self.host(chains))).await.iter().sum::<usize>();
            match page.next {
                Some(next) => under_way = under_way.after(Some(next)),
                None => return Ok(left),
            }
        }
    }

    /// What goes to one host, some of it at the same time. How many are still under way.
    async fn host(&self, chains: Vec<Chain>) -> usize {
        let unheard = AtomicBool::new(false);
        let all: Vec<BoxFuture<'_, usize>> =
            chains.into_iter().map(|chain| self.chain(chain, &unheard).boxed()).collect();
        stream::iter(all).buffer_unordered(AT_ONCE).fold(0, |left, more| now_ready(left + more)).await
    }

    /// One after the other. A host that did not answer one is left for the next pass: each would wait as long as the first.
    async fn chain(&self, chain: Chain, unheard: &AtomicBool) -> usize {
        let mut left = 0;
        for stored in chain {
            let over = !self.is_closing() && !unheard.load(Ordering::SeqCst) && self.take(stored, unheard).await;
            left += usize::from(!over);
        }
        left
    }

    /// One of them. True when it ended.
    async fn take(&self, stored: Versioned<Proposal>, unheard: &AtomicBool) -> bool {
        let id = stored.value.id;
        let ended = match Approved::check(&self.core, stored).await {
            Ok(approved) => {
                let mut run = Run::new(&self.core, approved.proposal, approved.version);
                let ended = self.carry_on(&mut run, &approved.yes).await;
                unheard.fetch_or(run.unheard, Ordering::SeqCst);
                ended
            }
            Err(unread @ NotApproved::Unread { .. }) => {
                tracing::error!(proposal.id = %id, error = %unread, "act.drive");
                Ok(false)
            }
            Err(reason) => self.refuse(id, reason.to_string()).await.map(|()| true),
        };
        ended.unwrap_or_else(|error| {
            tracing::error!(proposal.id = %id, %error, "act.drive");
            false
        })
    }

    /// Takes one proposal as far as it goes now. True when it ended.
    ///
    /// # Errors
    /// [`StoreError`] if its progress could not be recorded; what was not recorded is asked for at the remote next time.
    pub async fn drive(&self, approved: Approved) -> Result<bool, StoreError> {
        self.carry_on(&mut Run::new(&self.core, approved.proposal, approved.version), &approved.yes).await
    }

    async fn carry_on(&self, run: &mut Run<'_>, yes: &Yes) -> Result<bool, StoreError> {
        let late = self.core.now().since(run.proposal.expires_at) > GRACE_MS;
        if run.proposal.state == ProposalState::Approved && late && !waits_for_its_turn(&run.proposal, self.core.now())
        {
            let why = "it was approved, but the time in which it may begin ran out; ask for a new proposal";
            run.end(Command::Expire, Some(why.into())).await?;
            return Ok(true);
        }
        if run.proposal.state == ProposalState::Approved
            && let Some(reason) = modes::still_allows(&self.core, &modes::standing(&self.core).await?, &run.proposal)
        {
            run.end(Command::Fail, Some(format!("it was to run unattended, but {reason}"))).await?;
            return Ok(true);
        }
        for index in 0..run.proposal.steps.len() {
            if run.proposal.steps[index].outcome.is_some() {
                continue;
            }
            if self.is_closing() {
                return Ok(false);
            }
            if !approves(&run.proposal, yes, &run.proposal.steps[index]) {
                run.end(Command::Pause, None).await?;
                return Ok(true);
            }
            if run.proposal.steps[index].intended_at.is_none() && too_late(&run.proposal, self.core.now()) {
                run.fail(index, window_closed(&run.proposal)).await?;
                return Ok(true);
            }
            match run.advance(index).await? {
                Progress::Settled => {}
                Progress::Waiting => return Ok(false),
                Progress::Stop => return Ok(true),
            }
        }
        run.succeed().await?;
        Ok(true)
    }

    async fn refuse(&self, id: wakeman_types::ProposalId, reason: String) -> Result<(), StoreError> {
        let Some(found) = self.core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(()) };
        let mut run = Run::new(&self.core, found.value, found.version);
        tracing::error!(proposal.id = %id, reason, "act.refused");
        run.end(Command::Fail, Some(reason)).await
    }
}

/// What an earlier step returned may have brought a credential of ours with it.
fn core_check(core: &Core, action: &Action) -> Result<(), String> {
    core.guard.check("", &json!(action))
}

impl<'a> Run<'a> {
    const fn new(core: &'a Core, proposal: Proposal, version: Version) -> Self {
        Self { core, proposal, version, unheard: false }
    }

    /// Takes note of a host that was asked in vain.
    fn heard(&mut self, error: &HandsError) {
        self.unheard |= matches!(error, HandsError::InDoubt { .. } | HandsError::NotDone { not_before: None, .. });
    }

    async fn advance(&mut self, index: usize) -> Result<Progress, StoreError> {
        let now = self.core.now();
        if self.proposal.steps[index].not_before.is_some_and(|at| at > now) {
            return Ok(Progress::Waiting);
        }
        let action = match resolve_references(&self.proposal.steps[index], &self.proposal.steps) {
            Ok(action) => action,
            Err(reason) => return self.fail(index, format!("step {}: {reason}", index + 1)).await,
        };
        let Some(class) = class(&action.kind) else {
            return self.fail(index, format!("no action is called {}", action.kind)).await;
        };
        let whole = || core_check(self.core, &action);
        if let Err(reason) = class.check(&action).and_then(|()| whole()) {
            return self.fail(index, reason).await;
        }
        if self.proposal.steps[index].intended_at.is_some() {
            return self.resume(index, class, &action).await;
        }
        if !modes::standing(self.core).await?.may_call() {
            return Ok(Progress::Waiting);
        }
        match ready(class, self.context(index, &action)).await {
            Ok(Readiness::Ready) => {}
            Ok(Readiness::Wait { waiting_for, until }) => return self.wait(index, waiting_for, until).await,
            Err(HandsError::Permanent { reason } | HandsError::Precondition { reason })
                if self.proposal.steps[index].tries > 0 =>
            {
                return self.refused(index, class, &action, reason).await;
            }
            Err(error) => return self.not_ready(index, error).await,
        }
        match self.intend(index).await? {
            Some(progress) => Ok(progress),
            None => self.call(index, class, &action).await,
        }
    }

    fn context<'b>(&'b self, index: usize, action: &'b Action) -> StepContext<'b> {
        StepContext {
            core: self.core,
            hands: &self.core.hands,
            proposal: self.proposal.id,
            number: self.proposal.steps[index].number,
            action,
            drafted_at: self.proposal.created_at,
            waiting_since: self.proposal.steps[index].waiting_since,
            now: self.core.now(),
        }
    }

    /// Commits the intent, durably, before the first byte leaves. `None`: it is committed; call. A halt that comes first makes it
    /// conflict, so no intent is ever committed under one.
    async fn intend(&mut self, index: usize) -> Result<Option<Progress>, StoreError> {
        let standing = modes::standing(self.core).await?;
        if !standing.may_call() {
            return Ok(Some(Progress::Waiting));
        }
        let before = self.proposal.clone();
        let now = self.core.now();
        if self.proposal.state == ProposalState::Approved {
            self.proposal.state = ProposalState::Executing;
            self.proposal.state_since = now;
        }
        let key = marker(&self.core.instance, self.proposal.id, self.proposal.steps[index].number);
        let step = &mut self.proposal.steps[index];
        step.intended_at = Some(now);
        step.idempotency_key = Some(key);
        step.tries += 1;
        (step.not_before, step.waiting_for, step.waiting_since) = (None, None, None);
        let number = step.number;
        let kind = step.action.kind.clone();
        let payload = json!({"step": number, "kind": kind, "digest": self.proposal.digest.as_str()});
        let event = self.core.event("proposal.intent", "system:executor", self.proposal.id, payload);
        let commit = Commit::durable(now).expect(&Standing::row(), standing.version);
        match self.core.store.commit(commit.replace(&self.proposal, self.version).event(event)).await? {
            Committed::Seq(_) => {
                self.version = self.version.next();
                Ok(None)
            }
            Committed::Conflict(Conflict::Version { entity, .. }) if entity.kind == Control::KIND => {
                // Somebody changed mode or halt just now: look again in the next pass.
                self.proposal = before;
                Ok(Some(Progress::Waiting))
            }
            Committed::Conflict(conflict) => {
                tracing::warn!(proposal.id = %self.proposal.id, %conflict, "act.moved_by_others");
                Ok(Some(Progress::Stop))
            }
        }
    }

    /// A halt came between the intent and the call. Nothing was called, so the intent is taken back.
    async fn hold(&mut self, index: usize) -> Result<Progress, StoreError> {
        let step = &mut self.proposal.steps[index];
        step.tries = step.tries.saturating_sub(1);
        if step.tries == 0 {
            // What was called before may still arrive: that step is asked about again before anything else.
            step.intended_at = None;
        }
        let landed = self.save("proposal.held", json!({"step": index + 1}), true).await?;
        Ok(if landed { Progress::Waiting } else { Progress::Stop })
    }

    async fn call(&mut self, index: usize, class: &dyn ActionClass, action: &Action) -> Result<Progress, StoreError> {
        if !modes::standing(self.core).await?.may_call() {
            return self.hold(index).await;
        }
        crash::reach("call.before");
        let result = class.run(self.context(index, action)).await;
        crash::reach("call.after");
        if let Err(error) = &result {
            self.heard(error);
        }
        match result {
            Ok(output) => self.done(index, output).await,
            // It still waited for its turn at the host when the halt came.
            Err(HandsError::NotDone { .. }) if self.core.hands.gate.is_shut() => self.hold(index).await,
            Err(HandsError::InDoubt { reason }) => {
                tracing::warn!(proposal.id = %self.proposal.id, reason, "act.in_doubt");
                let until = self.core.now().plus_ms(RETRY_MS);
                self.wait(index, format!("word on what became of it ({reason})"), until).await
            }
            Err(HandsError::NotDone { reason, not_before }) => self.again(index, reason, not_before).await,
            Err(HandsError::Permanent { reason } | HandsError::Precondition { reason }) => {
                let repeated = self.proposal.steps[index].tries > 1;
                if repeated { self.refused(index, class, action, reason).await } else { self.fail(index, reason).await }
            }
        }
    }

    /// The remote refuses a repeated call. If an earlier one arrived late, that is because it is done already.
    async fn refused(
        &mut self,
        index: usize,
        class: &dyn ActionClass,
        action: &Action,
        reason: String,
    ) -> Result<Progress, StoreError> {
        match class.reconcile(self.context(index, action)).await {
            Ok(Reconciled::Done(output)) => self.done(index, output).await,
            _ => self.fail(index, reason).await,
        }
    }

    /// A step that was begun before: ask the remote what became of it.
    async fn resume(&mut self, index: usize, class: &dyn ActionClass, action: &Action) -> Result<Progress, StoreError> {
        crash::reach("reconcile.before");
        let answer = class.reconcile(self.context(index, action)).await;
        crash::reach("reconcile.after");
        if let Err(error) = &answer {
            self.heard(error);
        }
        match answer {
            Ok(Reconciled::Done(output)) => self.done(index, output).await,
            Ok(Reconciled::Repeat) if too_late(&self.proposal, self.core.now()) => {
                self.fail(index, window_closed(&self.proposal)).await
            }
            Ok(Reconciled::Repeat) if self.proposal.steps[index].tries < TRIES_MAX => {
                self.proposal.steps[index].intended_at = None;
                match ready(class, self.context(index, action)).await {
                    Ok(Readiness::Ready) => match self.intend(index).await? {
                        Some(progress) => Ok(progress),
                        None => self.call(index, class, action).await,
                    },
                    Ok(Readiness::Wait { waiting_for, until }) => self.wait(index, waiting_for, until).await,
                    Err(HandsError::Permanent { reason } | HandsError::Precondition { reason }) => {
                        self.refused(index, class, action, reason).await
                    }
                    Err(error) => self.not_ready(index, error).await,
                }
            }
            Ok(Reconciled::Repeat) => {
                self.fail(index, format!("it was tried {TRIES_MAX} times and did not happen")).await
            }
            Ok(Reconciled::Unknown(reason)) => self.doubt(index, reason).await,
            Err(HandsError::Permanent { reason } | HandsError::Precondition { reason }) => {
                self.doubt(index, reason).await
            }
            Err(HandsError::NotDone { reason, not_before }) => {
                let until = not_before.unwrap_or_else(|| self.core.now().plus_ms(RETRY_MS));
                self.wait(index, format!("word on what became of it ({reason})"), until).await
            }
            Err(HandsError::InDoubt { reason }) => {
                let until = self.core.now().plus_ms(RETRY_MS);
                self.wait(index, format!("word on what became of it ({reason})"), until).await
            }
        }
    }

    /// The world could not be checked, or is not as it was shown. Nothing was called.
    async fn not_ready(&mut self, index: usize, error: HandsError) -> Result<Progress, StoreError> {
        self.heard(&error);
        match error {
            HandsError::Precondition { reason } | HandsError::Permanent { reason } => self.fail(index, reason).await,
            HandsError::NotDone { reason, not_before } => {
                let until = not_before.unwrap_or_else(|| self.core.now().plus_ms(RETRY_MS));
                self.wait(index, reason, until).await
            }
            HandsError::InDoubt { reason } => {
                let until = self.core.now().plus_ms(RETRY_MS);
                self.wait(index, reason, until).await
            }
        }
    }

    async fn again(
        &mut self,
        index: usize,
        reason: String,
        not_before: Option<Timestamp>,
    ) -> Result<Progress, StoreError> {
        let tries = self.proposal.steps[index].tries;
        if tries >= TRIES_MAX {
            return self.fail(index, format!("{reason}; tried {tries} times")).await;
        }
        self.proposal.steps[index].intended_at = None;
        let until = not_before.unwrap_or_else(|| self.core.now().plus_ms(RETRY_MS * i64::from(tries)));
        self.wait(index, reason, until).await
    }

    async fn wait(&mut self, index: usize, waiting_for: String, until: Timestamp) -> Result<Progress, StoreError> {
        let now = self.core.now();
        let step = &mut self.proposal.steps[index];
        // Nobody asks while halted or down: what was not looked at does not count as waited.
        let asleep = step.not_before.is_some_and(|at| now.since(at) > ASLEEP_MS);
        let since = step.waiting_since.filter(|_| !asleep).unwrap_or(now);
        step.waiting_since = Some(since);
        if now.since(since) > WAIT_MS_MAX {
            let begun = self.proposal.steps[index].intended_at.is_some();
            let reason = format!("it waited an hour for {waiting_for}");
            return if begun { self.doubt(index, reason).await } else { self.fail(index, reason).await };
        }
        let step = &mut self.proposal.steps[index];
        (step.not_before, step.waiting_for) = (Some(until), Some(waiting_for.clone()));
        let landed = self.save("proposal.waiting", json!({"step": index + 1, "for": waiting_for}), false).await?;
        Ok(if landed { Progress::Waiting } else { Progress::Stop })
    }

    async fn done(&mut self, index: usize, output: Value) -> Result<Progress, StoreError> {
        let now = self.core.now();
        let step = &mut self.proposal.steps[index];
        step.settled_at = Some(now);
        step.outcome = Some(Outcome::Done { output: output.clone() });
        (step.not_before, step.waiting_for, step.waiting_since) = (None, None, None);
        let landed = self.save("proposal.step_done", json!({"step": index + 1, "output": output}), true).await?;
        Ok(if landed { Progress::Settled } else { Progress::Stop })
    }

    async fn fail(&mut self, index: usize, reason: String) -> Result<Progress, StoreError> {
        let step = &mut self.proposal.steps[index];
        step.settled_at = Some(self.core.now());
        step.outcome = Some(Outcome::Failed { reason: reason.clone() });
        self.end(Command::Fail, Some(reason)).await?;
        Ok(Progress::Stop)
    }

    async fn doubt(&mut self, index: usize, reason: String) -> Result<Progress, StoreError> {
        self.proposal.steps[index].outcome = Some(Outcome::Unknown { reason: reason.clone() });
        self.end(Command::Doubt, Some(reason)).await?;
        Ok(Progress::Stop)
    }

    async fn succeed(&mut self) -> Result<(), StoreError> {
        self.end(Command::Succeed, None).await
    }

    /// Ends the execution, or this part of it: state, journal, message and, after a success, the check that it helped, in one commit.
    async fn end(&mut self, command: Command, note: Option<String>) -> Result<(), StoreError> {
        let now = self.core.now();
        let (state, command, note) = match step(self.proposal.state, command) {
            Ok(state) => (state, command, note),
            // Its record says what cannot be, as somebody else wrote it: who may, looks.
            Err(_) => match step(self.proposal.state, Command::Doubt) {
                Ok(state) => (state, Command::Doubt, Some(self.doubts_itself())),
                Err(_) => return Ok(()),
            },
        };
        (self.proposal.state, self.proposal.state_since, self.proposal.note) = (state, now, note.clone());
        if command == Command::Pause {
            // The next step has a window of its own.
            self.proposal.expires_at = now.plus_ms(rule_of(self.core, &self.proposal).expires_ms);
        }
        let finding = match self.proposal.finding {
            Some(id) => self.core.store.get::<Finding>(&id.to_string()).await?.map(|found| found.value),
            None => None,
        };
        let severity = match command {
            Command::Succeed => Severity::Info,
            // A card again, as loud as the first.
            Command::Pause => {
                finding.as_ref().map_or(Severity::Warning, |finding| finding.severity.max(Severity::Warning))
            }
            _ => Severity::Warning,
        };
        for _ in 0..THREAD_RACES_MAX {
            let commit = self.ending(command, severity, finding.clone()).await?;
            match self.core.store.commit(commit).await? {
                Committed::Seq(_) => {
                    self.version = self.version.next();
                    return Ok(());
                }
                // Somebody spoke in the thread at the same moment: say it after them.
                Committed::Conflict(Conflict::Version { entity, .. }) if entity.kind == Thread::KIND => {}
                Committed::Conflict(conflict) => {
                    tracing::warn!(proposal.id = %self.proposal.id, %conflict, "act.moved_by_others");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// It says that it is done, but not that it began.
    fn doubts_itself(&mut self) -> String {
        let reason = "its record says that it is done and not that it began; look whether it took effect".to_owned();
        if let Some(last) = self.proposal.steps.last_mut() {
            last.outcome = Some(Outcome::Unknown { reason: reason.clone() });
        }
        reason
    }

    async fn ending(
        &self,
        command: Command,
        severity: Severity,
        finding: Option<Finding>,
    ) -> Result<Commit, StoreError> {
        let now = self.core.now();
        let proposal = &self.proposal;
        let paused = command == Command::Pause;
        let became = if paused { "paused" } else { proposal.state.name() };
        let mut commit = Commit::durable(now).replace(proposal, self.version).event(self.core.event(
            &format!("proposal.{became}"),
            "system:executor",
            proposal.id,
            json!({"note": proposal.note, "digest": proposal.digest.as_str()}),
        ));
        if command == Command::Succeed
            && let Some(check) = check_of(proposal, finding.as_ref(), now)
        {
            commit = commit.put(&check);
        }
        if let Some(mut thread) = ThreadWriter::load(self.core, &proposal.thread).await? {
            let post = match paused {
                true => card_post(proposal, severity),
                false => settled_post(proposal, finding, None, DeliveryClass::Note, severity),
            };
            thread.say(self.core, post);
            commit = thread.finish(commit);
        }
        Ok(commit)
    }

    async fn save(&mut self, event: &str, payload: Value, durable: bool) -> Result<bool, StoreError> {
        let now = self.core.now();
        let commit = if durable { Commit::durable(now) } else { Commit::new(now) };
        let event = self.core.event(event, "system:executor", self.proposal.id, payload);
        self.land(commit.replace(&self.proposal, self.version).event(event)).await
    }

    async fn land(&mut self, commit: Commit) -> Result<bool, StoreError> {
        match self.core.store.commit(commit).await? {
            Committed::Seq(_) => {
                self.version = self.version.next();
                Ok(true)
            }
            Committed::Conflict(conflict) => {
                tracing::warn!(proposal.id = %self.proposal.id, %conflict, "act.moved_by_others");
                Ok(false)
            }
        }
    }
}
