//! The primary rate limit, counted in the lab's own time.

use axum::http::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::set;
use crate::time::{HOUR_MS, SECOND_MS};

/// Requests an hour.
const LIMIT: u64 = 5_000;

/// How much of the hour's requests is used.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Limits {
    window_start_ms: i64,
    used: u64,
}

impl Limits {
    /// Begins a new window when the last one is over.
    pub(super) fn roll(&mut self, now_ms: i64) {
        if now_ms >= self.window_start_ms + HOUR_MS || now_ms < self.window_start_ms {
            *self = Self { window_start_ms: now_ms, used: 0 };
        }
    }

    pub(in super::super) fn count(&mut self) {
        self.used += 1;
    }

    pub(super) fn exhausted(&self) -> bool {
        self.used >= LIMIT
    }

    pub(super) fn seconds_left(&self, now_ms: i64) -> i64 {
        ((self.window_start_ms + HOUR_MS - now_ms).max(0) + SECOND_MS - 1) / SECOND_MS
    }

    pub(in super::super) fn reset_ms(&self) -> i64 {
        self.window_start_ms + HOUR_MS
    }

    pub(in super::super) fn remaining(&self) -> u64 {
        LIMIT.saturating_sub(self.used)
    }

    pub(in super::super) fn used(&self) -> u64 {
        self.used
    }

    pub(in super::super) fn limit(&self) -> u64 {
        LIMIT
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let reset_s = self.reset_ms() / SECOND_MS;
        for (name, value) in [
            ("x-ratelimit-limit", LIMIT.to_string()),
            ("x-ratelimit-remaining", self.remaining().to_string()),
            ("x-ratelimit-used", self.used.to_string()),
            ("x-ratelimit-reset", reset_s.to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ] {
            set(&mut headers, HeaderName::from_static(name), &value);
        }
        headers
    }

    /// The body of `/rate_limit`.
    pub(super) fn report(&self) -> Value {
        let reset = self.reset_ms() / SECOND_MS;
        let core = json!({"limit": LIMIT, "used": self.used, "remaining": self.remaining(), "reset": reset});
        let search = json!({"limit": 30, "used": 0, "remaining": 30, "reset": reset});
        json!({"resources": {"core": core, "search": search, "graphql": core}, "rate": core})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_ends_and_comes_back_with_the_next_hour() {
        let mut limits = Limits::default();
        limits.roll(10 * HOUR_MS);
        (0..LIMIT).for_each(|_| limits.count());
        assert!(limits.exhausted());
        assert_eq!(limits.seconds_left(10 * HOUR_MS + 1_500), 3_599);
        limits.roll(11 * HOUR_MS);
        assert!(!limits.exhausted());
    }
}
