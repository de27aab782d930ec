//! Round values and round times for the axes.

use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, TimeZone, Utc};
use wakeman_types::{MetricKind, Timestamp};

use crate::{RenderContext, number};

/// Fewer times than this are wanted on an axis.
const TIMES_MAX: i64 = 6;
/// Steps between times, in minutes: each divides the next unit people count in.
const STEPS_MINUTES: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080];
/// More steps than this are never walked, whatever the series claims to span.
const STEPS_MAX: i64 = 64;

/// A round value on the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTick {
    /// The value.
    pub value: f64,
    /// It in words: `50`, `2.5 %`, `1.5 s`.
    pub label: String,
}

/// A round time on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTick {
    /// The instant.
    pub at: Timestamp,
    /// It in the reader's zone: `14:00`, or the day where one begins: `Thu 5`.
    pub label: String,
}

/// Values 1, 2 or 5 times a power of ten apart, two to five of them. `low < high`, both finite.
pub(super) fn values(kind: MetricKind, low: f64, high: f64) -> Vec<ValueTick> {
    let unit = match kind {
        MetricKind::Duration if high >= 120_000.0 => 60_000.0,
        MetricKind::Duration if high >= 1_000.0 => 1_000.0,
        _ => 1.0,
    };
    let step = round_step((high - low) / unit / 4.0) * unit;
    let first = (low / step).ceil();
    let mut ticks: Vec<ValueTick> = Vec::new();
    for i in 0..5 {
        let value = (first + f64::from(i)) * step;
        let label = if value == 0.0 { "0".to_owned() } else { number::value(kind, value) };
        // Where two values round to the same words, one is enough.
        if value <= high && ticks.last().is_none_or(|tick| tick.label != label) {
            ticks.push(ValueTick { value, label });
        }
    }
    ticks
}

/// The smallest of 1, 2, 5 · 10ⁿ that is at least `size`; 1 for what is no size.
fn round_step(size: f64) -> f64 {
    let power = 10_f64.powf(size.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= size * 0.999);
    step.filter(|step| step.is_normal()).unwrap_or(1.0)
}

/// A few times that are round in the reader's zone, also across a change of its clock.
pub(super) fn times(start: Timestamp, end: Timestamp, ctx: &RenderContext) -> Vec<TimeTick> {
    let length_minutes = end.since(start) / 60_000;
    let step = STEPS_MINUTES.into_iter().find(|step| length_minutes / step < TIMES_MAX);
    let (Some(step), Some(first)) = (step, local(start, ctx)) else { return Vec::new() };
    let midnight = first.date().and_time(NaiveTime::MIN);
    let skipped = (first - midnight).num_minutes() / step;
    let mut ticks: Vec<TimeTick> = Vec::new();
    for i in skipped..skipped + STEPS_MAX {
        let Some(wall) = midnight.checked_add_signed(Duration::minutes(i * step)) else { break };
        // An hour that the clock skips has no instant; one that it repeats is told once.
        let Some(at) = ctx.zone.from_local_datetime(&wall).earliest() else { continue };
        let at = Timestamp::from_ms(at.timestamp_millis());
        if at > end {
            break;
        }
        if at >= start && ticks.last().is_none_or(|tick| tick.at < at) {
            ticks.push(TimeTick { at, label: label(wall) });
        }
    }
    ticks
}

fn local(at: Timestamp, ctx: &RenderContext) -> Option<NaiveDateTime> {
    DateTime::<Utc>::from_timestamp_millis(at.ms()).map(|utc| utc.with_timezone(&ctx.zone).naive_local())
}

fn label(wall: NaiveDateTime) -> String {
    wall.format(if wall.time() == NaiveTime::MIN { "%a %-d" } else { "%H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;
    use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS};

    use super::*;

    fn value_labels(kind: MetricKind, low: f64, high: f64) -> String {
        values(kind, low, high).into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" · ")
    }

    #[test]
    fn values_are_round_in_their_unit() {
        use MetricKind::{Count, Duration, Ratio};
        let table = [
            (Count, 0.0, 32.0, "0 · 10 · 20 · 30"),
            (Count, 0.0, 100.0, "0 · 50 · 100"),
            (Count, 0.0, 1.0, "0 · 0.5 · 1"),
            (Count, 812.0, 1_012.0, "850 · 900 · 950 · 1,000"),
            (Count, -30.0, 60.0, "0 · 50"),
            (Ratio, 0.0, 0.062, "0 · 2 % · 4 % · 6 %"),
            (Ratio, 0.93, 0.99, "94 % · 96 % · 98 %"),
            (Duration, 0.0, 840.0, "0 · 500 ms"),
            (Duration, 0.0, 4_200.0, "0 · 2 s · 4 s"),
            (Duration, 0.0, 600_000.0, "0 · 5 min · 10 min"),
        ];
        for (kind, low, high, want) in table {
            assert_eq!(value_labels(kind, low, high), want, "{kind:?} {low}–{high}");
        }
        assert!(!values(Count, -1e300, 1e300).is_empty());
    }

    fn time_labels(end: Timestamp, length_ms: i64) -> String {
        let ctx = RenderContext::new(end, Berlin);
        times(end.plus_ms(-length_ms), end, &ctx).into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn times_are_round_in_the_readers_zone() {
        // Thursday 5 November 2026, 14:35 in Berlin; Sunday 25 October 2026, 06:00 there: the clock was put back at 3.
        let (november, october) = (Timestamp::from_secs(1_793_885_700), Timestamp::from_secs(1_792_904_400));
        assert_eq!(time_labels(november, 5 * HOUR_MS), "10:00 11:00 12:00 13:00 14:00");
        assert_eq!(time_labels(november, 25 * MINUTE_MS), "14:10 14:15 14:20 14:25 14:30 14:35");
        assert_eq!(time_labels(november, DAY_MS), "18:00 Thu 5 06:00 12:00");
        assert_eq!(time_labels(november, 8 * DAY_MS), "Fri 30 Sun 1 Tue 3 Thu 5");
        assert_eq!(time_labels(october, 6 * HOUR_MS), "02:00 04:00 06:00");
        assert_eq!(time_labels(november, 4_000 * DAY_MS), "");
        assert_eq!(time_labels(Timestamp::from_ms(i64::MAX), HOUR_MS), "");
    }
}
