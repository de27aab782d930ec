//! How fast a bot may speak: to one chat about once a second, twenty times a minute in a group, thirty times a second in all.

use std::collections::HashMap;
use std::time::Instant;

/// Messages at once that a chat bears before the limit is felt.
const BURST: f64 = 3.0;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
    burst: f64,
    per_second: f64,
}

impl Bucket {
    fn new(burst: f64, per_second: f64, now: Instant) -> Self {
        Self { tokens: burst, at: now, burst, per_second }
    }

    /// Seconds to wait; 0: there is one to take.
    fn wait(&mut self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = now;
        if self.tokens >= 1.0 { 0 } else { (((1.0 - self.tokens) / self.per_second).ceil() as u64).max(1) }
    }
}

/// The limits of one bot. Real time counts, not the lab's: it is what a client's pace is made of.
#[derive(Debug, Default)]
pub(super) struct Limits {
    chats: HashMap<i64, [Bucket; 2]>,
    all: Option<Bucket>,
}

impl Limits {
    /// Takes one message to `chat` from the buckets, or says after how many seconds there will be one.
    pub(super) fn take(&mut self, chat: i64, now: Instant) -> Result<(), u64> {
        // Private chats have positive ids.
        let minute = if chat < 0 { Bucket::new(20.0, 20.0 / 60.0, now) } else { Bucket::new(60.0, 1.0, now) };
        let [second, minute] = self.chats.entry(chat).or_insert([Bucket::new(BURST, 1.0, now), minute]);
        let all = self.all.get_or_insert(Bucket::new(30.0, 30.0, now));
        let wait = second.wait(now).max(minute.wait(now)).max(all.wait(now));
        if wait > 0 {
            return Err(wait);
        }
        for bucket in [second, minute, all] {
            bucket.tokens -= 1.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_chat_bears_a_burst_and_then_one_a_second_and_a_group_twenty_a_minute() {
        let mut limits = Limits::default();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        for _ in 0..3 {
            assert_eq!(limits.take(5, at(0)), Ok(()));
        }
        assert_eq!(limits.take(5, at(10)), Err(1));
        assert_eq!(limits.take(6, at(10)), Ok(()), "another chat");
        assert_eq!(limits.take(5, at(1_000)), Ok(()));
        let said = (0..60).filter(|second| limits.take(-5, at(2_000 + second * 1_000)).is_ok()).count();
        assert!((38..=41).contains(&said), "{said}: twenty at once and twenty in the minute");
    }
}
