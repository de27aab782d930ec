//! The hours in which an operator is left alone.

use std::fmt;

use chrono::{DateTime, Datelike, Duration, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::Tz;
use schemars::JsonSchema;
use wakeman_types::Timestamp;

use super::leaf::Leaf;

const DAY_MIN: u16 = 24 * 60;
/// Days as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `22:00-07:00`, every day or with the days on which it begins before it: `sat,sun 00:00-24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct QuietWindow {
    days: [bool; 7],
    from_min: u16,
    /// Below `from_min`: on the next day.
    to_min: u16,
}

impl QuietWindow {
    /// When it ends, if it holds at the local time `at`.
    fn ends(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        let length = (i64::from(self.to_min) - i64::from(self.from_min)).rem_euclid(i64::from(DAY_MIN));
        let length = if length == 0 { i64::from(DAY_MIN) } else { length };
        // It began today or yesterday.
        [0, 1].into_iter().find_map(|ago| {
            let day = at.date() - Duration::days(ago);
            let begun = self.days[day.weekday().num_days_from_monday() as usize];
            let from = day.and_hms_opt(0, 0, 0)? + Duration::minutes(self.from_min.into());
            let to = from + Duration::minutes(length);
            (begun && from <= at && at < to).then_some(to)
        })
    }
}

impl fmt::Display for QuietWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days.contains(&false) {
            let days: Vec<_> = DAYS.iter().zip(self.days).filter(|(_, on)| *on).map(|(day, _)| *day).collect();
            write!(f, "{} ", days.join(","))?;
        }
        let time = |min: u16| format!("{:02}:{:02}", min / 60, min % 60);
        write!(f, "{}-{}", time(self.from_min), time(self.to_min))
    }
}

impl Leaf for QuietWindow {
    const WANTED: &'static str = "quiet hours; write them like \"22:00-07:00\" or \"sat,sun 00:00-24:00\"";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let (days, hours) = match text.trim().split_once(char::is_whitespace) {
            Some((days, hours)) => (days_of(days).ok_or(None)?, hours.trim()),
            None => ([true; 7], text.trim()),
        };
        let (from, to) = hours.split_once('-').ok_or(None)?;
        let (from_min, to_min) = (minutes(from).ok_or(None)?, minutes(to).ok_or(None)?);
        if from_min >= DAY_MIN || from_min == to_min {
            return Err(None);
        }
        Ok(Self { days, from_min, to_min })
    }
}

/// `mon`, `mon,thu`, `mon-fri`.
fn days_of(text: &str) -> Option<[bool; 7]> {
    let place = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (from, to) = match part.split_once('-') {
            Some((from, to)) => (place(from)?, place(to)?),
            None => (place(part)?, place(part)?),
        };
        let length = (to + 7 - from) % 7;
        (0..=length).for_each(|n| days[(from + n) % 7] = true);
    }
    Some(days)
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    match (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?) {
        (hour @ 0..24, minute @ 0..60) => Some(hour * 60 + minute),
        (24, 0) => Some(DAY_MIN),
        _ => None,
    }
}

/// Until when one of `windows` asks for quiet at `now`, read in `zone`; `None`: none does.
pub fn quiet_until(windows: &[QuietWindow], zone: Tz, now: Timestamp) -> Option<Timestamp> {
    let local = DateTime::from_timestamp_millis(now.ms())?.with_timezone(&zone);
    let end = windows.iter().filter_map(|window| window.ends(local.naive_local())).max()?;
    instant_of(end, zone)
}

/// The first instant at which the clock in `zone` shows `local`; where the clocks skip it, the first full hour after it.
pub(crate) fn instant_of(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    let at = zone.from_local_datetime(&local).earliest().or_else(|| {
        let later = local + Duration::hours(1);
        zone.from_local_datetime(&later.with_minute(0).unwrap_or(later)).earliest()
    })?;
    Some(Timestamp::from_ms(at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> QuietWindow {
        QuietWindow::read(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_ms(text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis())
    }

    #[test]
    fn quiet_begins_and_ends_by_the_operators_clock() {
        let berlin = Tz::Europe__Berlin;
        // Monday 2026-04-20; Berlin is two hours ahead.
        let table = [
            ("22:00-07:00", "2026-04-20T19:59:00Z", None),
            ("22:00-07:00", "2026-04-20T20:00:00Z", Some("2026-04-21T05:00:00Z")),
            ("22:00-07:00", "2026-04-20T04:59:00Z", Some("2026-04-20T05:00:00Z")),
            ("22:00-07:00", "2026-04-20T05:00:00Z", None),
            ("13:00-14:00", "2026-04-20T11:30:00Z", Some("2026-04-20T12:00:00Z")),
            ("sat,sun 00:00-24:00", "2026-04-19T12:00:00Z", Some("2026-04-19T22:00:00Z")),
            ("sat,sun 00:00-24:00", "2026-04-20T12:00:00Z", None),
            ("fri-sun 20:00-06:00", "2026-04-20T02:00:00Z", Some("2026-04-20T04:00:00Z")),
            ("fri-sun 20:00-06:00", "2026-04-21T02:00:00Z", None),
            // The night in which 02:00 to 03:00 is skipped.
            ("22:00-02:30", "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z")),
        ];
        for (text, now, want) in table {
            assert_eq!(quiet_until(&[window(text)], berlin, at(now)), want.map(at), "{text} at {now}");
        }
        assert_eq!(quiet_until(&[], berlin, at("2026-04-20T00:00:00Z")), None);
    }

    #[test]
    fn quiet_hours_are_written_as_they_are_read_and_others_refused() {
        for text in ["22:00-07:00", "sat,sun 00:00-24:00", "mon,tue,wed,thu,fri 13:00-14:30"] {
            assert_eq!(window(text).to_string(), text);
        }
        for text in
            ["", "22-07", "22:00", "25:00-07:00", "24:00-07:00", "09:00-09:00", "funday 10:00-11:00", "9:00-10:00"]
        {
            assert!(QuietWindow::read(text).is_err(), "{text}");
        }
    }
}
