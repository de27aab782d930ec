//! When and where a message is read: the instant and the zone every time in it is told in.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use wakeman_types::Timestamp;

use crate::{nearest::nearest, number::span, safe::sanitize};

/// A name that is not a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is not a time zone; {}", .suggestion.map_or_else(
    || "write an IANA name like \"Europe/Berlin\" or \"UTC\"".to_owned(),
    |known| format!("did you mean \"{known}\"?"),
))]
pub struct ZoneError {
    name: String,
    suggestion: Option<&'static str>,
}

/// The zone with this IANA name, whatever its case.
///
/// # Errors
/// [`ZoneError`] with the nearest known name, if one is near.
pub fn parse_zone(name: &str) -> Result<Tz, ZoneError> {
    let wanted = name.trim();
    let known = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(wanted));
    known.copied().ok_or_else(|| ZoneError {
        name: sanitize(name, 40),
        suggestion: nearest(wanted, TZ_VARIANTS.iter().map(|zone| zone.name())),
    })
}

/// The instant and the zone a message is worded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderContext {
    /// The time it is for the reader; ages are counted from here.
    pub now: Timestamp,
    /// The reader's zone.
    pub zone: Tz,
}

impl RenderContext {
    /// A context for a reader in `zone` at `now`.
    pub const fn new(now: Timestamp, zone: Tz) -> Self {
        Self { now, zone }
    }

    fn local(&self, at: Timestamp) -> Option<DateTime<Tz>> {
        DateTime::<Utc>::from_timestamp_millis(at.ms()).map(|utc| utc.with_timezone(&self.zone))
    }

    /// `14:10` today; `yesterday 14:10`, `Tue 14:10` within six days, `3 Nov 14:10` in the same year, `3 Nov 2025 14:10` else.
    pub fn time(&self, at: Timestamp) -> String {
        let (Some(then), Some(now)) = (self.local(at), self.local(self.now)) else {
            return "an unknown time".to_owned();
        };
        let format = match (then.date_naive() - now.date_naive()).num_days() {
            0 => "%H:%M",
            -1 => "yesterday %H:%M",
            1 => "tomorrow %H:%M",
            -6..=6 => "%a %H:%M",
            _ if then.year() == now.year() => "%-d %b %H:%M",
            _ => "%-d %b %Y %H:%M",
        };
        then.format(format).to_string()
    }

    /// `14:10`, whatever the day: for the ends of an axis and the log of a console.
    pub fn clock(&self, at: Timestamp) -> String {
        self.local(at).map_or_else(|| "--:--".to_owned(), |then| then.format("%H:%M").to_string())
    }

    /// How long ago `at` was, `25 min ago`; `in 25 min` for the future, `just now` within a second.
    pub fn age(&self, at: Timestamp) -> String {
        match self.now.since(at) {
            ms @ 1000.. => format!("{} ago", span(ms)),
            ms if ms <= -1000 => format!("in {}", span(ms.saturating_neg())),
            _ => "just now".to_owned(),
        }
    }

    /// The time with its age: `14:10 (25 min ago)`.
    pub fn time_with_age(&self, at: Timestamp) -> String {
        format!("{} ({})", self.time(at), self.age(at))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;
    use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS};

    use super::*;

    /// Thursday 5 November 2026, 14:35 in Berlin.
    const NOW: Timestamp = Timestamp::from_secs(1_793_885_700);

    #[test]
    fn a_time_has_as_much_date_as_it_needs() {
        let ctx = RenderContext::new(NOW, Berlin);
        let table = [
            (-25 * MINUTE_MS, "14:10"),
            (30 * MINUTE_MS, "15:05"),
            (-15 * HOUR_MS, "yesterday 23:35"),
            (19 * HOUR_MS, "tomorrow 09:35"),
            (-2 * DAY_MS, "Tue 14:35"),
            (6 * DAY_MS, "Wed 14:35"),
            (-7 * DAY_MS, "29 Oct 14:35"),
            (-400 * DAY_MS, "1 Oct 2025 15:35"),
            (i64::MAX - NOW.ms(), "an unknown time"),
        ];
        for (ms, want) in table {
            assert_eq!(ctx.time(NOW.plus_ms(ms)), want, "{ms}");
        }
    }

    #[test]
    fn an_age_knows_past_and_future() {
        let ctx = RenderContext::new(NOW, Berlin);
        assert_eq!(ctx.time_with_age(NOW.plus_ms(-25 * MINUTE_MS)), "14:10 (25 min ago)");
        assert_eq!(ctx.age(NOW.plus_ms(2 * HOUR_MS)), "in 2 h");
        assert_eq!(ctx.age(NOW.plus_ms(-500)), "just now");
        assert_eq!(ctx.age(Timestamp::from_ms(i64::MIN / 2)).split(' ').next_back(), Some("ago"));
    }

    #[test]
    fn a_zone_is_found_or_the_nearest_is_named() {
        assert_eq!(parse_zone("europe/berlin"), Ok(Berlin));
        assert_eq!(
            parse_zone("Europe/Berln").unwrap_err().to_string(),
            "\"Europe/Berln\" is not a time zone; did you mean \"Europe/Berlin\"?"
        );
        assert_eq!(
            parse_zone("\u{1b}[31m my clock on the wall").unwrap_err().to_string(),
            "\"␛[31m my clock on the wall\" is not a time zone; write an IANA name like \"Europe/Berlin\" or \"UTC\""
        );
    }
}
