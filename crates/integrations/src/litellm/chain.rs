//! Tries of one call: which alias, when, how often, until when.
//!
//! The first alias is asked unless it rests and the fallback does not. What may pass is tried again, after a pause with jitter, at once
//! where the other alias is free. Everything ends by the deadline; a pause that would reach it is not begun.

#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{Bill, Clock, ModelError, Random};
use wakeman_types::Timestamp;

use super::guard::Guard;
use super::trouble::Trouble;

/// Most tries of one call, over all aliases.
const TRIES_MAX: u32 = 3;
/// The first pause; each further one is twice as long, half of it by chance.
const PAUSE_MS: i64 = 400;
/// Longest pause that nobody asked for.
const PAUSE_MS_MAX: i64 = 4_000;

/// How far the answer has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    started: AtomicBool,
    said: Mutex<String>,
}

impl Progress {
    /// Something of the answer has come: the host is at work.
    pub(super) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Words are passed on: from here on nothing is tried again.
    pub(super) fn say(&self, words: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push_str(words);
    }

    fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a call is to keep to.
pub(super) struct Plan<'a> {
    /// The alias, then its fallback.
    pub(super) aliases: Vec<&'a str>,
    pub(super) deadline: Timestamp,
    pub(super) progress: &'a Progress,
}

/// Shared by all calls of one adapter.
pub(super) struct Chain {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    guard: Guard,
}

/// Where a call stands between two tries.
#[derive(Default)]
struct Course<'a> {
    tries: u32,
    last: Option<(&'a str, Trouble)>,
    /// Aliases that will not do for this call.
    out: Vec<&'a str>,
    /// What the tries are billed that came to nothing.
    billed: Vec<Bill>,
}

