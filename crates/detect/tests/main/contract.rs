//! What holds whatever the numbers.

use crate::sim::{DAY, HOUR, Metric, STEP, detector, feed};
use proptest::prelude::*;
use wakeman_detect::{Bucket, Config, ConfigError, Detector, Direction, Kind};

#[test]
fn a_verdict_does_not_depend_on_what_comes_later() {
    let history = 8 * DAY;
    let mut one = Metric::new(Kind::Count, 40.0, 1).with(history - 40, 6, 0.3);
    let mut two = Metric::new(Kind::Count, 40.0, 1).with(history - 40, 6, 0.3);
    let (mut a, mut b) = (detector(Kind::Count), detector(Kind::Count));
    let verdicts_a: Vec<_> = (0..history).map(|i| a.observe(one.bucket(i))).collect();
    let verdicts_b: Vec<_> = (0..history + DAY)
        .map(|i| {
            let mut bucket = two.bucket(i);
            bucket.value += if i >= history { 5000.0 } else { 0.0 };
            b.observe(bucket)
        })
        .collect();
    assert_eq!(verdicts_a[..], verdicts_b[..history as usize]);
}

#[test]
fn nothing_is_judged_on_the_first_day() {
    let mut metric = Metric::new(Kind::Count, 96.0, 2).with(12 * HOUR, 2, 0.0);
    let mut detector = detector(Kind::Count);
    feed(&mut detector, &mut metric, 0, DAY - 1, |i, verdict| {
        assert!(!verdict.anomalous && verdict.score == 0.0);
        let learning = verdict.learning.expect("still learning");
        assert_eq!((learning.have_ms, learning.have_ms + learning.wanted_ms), (i * STEP, DAY * STEP));
    });
    feed(&mut detector, &mut metric, DAY - 1, DAY + 1, |_, _| {});
    assert_eq!(detector.learning(), None);
}

#[test]
fn what_could_not_be_read_is_unknown_and_neither_zero_nor_recovered() {
    let at = 22 * DAY + 10 * HOUR;
    let mut metric = Metric::new(Kind::Count, 96.0, 3);
    let mut detector = metric.watched(at);
    for i in at..at + 6 * HOUR {
        let verdict = detector.observe_missing(Metric::start_ms(i));
        assert!(!verdict.known && !verdict.anomalous && verdict.direction == Direction::None && verdict.p_value == 1.0);
        assert!(!detector.recovered(), "unknown is not fine");
    }
    assert!(detector.series(1)[0].value.is_none() && detector.series(1)[0].expected > 30.0);
    assert!(detector.expected_band(5 * 3_600_000).is_none());
    feed(&mut detector, &mut metric, at + 6 * HOUR, at + 30 * HOUR, |_, verdict| assert!(!verdict.opened));
}

#[test]
fn an_open_anomaly_stays_open_over_a_gap() {
    let at = 22 * DAY + 10 * HOUR;
    let mut metric = Metric::new(Kind::Count, 96.0, 4).with(at, 8, 0.2);
    let mut detector = metric.watched(at + HOUR);
    assert!(detector.is_anomalous());
    for i in at + HOUR..at + 3 * HOUR {
        let verdict = detector.observe_missing(Metric::start_ms(i));
        assert!(verdict.anomalous && !verdict.known && !verdict.recovered && verdict.since.is_some());
    }
    feed(&mut detector, &mut metric, at + 3 * HOUR, at + 6 * HOUR, |_, v| assert!(v.anomalous && !v.recovered));
}

#[test]
fn skipped_buckets_are_missing_ones_and_long_gaps_do_no_harm() {
    let mut metric = Metric::new(Kind::Count, 96.0, 5);
    let mut detector = metric.watched(10 * DAY);
    let known = detector.observe(metric.bucket(10 * DAY + 5));
    assert!(known.known);
    assert_eq!(detector.series(7).iter().filter(|p| p.value.is_none()).count(), 5);
    for gap in [2 * DAY, 60 * DAY] {
        let from = 10 * DAY + gap;
        feed(&mut detector, &mut metric, from, from + DAY, |_, verdict| assert!(verdict.known && !verdict.opened));
    }
}

