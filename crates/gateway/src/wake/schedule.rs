//! When a wakeup is due. Pure: times in, times out.

use chrono::{DateTime, Utc};
use wakeman_store::canonical;
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};

use crate::config::{Late, Plan, When};

/// A slot that is begun within this time of its hour is on time: the pass looks twice a minute.
pub const ON_TIME_MS: i64 = 2 * MINUTE_MS;

/// The first slot after `after`; `None`: there is none before the end of time.
pub fn next_due(when: &When, after: Timestamp) -> Option<Timestamp> {
    match when {
        When::Daily(time) => {
            let offset = i64::from(time.hour) * HOUR_MS + i64::from(time.minute) * MINUTE_MS;
            let today = after.floor_to(DAY_MS).plus_ms(offset);
            Some(if today > after { today } else { today.plus_ms(DAY_MS) })
        }
        When::Cron { cron, timezone, .. } => {
            let start = DateTime::<Utc>::from_timestamp_millis(after.ms())?.with_timezone(timezone);
            let next = cron.find_next_occurrence(&start, false).ok()?;
            Some(Timestamp::from_ms(next.timestamp_millis())).filter(|next| *next > after)
        }
    }
}

/// The slots after `after` up to and including `until`, oldest first, at most `limit`.
pub fn due_between(when: &When, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
    let slots = std::iter::successors(next_due(when, after), |slot| next_due(when, *slot));
    slots.take_while(|slot| *slot <= until).take(limit).collect()
}

/// How much later than `slot` a wakeup with this jitter runs: the same each time it is asked, another for each slot.
pub fn put_off(jitter_ms: i64, id: &str, slot: Timestamp) -> i64 {
    if jitter_ms <= 0 {
        return 0;
    }
    let digest = canonical::sha256_hex(format!("{id}@{}", slot.ms()).as_bytes());
    i64::from_str_radix(&digest[..12], 16).unwrap_or(0) % (jitter_ms + 1)
}

/// The slot that runs next, if every slot up to `settled` has had its turn: the newest that has passed and still runs, as one does that is
/// put off; else the first to come.
pub fn next_slot(plan: &Plan, id: &str, settled: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let late_ms = |slot: &Timestamp| now.since(*slot) - put_off(plan.jitter_ms, id, *slot);
    let passed = newest_between(&plan.when, settled, now);
    let passed = passed.filter(|slot| judge(plan.late, late_ms(slot), ON_TIME_MS) == Lateness::Run);
    passed.or_else(|| next_due(&plan.when, now))
}

/// When the next slot after `now` runs, or one that passed and is put off.
pub fn next_run(plan: &Plan, id: &str, now: Timestamp) -> Option<Timestamp> {
    let runs_at = |slot: Timestamp| slot.plus_ms(put_off(plan.jitter_ms, id, slot));
    let passed = due_between(&plan.when, now.plus_ms(-plan.jitter_ms), now, usize::MAX);
    let waiting = passed.into_iter().map(runs_at).filter(|at| *at > now);
    waiting.chain(next_due(&plan.when, now).map(runs_at)).min()
}

/// The last slot after `after` up to and including `until`. It looks back in longer and longer steps: there may be years between them.
fn newest_between(when: &When, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let mut back_ms = HOUR_MS;
    loop {
        let from = until.plus_ms(-back_ms).max(after);
        let newest = due_between(when, from, until, usize::MAX).pop();
        if newest.is_some() || from <= after {
            return newest;
        }
        back_ms = back_ms.saturating_mul(24);
    }
}

/// What becomes of a slot that is looked at `late_ms` after it was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lateness {
    /// It may run.
    Run,
    /// Its rule leaves it out.
    Skip,
    /// It is too late for its rule.
    Miss,
}

