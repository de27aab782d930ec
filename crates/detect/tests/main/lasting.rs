//! During and after an anomaly: the baseline is protected, the return is no spike, a new level is accepted in the end.

use crate::sim::{DAY, HOUR, Metric, feed};
use wakeman_detect::{Direction, Kind, Trend};

const AT: i64 = 22 * DAY + 10 * HOUR;

#[test]
fn twelve_hours_of_outage_do_not_look_normal_and_the_return_is_a_recovery() {
    for seed in 0..4 {
        let mut metric = Metric::new(Kind::Count, 96.0, seed).with(AT, 12, 0.1);
        let mut detector = metric.watched(AT);
        let before = detector.expected_band(3_600_000).expect("known").expected;
        feed(&mut detector, &mut metric, AT, AT + 12 * HOUR, |i, verdict| {
            assert!(i < AT + 2 || verdict.anomalous, "seed {seed}: lost it after {} buckets", i - AT);
            assert!(!verdict.recovered);
        });
        assert!(!detector.recovered());
        // Half a day later the season alone has moved the expectation.
        let band = detector.expected_band(3_600_000).expect("known");
        assert!(band.expected > 0.3 * before && !band.contains_observed(), "seed {seed}: {band:?}");

        let mut recovered_after = None;
        feed(&mut detector, &mut metric, AT + 12 * HOUR, AT + 36 * HOUR, |i, verdict| {
            assert!(!verdict.opened, "seed {seed}: the return alarmed: {verdict:?}");
            if verdict.recovered {
                recovered_after = recovered_after.or(Some(i - AT - 12 * HOUR + 1));
            }
        });
        assert!(recovered_after.is_some_and(|n| (3..=8).contains(&n)), "seed {seed}: {recovered_after:?}");
    }
}

#[test]
fn recovered_says_so_for_a_verification() {
    let mut metric = Metric::new(Kind::Count, 96.0, 3).with(AT, 3, 0.4);
    let mut detector = metric.watched(AT);
    assert!(detector.recovered(), "nothing was wrong");
    feed(&mut detector, &mut metric, AT, AT + 3 * HOUR, |_, _| {});
    assert!(!detector.recovered() && detector.is_anomalous());
    feed(&mut detector, &mut metric, AT + 3 * HOUR, AT + 4 * HOUR, |_, _| {});
    assert!(detector.recovered() && !detector.is_anomalous());
    let band = detector.expected_band(40 * 60_000).expect("known");
    assert!(band.contains_observed() && band.low < band.expected && band.expected < band.high, "{band:?}");
}

#[test]
fn a_small_anomaly_is_not_taken_for_recovered_while_it_lasts() {
    let mut early = 0;
    for seed in 0..6 {
        let mut metric = Metric::new(Kind::Count, 96.0, seed).with(AT, 10, 0.7);
        let mut detector = metric.watched(AT);
        feed(&mut detector, &mut metric, AT, AT + 10 * HOUR, |_, verdict| early += i32::from(verdict.recovered));
    }
    assert!(early <= 1, "{early}");
}

#[test]
fn a_lasting_level_is_accepted_after_a_day_or_two_and_the_next_change_is_noticed() {
    let mut metric = Metric::new(Kind::Count, 96.0, 5).with(AT, 24 * 30, 0.5);
    let mut detector = metric.watched(AT);
    let mut adapted = None;
    feed(&mut detector, &mut metric, AT, AT + 3 * DAY, |i, verdict| {
        if verdict.adapted {
            adapted = adapted.or(Some(i - AT));
        }
        assert!(adapted.is_some() || i < AT + 6 || verdict.anomalous);
    });
    let adapted = adapted.expect("the new level is accepted");
    assert!((DAY..=2 * DAY).contains(&adapted), "{adapted} buckets");

    let mut alarms = 0;
    feed(&mut detector, &mut metric, AT + 3 * DAY, AT + 8 * DAY, |_, verdict| alarms += i32::from(verdict.opened));
    assert!(alarms <= 1, "{alarms} alarms at the accepted level");
    let band = detector.expected_band(86_400_000).expect("known");
    assert!((0.85..1.15).contains(&band.effect()), "{band:?}");

    metric.level *= 0.4;
    let mut noticed = false;
    feed(&mut detector, &mut metric, AT + 8 * DAY, AT + 8 * DAY + HOUR, |_, verdict| noticed |= verdict.opened);
    assert!(noticed);
}

#[test]
fn an_incident_in_the_history_leaves_the_baseline_alone() {
    let mut clean = Metric::new(Kind::Count, 96.0, 11);
    let mut dirty = Metric::new(Kind::Count, 96.0, 11).with(15 * DAY, 12, 0.1);
    let (clean, dirty) = (clean.watched(AT), dirty.watched(AT));
    let expected = |d: &wakeman_detect::Detector| d.expected_band(86_400_000).expect("known").expected;
    assert!((expected(&dirty) / expected(&clean) - 1.0).abs() < 0.05, "{} {}", expected(&dirty), expected(&clean));
}

#[test]
fn the_trend_tells_where_it_is_heading() {
    let mut metric = Metric::new(Kind::Count, 2000.0, 4).with(AT, 6, 0.2).with_onset(2 * HOUR);
    let mut detector = metric.watched(AT);
    let mut trends = Vec::new();
    feed(&mut detector, &mut metric, AT, AT + 5 * HOUR, |_, verdict| {
        if verdict.anomalous {
            assert_eq!(verdict.direction, Direction::Down);
            trends.push(verdict.trend);
        }
    });
    let worsening = trends[..12].iter().filter(|t| **t == Trend::Worsening).count();
    assert!(worsening >= 8, "{trends:?}");
    assert!(trends.iter().rev().take(6).filter(|t| **t == Trend::Recovering).count() <= 2, "{trends:?}");
}
