//! PostHog against the simulated one: the queries are understood, and the numbers are the world's.

use std::collections::BTreeMap;

use wakeman_gateway::ports::{BucketRequest, FlagHands, HandsError, ProductSource};
use wakeman_integrations::{check_posthog, discover};
use wakeman_lab::client::FaultMode;
use wakeman_types::{
    Bucket, ChangeKind, ChangeRef, DAY_MS, HOUR_MS, MINUTE_MS, MetricId, MetricKind, MetricQuery, MetricSpec,
};

use crate::support::*;

const STEP_MS: i64 = 5 * MINUTE_MS;

fn event(name: &str) -> MetricSpec {
    let query = MetricQuery::Event { event: name.to_owned() };
    MetricSpec { id: MetricId::new(name), name: name.to_owned(), kind: MetricKind::Count, query }
}

fn monitor(id: &str, kind: MetricKind, query: &str) -> MetricSpec {
    let query = MetricQuery::HogQl { query: query.to_owned() };
    MetricSpec { id: MetricId::new(id), name: id.to_owned(), kind, query }
}

const CONVERSION: &str = "SELECT countIf(event = 'activated') / countIf(event = 'signed_up') FROM events \
                          WHERE event IN ('activated', 'signed_up') AND timestamp > now() - INTERVAL 1 HOUR";
const LATENCY: &str = "SELECT avg(properties.duration_ms) FROM events WHERE event = 'checkout_completed' AND timestamp > now() - INTERVAL 1 HOUR";

fn series(metrics: &[MetricSpec], buckets: &[(usize, Bucket)]) -> BTreeMap<String, Vec<Bucket>> {
    let mut series: BTreeMap<String, Vec<Bucket>> = BTreeMap::new();
    for (place, bucket) in buckets {
        series.entry(metrics[*place].id.to_string()).or_default().push(*bucket);
    }
    series
}

#[tokio::test]
async fn fifty_metrics_come_in_one_call_and_agree_with_each_other() {
    let world = World::shipped("bad-merge").await;
    let mut metrics = vec![
        event("signed_up"),
        event("checkout_completed"),
        event("$pageview"),
        monitor("conversion", MetricKind::Ratio, CONVERSION),
        monitor("latency", MetricKind::Duration, LATENCY),
        monitor(
            "signups",
            MetricKind::Count,
            "SELECT count() FROM events WHERE event = 'signed_up' AND timestamp > now() - INTERVAL 1 HOUR",
        ),
    ];
    for n in metrics.len()..50 {
        let query = format!(
            "SELECT countIf(properties.browser = 'chrome') FROM events WHERE event = 'signed_up' AND {n} > 0 AND timestamp > now() - INTERVAL 1 HOUR"
        );
        metrics.push(monitor(&format!("m{n}"), MetricKind::Count, &query));
    }
    let posthog = world.posthog();
    let from = world.start.plus_ms(-6 * HOUR_MS);
    let request = BucketRequest { metrics: &metrics, from, until: Some(world.start), step_ms: STEP_MS };
    let answer = posthog.buckets(request).await.expect("buckets");
    assert_eq!(answer.refused, []);
    assert_eq!(answer.server_now, world.start, "by the source's clock");
    assert!((posthog.budget_used() - 1.0 / 2_400.0).abs() < 1e-9, "one call");

    let series = series(&metrics, &answer.buckets);
    assert_eq!(series.len(), 50);
    assert_eq!(series["signed_up"].len(), 72);
    let plain = |id: &str| series[id].iter().map(|bucket| (bucket.start, bucket.value)).collect::<BTreeMap<_, _>>();
    assert_eq!(plain("signed_up"), plain("signups"), "an event and its query are the same numbers");
    let signups = plain("signed_up");
    for bucket in &series["conversion"] {
        assert_eq!(Some(&bucket.weight), signups.get(&bucket.start), "the denominator is the weight");
        assert!((0.0..=1.2).contains(&bucket.value), "{bucket:?}");
    }
    let checkouts = plain("checkout_completed");
    for bucket in &series["latency"] {
        assert_eq!(Some(&bucket.weight), checkouts.get(&bucket.start), "the samples are the weight");
        assert!((200.0..800.0).contains(&bucket.value), "{bucket:?}");
    }
    assert!(series["m49"].iter().all(|bucket| bucket.value <= signups[&bucket.start]));
}

