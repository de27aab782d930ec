//! The product's life: how seldom it cries wolf.

use crate::sim::{DAY, Metric, feed};
use rand::{Rng, SeedableRng};
use wakeman_detect::{Bucket, Kind};

/// An instance's fourteen metrics.
fn fourteen(seed: u64) -> Vec<Metric> {
    let counts = [0.5, 1.0, 4.0, 4.0, 12.0, 96.0, 96.0, 400.0, 2000.0, 1e5].map(|level| (Kind::Count, level));
    let others = [(Kind::Ratio, 0.1), (Kind::Ratio, 0.02), (Kind::Duration, 200.0), (Kind::Duration, 900.0)];
    let all = counts.into_iter().chain(others).enumerate();
    all.map(|(i, (kind, level))| Metric::new(kind, level, seed + i as u64)).collect()
}

fn alarms(metrics: Vec<Metric>, warm: i64, watch: i64) -> Vec<String> {
    let mut alarms = Vec::new();
    for mut metric in metrics {
        let mut detector = metric.watched(warm);
        let what = format!("{:?} {}", metric.kind, metric.level);
        feed(&mut detector, &mut metric, warm, warm + watch, |i, verdict| {
            if verdict.opened {
                alarms.push(format!("{what} after {:.2} days: {:.2}", i as f64 / DAY as f64, verdict.effect));
            }
        });
    }
    alarms
}

#[test]
fn fourteen_metrics_with_three_weeks_of_history_stay_calm() {
    let alarms = alarms(fourteen(100), 21 * DAY, 14 * DAY);
    assert!(alarms.len() <= 3, "in two weeks: {alarms:#?}");
}

#[test]
fn fourteen_metrics_with_one_day_of_history_stay_calm_through_their_first_weeks() {
    let alarms = alarms(fourteen(200), DAY, 14 * DAY);
    assert!(alarms.len() <= 4, "in two weeks: {alarms:#?}");
}

#[test]
fn a_job_at_the_same_minute_of_every_day_is_learnt_in_three_days() {
    let mut metric = Metric::new(Kind::Count, 96.0, 7);
    let mut detector = metric.watched(0);
    let mut late = 0;
    for i in 0..14 * DAY {
        let mut bucket = metric.bucket(i);
        bucket.value *= if i % DAY == 37 { 12.0 } else { 1.0 };
        late += i32::from(detector.observe(bucket).opened && i > 5 * DAY);
    }
    assert_eq!(late, 0);
}

#[test]
fn working_hours_with_sharp_edges_and_quiet_weekends_are_learnt() {
    let mut metric = Metric::new(Kind::Count, 60.0, 8);
    (metric.daily, metric.weekly) = (0.0, 0.0);
    let mut detector = metric.watched(0);
    let (mut late, mut missed) = (Vec::new(), true);
    for i in 0..29 * DAY {
        let (weekday, hour) = (i / DAY % 7, i % DAY / 12);
        let open = weekday < 5 && (9..18).contains(&hour);
        // In the fifth week, on Monday at eleven, half of it is gone.
        let broken = i >= 28 * DAY + 11 * 12;
        metric.level = if open { 60.0 } else { 6.0 } * if broken { 0.4 } else { 1.0 };
        let verdict = detector.observe(metric.bucket(i));
        if verdict.opened && (21 * DAY..28 * DAY).contains(&i) {
            late.push(format!("{weekday} {hour}: {:.2}", verdict.effect));
        }
        missed &= !(verdict.opened && broken && i < 28 * DAY + 12 * 12);
    }
    assert!(late.len() <= 1, "{late:?}");
    assert!(!missed, "the drop on Monday at eleven");
}

#[test]
fn a_gauge_that_comes_in_bursts_is_soon_left_alone() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(12);
    let mut detector = crate::sim::detector(Kind::Duration);
    let mut late = 0;
    for i in 0..28 * DAY {
        let burst = rng.random_bool(0.03);
        let value = if burst { rng.random_range(5.0..90.0) } else { 0.1 };
        let verdict = detector.observe(Bucket::duration(Metric::start_ms(i), value, 1.0));
        late += i32::from(verdict.opened && i > 14 * DAY);
    }
    assert!(late <= 3, "{late} alarms in two weeks");
}
