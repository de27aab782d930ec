//! One allowance per channel for sends and edits, as Discord tells it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Channels whose allowance is remembered.
const CHANNELS_MAX: usize = 1_000;
/// What is left for deliveries when a growing answer would like to be edited.
const KEPT: u32 = 2;

#[derive(Debug, Clone, Copy)]
struct Left {
    remaining: u32,
    resets: Instant,
}

/// What is left of every channel's allowance.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    channels: HashMap<u64, Left>,
    /// Nothing may be asked for before.
    all: Option<Instant>,
}

impl Allowance {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What an answer's headers said.
    pub(crate) fn told(&self, channel: u64, remaining: u32, reset_after: Duration) {
        let left = Left { remaining, resets: Instant::now() + reset_after };
        self.with(|inner| {
            if inner.channels.len() >= CHANNELS_MAX {
                let now = Instant::now();
                inner.channels.retain(|_, left| left.resets > now);
            }
            inner.channels.insert(channel, left);
        });
    }

    /// A 429: nothing for that long, in the channel or anywhere.
    pub(crate) fn throttled(&self, channel: Option<u64>, wait: Duration) {
        let until = Instant::now() + wait;
        self.with(|inner| match channel {
            Some(channel) => drop(inner.channels.insert(channel, Left { remaining: 0, resets: until })),
            None => inner.all = Some(inner.all.map_or(until, |all| all.max(until))),
        });
    }

    /// How long to wait before something may be sent; takes one of the allowance if that is now.
    fn take(&self, channel: u64) -> Duration {
        let now = Instant::now();
        self.with(|inner| {
            let all = inner.all.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            let Some(left) = inner.channels.get_mut(&channel).filter(|left| left.resets > now) else { return all };
            let own = if left.remaining == 0 { left.resets - now } else { Duration::ZERO };
            let wait = all.max(own);
            if wait.is_zero() {
                left.remaining -= 1;
            }
            wait
        })
    }

    /// Waits until something may be sent to the channel, if that is before `until`; else how long it would take.
    pub(crate) async fn wait(&self, channel: u64, until: Instant) -> Result<(), Duration> {
        loop {
            let wait = self.take(channel);
            if wait.is_zero() {
                return Ok(());
            }
            if Instant::now() + wait >= until {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether there is enough left for an edit that can wait.
    pub(crate) fn spare(&self, channel: u64) -> bool {
        let now = Instant::now();
        self.with(|inner| {
            let all = inner.all.is_none_or(|until| until <= now);
            all && inner.channels.get(&channel).is_none_or(|left| left.resets <= now || left.remaining > KEPT)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_discord_says_is_left_is_spent_and_then_waited_for() {
        let allowance = Allowance::default();
        allowance.wait(1, Instant::now()).await.unwrap();
        allowance.told(1, 3, Duration::from_secs(4));
        let (begun, far) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        assert!(allowance.spare(1));
        allowance.wait(1, far).await.unwrap();
        assert!(!allowance.spare(1), "two are kept for what is owed");
        allowance.wait(1, far).await.unwrap();
        allowance.wait(1, far).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        allowance.wait(1, far).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(4));
        allowance.throttled(None, Duration::from_secs(9));
        assert!(!allowance.spare(2));
        let begun = Instant::now();
        assert_eq!(allowance.wait(2, begun + Duration::from_secs(5)).await, Err(Duration::from_secs(9)));
        assert_eq!(begun.elapsed(), Duration::ZERO, "what is too long is not waited for");
        allowance.wait(2, far).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(9), "all of them");
    }
}
