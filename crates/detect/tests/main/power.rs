//! What must be noticed, and how soon.

use crate::sim::{DAY, HOUR, Metric, feed};
use wakeman_detect::{Direction, Kind};

struct Case {
    name: &'static str,
    kind: Kind,
    level: f64,
    times: f64,
    onset: i64,
    /// The slowest of the seeds may take this many buckets.
    within: i64,
}

const fn case(name: &'static str, kind: Kind, level: f64, times: f64, within: i64) -> Case {
    Case { name, kind, level, times, onset: 0, within }
}

const SEEDS: u64 = 6;

/// Buckets until the alarm, for each seed; the incident begins at `at`.
fn delays(case: &Case, at: i64) -> Vec<i64> {
    let direction = if case.times < 1.0 { Direction::Down } else { Direction::Up };
    let delay = |seed| {
        let mut metric = Metric::new(case.kind, case.level, seed).with(at, 8, case.times).with_onset(case.onset);
        let mut detector = metric.watched(at);
        assert!(!detector.is_anomalous(), "{} seed {seed}: false alarm before", case.name);
        let mut alarm = None;
        feed(&mut detector, &mut metric, at, at + 8 * HOUR, |i, verdict| {
            if verdict.opened && alarm.is_none() {
                assert_eq!(verdict.direction, direction, "{}", case.name);
                let since = verdict.since.expect("an open anomaly has an onset");
                let off = (since.at_ms - Metric::start_ms(at)) / 300_000;
                assert!(off.abs() <= 6 + case.onset, "{} seed {seed}: onset off by {off} buckets", case.name);
                assert!(since.earliest_ms <= since.at_ms && since.at_ms <= since.latest_ms);
                alarm = Some(i - at + 1);
            }
        });
        alarm.unwrap_or_else(|| panic!("{} seed {seed}: never noticed", case.name))
    };
    (0..SEEDS).map(delay).collect()
}

fn check(cases: &[Case], at: i64) {
    for case in cases {
        let delays = delays(case, at);
        assert!(delays.iter().all(|&d| d <= case.within), "{}: {delays:?}, allowed {}", case.name, case.within);
    }
}

#[test]
fn with_three_weeks_of_history() {
    check(
        &[
            case("drop of 60 % at 96", Kind::Count, 96.0, 0.4, 3),
            case("drop of 60 % at 2000", Kind::Count, 2000.0, 0.4, 3),
            case("drop of 60 % at 4", Kind::Count, 4.0, 0.4, 18),
            case("spike of 3 at 96", Kind::Count, 96.0, 3.0, 2),
            case("flat at 96", Kind::Count, 96.0, 0.0, 1),
            case("flat at 4", Kind::Count, 4.0, 0.0, 5),
            case("flat at one in ten minutes", Kind::Count, 0.5, 0.0, 36),
            case("drop of 30 % at 96", Kind::Count, 96.0, 0.7, 26),
            Case { onset: HOUR, ..case("drop of 60 % within an hour", Kind::Count, 96.0, 0.4, 14) },
            case("ratio 0.1 to 0.06", Kind::Ratio, 0.1, 0.6, 18),
            case("duration up by 60 %", Kind::Duration, 200.0, 1.6, 3),
            case("duration up by 25 %", Kind::Duration, 200.0, 1.25, 12),
        ],
        22 * DAY + 11 * HOUR,
    );
}

#[test]
fn with_two_days_of_history() {
    check(
        &[
            case("drop of 60 % at 96", Kind::Count, 96.0, 0.4, 6),
            case("spike of 3 at 96", Kind::Count, 96.0, 3.0, 3),
            case("flat at 96", Kind::Count, 96.0, 0.0, 2),
            case("flat at 4", Kind::Count, 4.0, 0.0, 12),
            case("duration up by 60 %", Kind::Duration, 200.0, 1.6, 6),
        ],
        2 * DAY + 11 * HOUR,
    );
}
