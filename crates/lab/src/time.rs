//! Instants as Unix milliseconds and their RFC 3339 spelling.

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds in a second, minute, hour, day.
pub const SECOND_MS: i64 = 1_000;
/// See [`SECOND_MS`].
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// See [`SECOND_MS`].
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// See [`SECOND_MS`].
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The instant as chrono knows it; instants chrono cannot hold become the epoch.
pub fn utc(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// `2026-01-05T08:00:00Z`, with milliseconds only where there are some.
pub fn rfc3339(ms: i64) -> String {
    let digits = if ms.rem_euclid(SECOND_MS) == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    utc(ms).to_rfc3339_opts(digits, true)
}

/// Reads an RFC 3339 instant; `None` if it is not one.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.timestamp_millis())
}