/// Judges a slot by its rule. `on_time_ms`: how late is not late at all.
pub fn judge(late: Late, late_ms: i64, on_time_ms: i64) -> Lateness {
    match late {
        _ if late_ms <= on_time_ms => Lateness::Run,
        Late::Run => Lateness::Run,
        Late::Skip => Lateness::Skip,
        Late::Within(limit_ms) if late_ms <= limit_ms => Lateness::Run,
        Late::Within(_) => Lateness::Miss,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{TimeOfDay, parse_wakeup};

    fn cron(pattern: &str, zone: &str) -> When {
        let entry = serde_json::json!({"promptId": "night-check", "cron": pattern, "timezone": zone});
        let file = serde_json::json!({"schedule": [entry]}).to_string();
        parse_wakeup(&file, "f").unwrap().value.schedule.remove(0).plan.unwrap().when
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_ms(text.parse::<DateTime<Utc>>().unwrap().timestamp_millis())
    }

    fn between(when: &When, from: &str, to: &str) -> Vec<String> {
        let slots = due_between(when, at(from), at(to), 100);
        let text = |slot: &Timestamp| DateTime::<Utc>::from_timestamp_millis(slot.ms()).unwrap().format("%m-%dT%H:%M");
        slots.iter().map(|slot| text(slot).to_string()).collect()
    }

    #[test]
    fn slots_are_right_where_clocks_go_forward_and_back_and_on_leap_days() {
        let table: [(&str, &str, &str, &str, &[&str]); 9] = [
            // Forward, 2:00 to 3:00: 2:30 is not there and comes at 3:00; an interval leaves the hour out.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-03-28T00:00:00Z",
                "2026-03-30T12:00:00Z",
                &["03-28T01:30", "03-29T01:00", "03-30T00:30"],
            ),
            (
                "0 9 * * *",
                "Europe/Berlin",
                "2026-03-28T00:00:00Z",
                "2026-03-29T12:00:00Z",
                &["03-28T08:00", "03-29T07:00"],
            ),
            ("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "2026-03-08T23:00:00Z", &["03-08T07:00"]),
            // Back, 3:00 to 2:00: 2:30 comes once; every half hour comes in both.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                "2026-10-26T12:00:00Z",
                &["10-25T00:30", "10-26T01:30"],
            ),
            (
                "*/30 2 * * *",
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                "2026-10-25T12:00:00Z",
                &["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30"],
            ),
            ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", &["11-01T05:30"]),
            // Half an hour, 2:00 to 1:30.
            ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-05T12:00:00Z", &["04-04T14:45"]),
            ("0 12 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z", &["02-29T12:00", "02-29T12:00"]),
            (
                "0 0 L 2 *",
                "Asia/Kathmandu",
                "2028-01-01T00:00:00Z",
                "2029-03-03T00:00:00Z",
                &["02-28T18:15", "02-27T18:15"],
            ),
        ];
        for (pattern, zone, from, to, want) in table {
            assert_eq!(between(&cron(pattern, zone), from, to), want, "{pattern} {zone} {from}");
        }
    }

    #[test]
    fn a_time_of_day_is_due_once_each_utc_date() {
        let daily = When::Daily(TimeOfDay { hour: 9, minute: 30 });
        let want = ["02-28T09:30", "02-29T09:30", "03-01T09:30"];
        assert_eq!(between(&daily, "2028-02-28T09:29:59.999Z", "2028-03-01T09:30:00Z"), want);
        assert_eq!(between(&daily, "2028-02-28T09:30:00Z", "2028-02-29T09:29:59.999Z"), [""; 0]);
        // Years before the epoch, where the clock of a machine without a battery may stand.
        assert_eq!(between(&daily, "1969-12-30T12:00:00Z", "1970-01-01T09:30:00Z"), ["12-31T09:30", "01-01T09:30"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn slots_go_forward_and_none_is_between_two(
            pattern in prop::sample::select(vec![
                "30 2 * * *", "*/15 1-3 * * *", "0 0 29 2 *", "0 9 * * 1-5", "59 23 L * *", "0 0 1 1 *", "@hourly",
            ]),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
                "America/St_Johns", "Pacific/Apia", "Antarctica/Troll",
            ]),
            start in 0_i64..4_102_444_800_000,
            inside in 0.0_f64..1.0,
        ) {
            let when = cron(pattern, zone);
            let start = Timestamp::from_ms(start);
            let Some(next) = next_due(&when, start) else { return Ok(()) };
            prop_assert!(next > start);
            prop_assert_eq!(next.ms() % MINUTE_MS, 0);
            // From anywhere before it, the same slot is next.
            let between = start.plus_ms((next.since(start) as f64 * inside) as i64).min(next.plus_ms(-1));
            prop_assert_eq!(next_due(&when, between), Some(next));
            prop_assert_eq!(due_between(&when, start, next, 9), vec![next]);
        }
    }
}
