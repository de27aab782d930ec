//! One allowance per channel for sends and edits, as Discord tells it, and an even pace over all of them.
//!
//! Discord takes 50 requests a second of a bot, and a bot that is refused too often is shut out for a while. So what many chats are owed at
//! once goes out spaced and not in one burst each second: a virtual schedule, the generic cell rate algorithm (ITU-T I.371).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Channels whose allowance is remembered.
const CHANNELS_MAX: usize = 1_000;
/// What is left for deliveries when a growing answer would like to be edited.
const KEPT: u32 = 2;
/// So many may go out at once after a pause.
const BURST: u32 = 5;

#[derive(Debug, Clone, Copy)]
struct Left {
    remaining: u32,
    resets: Instant,
}

/// What is left of every channel's allowance, and of the bot's.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// Between two requests, when many are to be made.
    every: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    channels: HashMap<u64, Left>,
    /// Nothing may be asked for before.
    all: Option<Instant>,
    /// When the next one is due at the even pace; it may go out `BURST` - 1 turns before that.
    next: Option<Instant>,
}

impl Allowance {
    /// An allowance of which nothing is spent, for requests that are `every` apart.
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, inner: Mutex::default() }
    }

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

    /// When something may be sent, if that is before `until`: its turn is taken. Else how long the allowance is spent.
    fn take(&self, channel: u64, until: Instant) -> Result<Instant, Duration> {
        let now = Instant::now();
        self.with(|inner| {
            let all = inner.all.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            let due = inner.due(now, self.every);
            let left = inner.channels.get_mut(&channel).filter(|left| left.resets > now);
            let own = left.as_ref().filter(|left| left.remaining == 0).map_or(Duration::ZERO, |left| left.resets - now);
            let wait = all.max(own);
            if !wait.is_zero() {
                return Err(wait);
            }
            if due > now && due >= until {
                return Err(due - now);
            }
            inner.next = Some(inner.next.map_or(now, |next| next.max(now)) + self.every);
            if let Some(left) = left {
                left.remaining -= 1;
            }
            Ok(due)
        })
    }

    /// Waits until something may be sent to the channel, if that is before `until`; else how long it would take.
    pub(crate) async fn wait(&self, channel: u64, until: Instant) -> Result<(), Duration> {
        loop {
            match self.take(channel, until) {
                Ok(due) if due <= Instant::now() => return Ok(()),
                Ok(due) => {
                    tokio::time::sleep_until(due).await;
                    // If everything was refused meanwhile, another turn is taken; the one that is lost only makes it later.
                    if self.with(|inner| inner.all.is_none_or(|until| until <= Instant::now())) {
                        return Ok(());
                    }
                }
                Err(wait) if Instant::now() + wait >= until => return Err(wait),
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Whether there is enough left for an edit that can wait.
    pub(crate) fn spare(&self, channel: u64) -> bool {
        let now = Instant::now();
        self.with(|inner| {
            let all = inner.all.is_none_or(|until| until <= now) && inner.due(now, self.every) <= now;
            all && inner.channels.get(&channel).is_none_or(|left| left.resets <= now || left.remaining > KEPT)
        })
    }
}

impl Inner {
    /// When the next request may go out.
    fn due(&self, now: Instant, every: Duration) -> Instant {
        let ahead = every * (BURST - 1);
        self.next.and_then(|next| next.checked_sub(ahead)).map_or(now, |due| due.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_discord_says_is_left_is_spent_and_then_waited_for() {
        let allowance = Allowance::new(Duration::ZERO);
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

    #[tokio::test(start_paused = true)]
    async fn what_many_chats_are_owed_goes_out_evenly_and_what_is_owed_to_one_at_once() {
        let every = Duration::from_millis(20);
        let allowance = Allowance::new(every);
        let begun = Instant::now();
        let far = begun + Duration::from_secs(60);
        let waits = futures::future::join_all((0..50).map(async |channel| {
            allowance.wait(channel, far).await.unwrap();
            begun.elapsed()
        }));
        let mut went = waits.await;
        went.sort();
        assert!(went[..5].iter().all(Duration::is_zero), "{went:?}");
        assert!(went[4..].windows(2).all(|pair| pair[1] - pair[0] >= every / 2), "{went:?}");
        let last = *went.last().unwrap();
        assert!((every * 45..=every * 50).contains(&last), "{went:?}");
        assert!(!allowance.spare(99), "an edit that can wait does not add to what is behind");
        // Who has no time for it is told, and takes nobody's turn.
        let busy = allowance.wait(99, Instant::now()).await;
        assert!(busy.is_err());
        tokio::time::sleep(every * 6).await;
        allowance.wait(99, Instant::now()).await.unwrap();
        assert!(allowance.spare(99));
    }
}
