//! The pace of what changes something at a host: GitHub asks for a second between two writes, and nobody minds a little at once. A host
//! that says "later" is left alone until then: going on makes it longer.
//!
//! # Source
//! The generic cell rate algorithm (ITU-T I.371): one cell a second, ten at once.

use std::sync::{Mutex, PoisonError};

use wakeman_gateway::ports::{Clock, WriteGate};
use wakeman_types::{MINUTE_MS, Timestamp};

use super::Failure;

/// What is waited when a host limits without saying for how long.
pub(crate) const LIMIT_WAIT_MS: i64 = MINUTE_MS;
/// Between two writes, once the first ones are out.
const EVERY_MS: i64 = 1_000;
/// Writes that may go out at once.
const AT_ONCE: i64 = 10;

/// The writes to one host.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Shut while nothing may be changed.
    gate: WriteGate,
    /// When the writes so far would be over, were each its whole second long.
    busy_until: Mutex<Timestamp>,
    /// What the host asked for last.
    pause: Mutex<Option<Pause>>,
}

/// A host asked to be left alone.
#[derive(Debug)]
struct Pause {
    from: Timestamp,
    until: Timestamp,
    reason: String,
}

impl Pace {
    /// Writes that go out while `gate` is open.
    pub(crate) fn new(gate: WriteGate) -> Self {
        Self { gate, ..Self::default() }
    }

    /// When the next write may begin. The place is taken.
    fn take(&self, now: Timestamp) -> Timestamp {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was put back far does not make it wait for the time that was.
        let begun = (*busy_until).max(now).min(now.plus_ms(60 * EVERY_MS));
        *busy_until = begun.plus_ms(EVERY_MS);
        begun.plus_ms(-(AT_ONCE - 1) * EVERY_MS).max(now)
    }

    /// Waits for the next write's turn.
    ///
    /// # Errors
    /// [`Failure::Limited`] while the host wants to be left alone, [`Failure::NotSent`] while nothing may be changed. Nothing was sent.
    pub(crate) async fn wait(&self, clock: &dyn Clock) -> Result<(), Failure> {
        let now = clock.now();
        self.open(now)?;
        let turn = self.take(now);
        if turn > now {
            clock.sleep_until(turn).await;
        }
        // Meanwhile another call may have been told to wait, or somebody said `halt`.
        if self.gate.is_shut() {
            return Err(Failure::NotSent { reason: "execution is stopped".to_owned() });
        }
        self.open(clock.now())
    }

    /// Whether the host may be called now.
    ///
    /// # Errors
    /// [`Failure::Limited`] with what is left of the wait.
    pub(crate) fn open(&self, now: Timestamp) -> Result<(), Failure> {
        let pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was put back does not make the wait longer.
        match pause.as_ref().filter(|pause| pause.from <= now && now < pause.until) {
            Some(pause) => {
                Err(Failure::Limited { reason: pause.reason.clone(), wait_ms: Some(pause.until.since(now)) })
            }
            None => Ok(()),
        }
    }

    /// Takes note of how a call failed: if the host said "later", it is left alone until then.
    pub(crate) fn note(&self, failure: &Failure, now: Timestamp) {
        let Failure::Limited { reason, wait_ms } = failure else { return };
        let until = now.plus_ms(wait_ms.unwrap_or(LIMIT_WAIT_MS));
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        // Several calls were under way: a shorter wait that is told later does not end a longer one.
        if pause.as_ref().is_some_and(|pause| pause.from <= now && pause.until > until) {
            return;
        }
        *pause = Some(Pause { from: now, until, reason: reason.clone() });
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::*;

    #[test]
    fn ten_go_out_at_once_and_then_one_a_second() {
        let pace = Pace::default();
        let now = Timestamp(1_000_000);
        let turns: Vec<i64> = (0..13).map(|_| pace.take(now).since(now)).collect();
        assert_eq!(turns, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1_000, 2_000, 3_000]);
        let later = now.plus_ms(20_000);
        assert_eq!(pace.take(later), later, "a pause gives the ten back");
    }

    #[test]
    fn a_host_that_says_later_is_left_alone_until_then() {
        let pace = Pace::default();
        let now = Timestamp(1_000_000);
        let limited = |wait_ms| Failure::Limited { reason: "429".to_owned(), wait_ms };
        for (told, waits) in [(Some(5_000), 5_000), (None, LIMIT_WAIT_MS)] {
            pace.note(&limited(told), now);
            pace.note(&Failure::Faulty { reason: "500".to_owned() }, now);
            assert_eq!(pace.open(now.plus_ms(1_000)), Err(limited(Some(waits - 1_000))));
            // Another call that was under way is told to wait less: the longer wait holds.
            pace.note(&limited(Some(2_000)), now.plus_ms(500));
            assert_eq!(pace.open(now.plus_ms(1_000)), Err(limited(Some(waits - 1_000))));
            assert_eq!(pace.open(now.plus_ms(waits)), Ok(()));
            assert_eq!(pace.open(now.plus_ms(-1)), Ok(()), "a clock that is put back");
        }
    }

    /// Time in which somebody says `halt` while a write waits.
    struct HaltedMeanwhile(WriteGate);

    impl Clock for HaltedMeanwhile {
        fn now(&self) -> Timestamp {
            Timestamp(1_000_000)
        }

        fn sleep_until(&self, _: Timestamp) -> BoxFuture<'_, ()> {
            self.0.set(1, true);
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn a_halt_stops_also_what_waits_for_its_turn() {
        let gate = WriteGate::default();
        let pace = Pace::new(gate.clone());
        let clock = HaltedMeanwhile(gate.clone());
        for _ in 0..AT_ONCE {
            assert_eq!(pace.wait(&clock).await, Ok(()));
        }
        let stopped = Err(Failure::NotSent { reason: "execution is stopped".to_owned() });
        assert_eq!(pace.wait(&clock).await, stopped, "it waited");
        assert_eq!(pace.wait(&clock).await, stopped);
        gate.set(2, false);
        assert_eq!(Pace::new(gate).wait(&clock).await, Ok(()));
    }

    #[test]
    fn a_clock_that_is_put_back_holds_nobody_for_long() {
        let pace = Pace::default();
        pace.take(Timestamp(10_000_000));
        let back = Timestamp(1_000_000);
        assert!(pace.take(back).since(back) <= 60_000);
    }
}
