//! Our own share of PostHog's allowance. The allowance is the team's, people included, so we stay well inside it.

use std::collections::VecDeque;

use wakeman_types::{HOUR_MS, MINUTE_MS, Timestamp};

use crate::http::Failure;

/// What PostHog allows a team in one minute, for queries.
pub const TEAM_PER_MINUTE: f64 = 240.0;
/// What PostHog allows a team in one hour, for queries.
pub const TEAM_PER_HOUR: f64 = 2_400.0;
/// One watch tick makes this many calls; a share that cannot hold one tick would never see a whole picture.
const TICK_CALLS: usize = 3;
/// Conversations get at most one call in so many: a tick a minute needs the rest.
const ASK_PART: usize = 4;

/// The calls of the last hour against what we allow ourselves.
#[derive(Debug)]
pub(super) struct Budget {
    per_minute: usize,
    per_hour: usize,
    calls: VecDeque<Timestamp>,
    /// Those of them that answered a question.
    asked: VecDeque<Timestamp>,
}

impl Budget {
    /// A budget of `share` (0–1) of the team's allowance.
    pub(super) fn new(share: f64) -> Self {
        let part = |whole: f64| ((whole * share).floor() as usize).max(TICK_CALLS);
        Self {
            per_minute: part(TEAM_PER_MINUTE),
            per_hour: part(TEAM_PER_HOUR),
            calls: VecDeque::new(),
            asked: VecDeque::new(),
        }
    }

    /// Takes one call, or says how long to wait.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.forget_before(now);
        let since = now.plus_ms(-MINUTE_MS);
        let this_minute = self.calls.iter().rev().take_while(|at| **at > since).count();
        if this_minute >= self.per_minute {
            let oldest = self.calls[self.calls.len() - this_minute];
            return Err(exhausted(this_minute, self.per_minute, "minute", oldest.plus_ms(MINUTE_MS).since(now)));
        }
        if self.calls.len() >= self.per_hour {
            let oldest = self.calls[0];
            return Err(exhausted(self.calls.len(), self.per_hour, "hour", oldest.plus_ms(HOUR_MS).since(now)));
        }
        self.calls.push_back(now);
        Ok(())
    }

    /// Takes one call for a question of a conversation: a part of the budget, so that the watch always has the rest.
    pub(super) fn take_to_ask(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.asked.retain(|at| *at <= now && *at > now.plus_ms(-HOUR_MS));
        let part = |whole: usize| (whole / ASK_PART).max(1);
        let since = now.plus_ms(-MINUTE_MS);
        let this_minute = self.asked.iter().rev().take_while(|at| **at > since).count();
        if this_minute >= part(self.per_minute) {
            let oldest = self.asked[self.asked.len() - this_minute];
            let wait_ms = oldest.plus_ms(MINUTE_MS).since(now);
            return Err(exhausted(this_minute, part(self.per_minute), "minute for questions", wait_ms));
        }
        if self.asked.len() >= part(self.per_hour) {
            let wait_ms = self.asked[0].plus_ms(HOUR_MS).since(now);
            return Err(exhausted(self.asked.len(), part(self.per_hour), "hour for questions", wait_ms));
        }
        self.take(now)?;
        self.asked.push_back(now);
        Ok(())
    }

    /// Counts a call that must not be refused: it carries out what a person approved.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.forget_before(now);
        self.calls.push_back(now);
    }

    /// Share of the hourly budget that is used, 0–1.
    pub(super) fn used(&mut self, now: Timestamp) -> f64 {
        self.forget_before(now);
        (self.calls.len() as f64 / self.per_hour as f64).min(1.0)
    }

    fn forget_before(&mut self, now: Timestamp) {
        // A clock that was set back leaves calls in the future; they would never leave otherwise.
        self.calls.retain(|at| *at <= now && *at > now.plus_ms(-HOUR_MS));
    }
}

fn exhausted(used: usize, allowed: usize, span: &str, wait_ms: i64) -> Failure {
    Failure::Limited {
        reason: format!("our own share is used up ({used} of {allowed} calls this {span}; `posthog.rateShare`)"),
        wait_ms: Some(wait_ms.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_000_000_000_000 + ms)
    }

    #[test]
    fn a_minute_and_an_hour_are_both_kept() {
        let mut budget = Budget::new(0.1);
        for call in 0..24 {
            budget.take(at(call * 100)).expect("within the minute");
        }
        let Err(Failure::Limited { wait_ms, reason }) = budget.take(at(10_000)) else {
            panic!("25th call in a minute")
        };
        assert_eq!(wait_ms, Some(50_000));
        assert!(reason.contains("24 of 24 calls this minute"), "{reason}");
        budget.take(at(60_000)).expect("the oldest has left the minute");

        let mut budget = Budget::new(0.1);
        for call in 0..240 {
            budget.take(at(call * 10_000)).expect("within the hour");
        }
        let Err(Failure::Limited { wait_ms, .. }) = budget.take(at(2_400_000)) else { panic!("241st call in an hour") };
        assert_eq!(wait_ms, Some(1_200_000));
        assert!((budget.used(at(2_400_000)) - 1.0).abs() < 1e-9);
        assert!((budget.used(at(HOUR_MS + 1_195_000)) - 0.5).abs() < 0.01);
    }

    #[test]
    fn questions_leave_the_watch_its_calls() {
        let mut budget = Budget::new(0.1);
        let mut asked = 0;
        for minute in 0..120 {
            for call in 0..60 {
                asked += usize::from(budget.take_to_ask(at(minute * MINUTE_MS + call)).is_ok());
            }
            for call in 0..3 {
                budget.take(at(minute * MINUTE_MS + 100 + call)).expect("a tick always has its calls");
            }
        }
        assert!((100..=120).contains(&asked), "and a quarter of the hour is there to ask: {asked}");
        let Err(Failure::Limited { reason, .. }) = budget.take_to_ask(at(119 * MINUTE_MS + 200)) else {
            panic!("used up")
        };
        assert!(reason.contains("for questions"), "{reason}");
    }

    #[test]
    fn an_approved_action_is_counted_but_never_refused() {
        let mut budget = Budget::new(0.01);
        for _ in 0..100 {
            budget.note(at(0));
        }
        assert!((budget.used(at(0)) - 1.0).abs() < 1e-9);
        assert!(budget.take(at(1)).is_err());
    }

    #[test]
    fn a_clock_set_back_does_not_lock_the_budget() {
        let mut budget = Budget::new(0.0125);
        for _ in 0..3 {
            budget.take(at(7_200_000)).expect("a tick always fits");
        }
        budget.take(at(0)).expect("calls from the future are forgotten");
    }
}