impl Chain {
    pub(super) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, guard: Guard::default() }
    }

    /// Runs `ask` with an alias until it works or nothing more may be tried. Also what the tries are billed that came to nothing.
    pub(super) async fn run<'a, T>(
        &self,
        plan: &Plan<'a>,
        ask: impl Fn(&'a str) -> BoxFuture<'a, Result<T, Trouble>>,
    ) -> (Result<T, ModelError>, Vec<Bill>) {
        let mut course = Course::default();
        let result = self.tries(plan, &mut course, ask).await;
        (result, course.billed)
    }

    async fn tries<'a, T>(
        &self,
        plan: &Plan<'a>,
        course: &mut Course<'a>,
        ask: impl Fn(&'a str) -> BoxFuture<'a, Result<T, Trouble>>,
    ) -> Result<T, ModelError> {
        let begun = self.clock.now();
        let limit_ms = plan.deadline.since(begun);
        loop {
            let now = self.clock.now();
            if now >= plan.deadline {
                return Err(ModelError::TimedOut { limit_ms });
            }
            if let Some(trouble) = self.guard.breaker(now) {
                return Err(trouble.into_error(now));
            }
            let alias = match self.next(plan, course, now) {
                Ok((alias, not_before)) => {
                    if not_before > now {
                        self.clock.sleep_until(not_before).await;
                    }
                    alias
                }
                Err(error) => return Err(error),
            };
            course.tries += 1;
            match self.attempt(plan, course, alias, ask(alias)).await {
                Some(Ok(answer)) => {
                    self.guard.worked(alias);
                    return Ok(answer);
                }
                Some(Err(trouble)) => {
                    let now = self.clock.now();
                    self.guard.failed(alias, &trouble, now);
                    course.billed.extend(trouble.bill());
                    tracing::debug!(model.alias = alias, model.tries = course.tries, "model.try_failed");
                    if !plan.progress.said().is_empty() || course.tries == TRIES_MAX || !trouble.may_work_elsewhere() {
                        return Err(trouble.into_error(now));
                    }
                    if !trouble.may_pass() {
                        course.out.push(alias);
                    }
                    course.last = Some((alias, trouble));
                }
                None => {
                    let said = plan.progress.said();
                    // Words came, so somebody is billed; the sum would have stood at the end.
                    course.billed.extend((!said.is_empty()).then(Bill::default));
                    return Err(out_of_time(said, limit_ms));
                }
            }
        }
    }

    /// Which alias is asked next and not before when; or why none is.
    fn next<'a>(
        &self,
        plan: &Plan<'a>,
        course: &Course<'a>,
        now: Timestamp,
    ) -> Result<(&'a str, Timestamp), ModelError> {
        let left = plan.aliases.iter().filter(|alias| !course.out.contains(alias));
        // The one that is free; of those that rest the one that rests the shortest; the first of equals.
        let best = left.min_by_key(|alias| self.guard.rests_until(alias, now)).copied();
        let Some(alias) = best else {
            let (_, trouble) = course.last.clone().unwrap_or(("", Trouble::unavailable("no alias is left")));
            return Err(trouble.into_error(now));
        };
        let again = course.last.as_ref().is_some_and(|(last, _)| *last == alias);
        let pause_ms = if again { self.pause_ms(course.tries) } else { 0 };
        let mut not_before = now.plus_ms(pause_ms);
        let mut why = course.last.as_ref().map(|(_, trouble)| trouble.clone());
        if let Some((until, trouble)) = self.guard.closed(alias, now) {
            if let Trouble::Denied { .. } = trouble {
                return Err(trouble.into_error(now));
            }
            if until > not_before {
                not_before = until;
                why = Some(waiting(trouble, until, now));
            }
        }
        match why {
            Some(trouble) if not_before >= plan.deadline => Err(trouble.into_error(now)),
            _ => Ok((alias, not_before)),
        }
    }

    fn pause_ms(&self, tries: u32) -> i64 {
        let whole = (PAUSE_MS << tries.saturating_sub(1).min(8)).min(PAUSE_MS_MAX);
        let chance = i64::try_from(self.random.number() % (whole as u64 / 2 + 1)).unwrap_or(0);
        whole / 2 + chance
    }

    /// One try. `None`: the deadline passed.
    async fn attempt<'a, T>(
        &self,
        plan: &Plan<'a>,
        course: &Course<'a>,
        alias: &str,
        mut asked: BoxFuture<'a, Result<T, Trouble>>,
    ) -> Option<Result<T, Trouble>> {
        let now = self.clock.now();
        let others = plan.aliases.iter().filter(|other| **other != alias && !course.out.contains(other));
        let relieved = others.clone().any(|other| self.guard.rests_until(other, now).is_none());
        if relieved && course.tries < TRIES_MAX {
            // A host that says nothing must not use up the time in which the fallback could answer.
            let patience_ms = plan.deadline.since(now) * 2 / 3;
            tokio::select! {
                biased;
                answer = &mut asked => return Some(answer),
                () = self.clock.sleep_until(now.plus_ms(patience_ms)) => {
                    if !plan.progress.has_started() {
                        return Some(Err(Trouble::unavailable(format!("no first word within {} s", patience_ms / 1_000))));
                    }
                }
            }
        }
        tokio::select! {
            biased;
            answer = &mut asked => Some(answer),
            () = self.clock.sleep_until(plan.deadline) => None,
        }
    }
}

/// What was said is kept: it was shown to somebody.
fn out_of_time(text: String, limit_ms: i64) -> ModelError {
    if text.is_empty() {
        return ModelError::TimedOut { limit_ms };
    }
    ModelError::Cut { text, reason: format!("it was cut off after {} s (ai.timeoutMs bounds it)", limit_ms / 1_000) }
}

/// The same rate limit, as much later as it was told.
fn waiting(trouble: Trouble, until: Timestamp, now: Timestamp) -> Trouble {
    match trouble {
        Trouble::Limited { reason, .. } => Trouble::Limited { reason, wait_ms: Some(until.since(now)) },
        other => other,
    }
}