#[test]
fn what_is_no_measurement_is_missing_and_what_is_late_is_ignored() {
    let mut metric = Metric::new(Kind::Ratio, 0.1, 6);
    let mut detector = metric.watched(2 * DAY);
    let next = Metric::start_ms(2 * DAY);
    for (i, bad) in [
        Bucket::ratio(0, f64::NAN, 50.0),
        Bucket::ratio(0, 0.2, 0.0),
        Bucket::ratio(0, -0.1, 50.0),
        Bucket::ratio(0, 0.1, f64::INFINITY),
        // What f32 does not hold.
        Bucket::ratio(0, 0.1, 1e39),
    ]
    .into_iter()
    .enumerate()
    {
        let verdict = detector.observe(Bucket { start_ms: next + i as i64 * STEP, ..bad });
        assert!(!verdict.known, "{bad:?}");
    }
    let series = detector.series(288);
    let late = detector.observe(Bucket::ratio(next - STEP, 0.9, 500.0));
    assert!(!late.known && !late.anomalous);
    assert_eq!(detector.series(288), series);
}

#[test]
fn a_restored_detector_goes_on_as_if_nothing_happened() {
    let mut metric = Metric::new(Kind::Count, 20.0, 7).with(9 * DAY, 4, 3.0);
    let mut one = metric.watched(9 * DAY + 8);
    let mut two: Detector = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
    feed(&mut one, &mut metric, 9 * DAY + 8, 9 * DAY + 60, |_, _| {});
    let mut again = Metric::new(Kind::Count, 20.0, 7).with(9 * DAY, 4, 3.0);
    let _ = again.watched(9 * DAY + 8);
    feed(&mut two, &mut again, 9 * DAY + 8, 9 * DAY + 60, |_, _| {});
    assert_eq!(one.series(60), two.series(60));
    assert_eq!(one.is_anomalous(), two.is_anomalous());
}

#[test]
fn unusable_configurations_name_the_field() {
    let with = |f: fn(&mut Config)| {
        let mut config = Config::new(Kind::Count, STEP);
        f(&mut config);
        Detector::new(config).err()
    };
    assert_eq!(with(|c| c.step_ms = 0), Some(ConfigError::Step(0)));
    assert_eq!(with(|c| c.false_alarms_per_week = 0.0), Some(ConfigError::FalseAlarms(0.0)));
    assert_eq!(with(|c| c.min_effect = 1.0), Some(ConfigError::MinEffect(1.0)));
    assert!(with(|c| c.false_alarms_per_week = f64::NAN).is_some());
    assert_eq!(with(|_| {}), None);
    let shared = Config::new(Kind::Count, STEP).with_budget(2.0, 14);
    assert!((0.04..0.06).contains(&shared.false_alarms_per_week));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_numbers_give_sound_verdicts(
        kind in prop_oneof![Just(Kind::Count), Just(Kind::Ratio), Just(Kind::Duration)],
        values in proptest::collection::vec(
            (
                prop_oneof![6 => Just(0.0), 6 => 0.0..2.0f64, 6 => 0.0..1e6f64, 1 => Just(1e39), 1 => Just(f64::MAX)],
                prop_oneof![20 => 0.0..1e4f64, 1 => Just(1e39)],
                1i64..4,
            ),
            60..400,
        ),
    ) {
        let mut detector = Detector::new(Config::new(kind, 3_600_000)).expect("sound");
        let mut start_ms = 0;
        for (value, weight, steps) in values {
            start_ms += steps * 3_600_000;
            let verdict = detector.observe(Bucket { start_ms, value, weight });
            prop_assert!((0.0..=1.0).contains(&verdict.score) && verdict.p_value > 0.0 && verdict.p_value <= 1.0);
            prop_assert!(verdict.effect.is_finite() && verdict.effect >= 0.0);
            prop_assert_eq!(verdict.anomalous, verdict.since.is_some());
            for band in verdict.bucket.into_iter().chain(verdict.window) {
                prop_assert!(band.low >= 0.0 && band.low <= band.high + 1e-9 && band.expected.is_finite(), "{:?}", band);
            }
        }
        prop_assert!(detector.series(400).iter().all(|p| p.low.is_finite() && p.high.is_finite() && p.low <= p.high));
    }
}
