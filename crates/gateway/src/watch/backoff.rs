//! When to ask a source again after it failed, and when its silence is worth a word.

use wakeman_types::{MINUTE_MS, Timestamp};

use crate::ports::SourceError;

/// The longest wait between two tries.
const WAIT_MS_MAX: i64 = 10 * MINUTE_MS;
/// Silence shorter than this is not worth a message.
const NOTICE_AFTER_MS: i64 = 8 * MINUTE_MS;

/// How one source is doing. Pure; time is an argument.
#[derive(Debug, Default, Clone)]
pub struct Backoff {
    failures: u32,
    silent_since: Option<Timestamp>,
    next_try: Option<Timestamp>,
    last_success: Option<Timestamp>,
    noticed: bool,
    reason: String,
}

impl Backoff {
    /// Whether it may be asked now.
    pub fn may_ask(&self, now: Timestamp) -> bool {
        self.next_try.is_none_or(|at| now >= at)
    }

    /// It answered. Returns since when it had been silent, if people were told.
    pub fn succeeded(&mut self, now: Timestamp) -> Option<Timestamp> {
        let was = self.silent_since.filter(|_| self.noticed);
        *self = Self { last_success: Some(now), ..Self::default() };
        was
    }

    /// It did not. A wait it asked for is honoured; otherwise the wait doubles from `interval_ms`.
    pub fn failed(&mut self, now: Timestamp, interval_ms: i64, error: &SourceError) {
        self.failures += 1;
        self.silent_since.get_or_insert(self.last_success.unwrap_or(now));
        self.reason = error.to_string();
        let doubled = interval_ms.saturating_mul(1 << self.failures.saturating_sub(1).min(8));
        let wait = error.wait_ms().unwrap_or(0).max(doubled.min(WAIT_MS_MAX));
        self.next_try = Some(now.plus_ms(wait));
    }

    /// Since when it has been silent.
    pub const fn silent_since(&self) -> Option<Timestamp> {
        self.silent_since
    }

    /// When it will be asked next.
    pub const fn next_try(&self) -> Option<Timestamp> {
        self.next_try
    }

    /// What it said last.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// True once per silence, when it has lasted long enough to be told.
    pub fn should_tell(&mut self, now: Timestamp) -> bool {
        let due = self.silent_since.is_some_and(|since| now.since(since) >= NOTICE_AFTER_MS);
        let tell = due && !self.noticed;
        self.noticed |= due;
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(wait_ms: Option<i64>) -> SourceError {
        SourceError::Limited { reason: "429".into(), wait_ms }
    }

    #[test]
    fn waits_double_up_to_ten_minutes_and_obey_a_longer_wish() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            backoff.failed(Timestamp(0), MINUTE_MS, &limited(None));
            waits.push(backoff.next_try().unwrap().ms() / MINUTE_MS);
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        backoff.failed(Timestamp(0), MINUTE_MS, &limited(Some(3_600_000)));
        assert_eq!(backoff.next_try(), Some(Timestamp(3_600_000)));
    }

    #[test]
    fn a_silence_is_told_once_and_its_end_only_if_it_was_told() {
        let mut backoff = Backoff::default();
        backoff.succeeded(Timestamp(0));
        backoff.failed(Timestamp(MINUTE_MS), MINUTE_MS, &limited(None));
        assert!(!backoff.should_tell(Timestamp(2 * MINUTE_MS)));
        assert_eq!(backoff.succeeded(Timestamp(3 * MINUTE_MS)), None);
        backoff.failed(Timestamp(4 * MINUTE_MS), MINUTE_MS, &limited(None));
        assert!(backoff.should_tell(Timestamp(12 * MINUTE_MS)));
        assert!(!backoff.should_tell(Timestamp(13 * MINUTE_MS)));
        assert_eq!(backoff.succeeded(Timestamp(14 * MINUTE_MS)), Some(Timestamp(3 * MINUTE_MS)));
    }
}
