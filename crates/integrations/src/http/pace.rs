//! The pace of what changes something at a host: GitHub asks for a second between two writes, and nobody minds a little at once.
//!
//! # Source
//! The generic cell rate algorithm (ITU-T I.371): one cell a second, ten at once.

use std::sync::{Mutex, PoisonError};

use wakeman_gateway::ports::Clock;
use wakeman_types::Timestamp;

/// Between two writes, once the first ones are out.
const EVERY_MS: i64 = 1_000;
/// Writes that may go out at once.
const AT_ONCE: i64 = 10;

/// The writes to one host.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the writes so far would be over, were each its whole second long.
    busy_until: Mutex<Timestamp>,
}

impl Pace {
    /// When the next write may begin. The place is taken.
    fn take(&self, now: Timestamp) -> Timestamp {
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was put back far does not make it wait for the time that was.
        let begun = (*busy_until).max(now).min(now.plus_ms(60 * EVERY_MS));
        *busy_until = begun.plus_ms(EVERY_MS);
        begun.plus_ms(-(AT_ONCE - 1) * EVERY_MS).max(now)
    }

    /// Waits for the next write's turn.
    pub(crate) async fn wait(&self, clock: &dyn Clock) {
        let now = clock.now();
        let turn = self.take(now);
        if turn > now {
            clock.sleep_until(turn).await;
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn a_clock_that_is_put_back_holds_nobody_for_long() {
        let pace = Pace::default();
        pace.take(Timestamp(10_000_000));
        let back = Timestamp(1_000_000);
        assert!(pace.take(back).since(back) <= 60_000);
    }
}