#[tokio::test]
async fn nothing_is_still_a_clock() {
    let world = World::shipped("bad-merge").await;
    let posthog = world.posthog();
    assert_eq!(posthog.server_now().await.expect("a clock"), world.start);
    let metrics = [event("never_happens")];
    let request =
        BucketRequest { metrics: &metrics, from: world.start.plus_ms(-HOUR_MS), until: None, step_ms: STEP_MS };
    let answer = posthog.buckets(request).await.expect("an answer");
    assert_eq!((answer.server_now, answer.buckets.len()), (world.start, 0));
}

#[tokio::test]
async fn a_backfill_has_every_bucket_once() {
    let world = World::shipped("bad-merge").await;
    let posthog = world.posthog();
    // Forty series make pages of a few days each.
    let mut metrics = vec![event("$pageview")];
    for n in 0..39 {
        metrics.push(monitor(
            &format!("m{n}"),
            MetricKind::Count,
            "SELECT count() FROM events WHERE event = '$pageview'",
        ));
    }
    let from = world.start.plus_ms(-14 * DAY_MS);
    let request = BucketRequest { metrics: &metrics, from, until: None, step_ms: STEP_MS };
    let answer = posthog.buckets(request).await.expect("buckets");
    let starts: Vec<i64> =
        series(&metrics, &answer.buckets)["$pageview"].iter().map(|bucket| bucket.start.since(from)).collect();
    let want: Vec<i64> = (0..14 * 288).map(|n| n * STEP_MS).collect();
    assert_eq!(starts.len(), want.len());
    assert_eq!(starts, want, "each step once, in order");
    assert!(posthog.budget_used() * 2_400.0 > 1.5, "in more than one call");
}

#[tokio::test]
async fn a_monitor_that_posthog_refuses_is_found() {
    let world = World::shipped("bad-merge").await;
    let metrics = [
        event("signed_up"),
        monitor("good", MetricKind::Ratio, CONVERSION),
        monitor(
            "bad",
            MetricKind::Count,
            "SELECT count() FROM events WHERE nonsense_column = 3 AND timestamp > now() - INTERVAL 1 HOUR",
        ),
        monitor("worse", MetricKind::Count, "SELECT count(frobnicate(event)) FROM events"),
    ];
    let request =
        BucketRequest { metrics: &metrics, from: world.start.plus_ms(-HOUR_MS), until: None, step_ms: STEP_MS };
    let posthog = world.posthog();
    let answer = posthog.buckets(request).await.expect("the others");
    let mut refused: Vec<&str> = answer.refused.iter().map(|(id, _)| id.as_str()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["bad", "worse"]);
    assert!(answer.refused.iter().any(|(_, words)| words.contains("nonsense_column")), "{:?}", answer.refused);
    let answered = series(&metrics, &answer.buckets);
    assert!(answered["signed_up"].len() >= 12 && answered["good"].len() >= 12);
    let before = posthog.budget_used();
    assert_eq!(posthog.buckets(request).await.expect("the others").refused.len(), 2);
    assert!((posthog.budget_used() - before) * 2_400.0 < 1.5, "both are remembered");
}

#[tokio::test]
async fn one_tick_is_three_calls() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(150).await;
    let posthog = world.posthog();
    let metrics = [event("signed_up"), monitor("conversion", MetricKind::Ratio, CONVERSION)];
    let since = now.plus_ms(-HOUR_MS);
    let request = BucketRequest { metrics: &metrics, from: since.floor_to(STEP_MS), until: None, step_ms: STEP_MS };
    posthog.buckets(request).await.expect("buckets");
    let changes = posthog.flag_changes(since.plus_ms(-HOUR_MS)).await.expect("flag edits");
    let errors = posthog.errors(since).await.expect("errors");
    assert!((posthog.budget_used() - 3.0 / 2_400.0).abs() < 1e-9);

    let flags: Vec<_> = changes.iter().filter(|change| change.kind == ChangeKind::Flag).collect();
    let ChangeRef::Flag { key, rollout, .. } = &flags.first().expect("the flag edit of the scenario").reference else {
        panic!("{flags:?}")
    };
    assert_eq!((key.as_str(), *rollout), ("checkout-fast", Some(0.2)));
    assert!(flags[0].id.as_str().starts_with("flag:checkout-fast@"));

    let new = errors.iter().find(|error| error.first_seen > since.plus_ms(-30 * MINUTE_MS)).expect("the new error");
    assert!(new.source.as_deref().is_some_and(|source| source.contains("web/signup")), "{new:?}");
    let volume: u64 = new.volume.iter().map(|(_, count)| count).sum();
    assert!(new.occurrences > 20 && volume > 0, "{new:?}");
}

