//! Small pieces of HogQL text.

use wakeman_types::{MINUTE_MS, Timestamp};

use crate::http::rfc3339;

/// A string literal. Nothing inside can end it.
pub(in crate::posthog) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for ch in text.chars() {
        match ch {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            '\0' => literal.push_str("\\0"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

/// An instant. With its zone: a bare time would be read in the project's own zone.
pub(in crate::posthog) fn instant(at: Timestamp) -> String {
    format!("toDateTime('{}')", rfc3339(at))
}

/// The number as a floating-point number. Parts of a UNION must agree on a type, and there is none for both counts and averages.
pub(in crate::posthog) fn float(expression: &str) -> String {
    format!("toFloat({expression})")
}

/// Unix seconds of the start of the bucket that the instant `column` lies in.
pub(in crate::posthog) fn start_of(column: &str, step_ms: i64) -> String {
    let (length, unit) =
        if step_ms % MINUTE_MS == 0 { (step_ms / MINUTE_MS, "MINUTE") } else { (step_ms / 1000, "SECOND") };
    format!("toUnixTimestamp(toStartOfInterval({column}, INTERVAL {length} {unit}))")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_stays_one_literal() {
        for (text, literal) in [
            ("signed_up", "'signed_up'"),
            ("it's", "'it''s'"),
            (r"a\", r"'a\\'"),
            (r"\' OR 1=1 --", r"'\\'' OR 1=1 --'"),
            ("two\nlines", r"'two\nlines'"),
        ] {
            assert_eq!(quoted(text), literal);
        }
    }

    #[test]
    fn buckets_and_instants_say_their_unit_and_zone() {
        assert_eq!(start_of("timestamp", 300_000), "toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE))");
        assert_eq!(
            start_of("e.timestamp", 30_000),
            "toUnixTimestamp(toStartOfInterval(e.timestamp, INTERVAL 30 SECOND))"
        );
        assert_eq!(instant(Timestamp::from_secs(1_767_600_000)), "toDateTime('2026-01-05T08:00:00Z')");
    }
}