#[tokio::test]
async fn the_split_by_a_flag_sees_whom_it_hit() {
    let world = World::shipped("flag-rollback").await;
    let posthog = world.posthog();
    let truth = world.lab.truth().await.expect("the truth");
    let incident = truth.incidents.iter().find(|incident| incident.metric.is_some()).expect("an incident").clone();
    let flag = truth.changes.iter().find(|change| change.id == incident.cause).and_then(|change| change.flag.clone());
    let onset = chrono::DateTime::parse_from_rfc3339(&incident.start).expect("an instant").timestamp_millis();
    let onset = wakeman_types::Timestamp::from_ms(onset).floor_to(STEP_MS);
    world.at_minute((onset.since(world.start) + 2 * HOUR_MS) / MINUTE_MS).await;
    let event = incident.events.first().expect("an event").clone();
    let flag = flag.expect("a flag");
    let [exposed_before, exposed_after, other_before, other_after] =
        posthog.flag_split(&event, &flag, onset.plus_ms(20 * MINUTE_MS), HOUR_MS).await.expect("counts");
    assert!(exposed_before + other_before > 50.0, "{exposed_before} {other_before}");
    let (exposed, other) = (exposed_after / exposed_before.max(1.0), other_after / other_before);
    assert!((other - 1.0).abs() < 0.4, "the others go on as before: {other}");
    assert!((exposed - other).abs() > 0.2, "the exposed do not: {exposed} against {other}");
}

#[tokio::test]
async fn a_flag_is_turned_off_once_whatever_the_wire_does() {
    for mode in [FaultMode::NotApplied, FaultMode::Applied, FaultMode::ReplyLost] {
        let world = World::shipped("bad-merge").await;
        world.at_minute(90).await;
        let posthog = world.posthog();
        let shown = posthog.flag("checkout-fast").await.expect("the flag");
        assert_eq!((shown.active, shown.rollout), (true, Some(0.2)));
        world.fault("posthog", "PATCH", mode).await;
        let first = posthog.set_flag(shown.id, shown.version, false, None).await;
        assert!(matches!(first, Err(HandsError::InDoubt { .. })), "{mode:?}: {first:?}");
        let again = posthog.set_flag(shown.id, shown.version, false, None).await.expect("off");
        assert_eq!((again.active, again.version), (false, shown.version + 1), "{mode:?}");
        assert_eq!(world.applied().await.len(), 1, "{mode:?}");
    }
    let world = World::shipped("bad-merge").await;
    world.at_minute(90).await;
    let posthog = world.posthog();
    let shown = posthog.flag("checkout-fast").await.expect("the flag");
    posthog.set_flag(shown.id, shown.version, true, Some(0.5)).await.expect("half");
    let stale = posthog.set_flag(shown.id, shown.version, false, None).await;
    let Err(HandsError::Precondition { reason }) = stale else { panic!("{stale:?}") };
    assert!(reason.contains(&format!("version {} → {}", shown.version, shown.version + 1)), "{reason}");
}

#[tokio::test]
async fn the_lab_passes_the_check_and_suggests_its_metrics() {
    let world = World::shipped("bad-merge").await;
    let posthog = world.posthog();
    let outcome = check_posthog(&posthog).await;
    assert!(outcome.ok(), "{outcome:?}");
    assert_eq!((outcome.clock_skew_ms, outcome.missing.len()), (Some(0), 0));
    let specs = discover(&posthog).await.expect("suggestions");
    let suggested = |event: &str| specs.iter().any(|spec| spec.query == MetricQuery::Event { event: event.to_owned() });
    assert!(suggested("signed_up") && suggested("checkout_completed"), "{specs:?}");
}
