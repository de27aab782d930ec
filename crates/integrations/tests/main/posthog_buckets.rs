//! Buckets: one query for all, paging, culprits.

use serde_json::{Value, json};
use wakeman_gateway::ports::{BucketAnswer, BucketRequest, Clock, ProductSource, SourceError};
use wakeman_integrations::Posthog;
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, MetricId, MetricKind, MetricQuery, MetricSpec, Timestamp};

use crate::support::*;

const STEP_MS: i64 = 5 * MINUTE_MS;

fn event(name: &str) -> MetricSpec {
    let query = MetricQuery::Event { event: name.to_owned() };
    MetricSpec { id: MetricId::new(format!("id-{name}")), name: name.to_owned(), kind: MetricKind::Count, query }
}

fn monitor(id: &str, kind: MetricKind, select: &str) -> MetricSpec {
    let query = format!("SELECT {select} FROM events WHERE event = '{id}' AND timestamp > now() - INTERVAL 1 HOUR");
    MetricSpec { id: MetricId::new(id), name: id.to_owned(), kind, query: MetricQuery::HogQl { query } }
}

async fn ask(
    posthog: &Posthog,
    metrics: &[MetricSpec],
    from: Timestamp,
    until: Option<Timestamp>,
) -> Result<BucketAnswer, SourceError> {
    posthog.buckets(BucketRequest { metrics, from, until, step_ms: STEP_MS }).await
}

fn now_row() -> Value {
    json!(["#now", 0, 0, 0, NOW.ms() / 1000 + 3])
}

fn rows(rows: Vec<Value>) -> Say {
    Say::Json(200, json!({"results": rows, "columns": ["metric", "bucket", "value", "weight", "server_now"]}))
}

#[tokio::test]
async fn all_metrics_are_one_query() {
    let fake = Fake::start(|_, _| {
        let bucket = NOW.ms() / 1000 - 300;
        rows(vec![
            json!(["signed_up", bucket, 41, 0, NOW.ms() / 1000 + 3]),
            json!(["#0", bucket, 0.25, 120, NOW.ms() / 1000 + 3]),
            json!(["#0", bucket - 300, null, 0, NOW.ms() / 1000 + 3]),
            json!(["#1", bucket, 812.5, 7.0, NOW.ms() / 1000 + 3]),
            now_row(),
        ])
    })
    .await;
    let metrics = [
        event("signed_up"),
        event("checkout_completed"),
        monitor("conversion", MetricKind::Ratio, "countIf(event = 'b') / countIf(event = 'a')"),
        monitor("load", MetricKind::Duration, "avg(properties.duration_ms)"),
    ];
    let from = NOW.plus_ms(-HOUR_MS);
    let answer = ask(&fake.posthog(), &metrics, from, None).await.expect("buckets");
    assert_eq!(answer.server_now, NOW.plus_ms(3_000));
    assert_eq!(answer.refused, []);
    let got: Vec<(String, i64, f64, f64)> = answer
        .buckets
        .iter()
        .map(|(place, bucket)| (metrics[*place].id.to_string(), bucket.start.since(NOW), bucket.value, bucket.weight))
        .collect();
    assert_eq!(
        got,
        [
            ("id-signed_up".to_owned(), -STEP_MS, 41.0, 0.0),
            ("conversion".to_owned(), -STEP_MS, 0.25, 120.0),
            ("load".to_owned(), -STEP_MS, 812.5, 7.0),
        ]
    );
    assert_eq!(fake.calls(), 1);
    let seen = &fake.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/api/projects/1/query/"));
    assert_eq!(seen.body["refresh"], "force_blocking", "a cached present is the past");
    insta::assert_snapshot!(seen.hogql().replace(" UNION ALL ", "\nUNION ALL "), @r"
    SELECT metric, bucket, value, weight, server_now FROM (SELECT event AS metric, toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE)) AS bucket, toFloat(count()) AS value, toFloat(0) AS weight, toUnixTimestamp(now()) AS server_now FROM events WHERE event IN ('checkout_completed', 'signed_up') AND timestamp >= toDateTime('2026-01-05T07:00:00Z') GROUP BY metric, bucket
    UNION ALL SELECT '#0' AS metric, toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE)) AS bucket, toFloat(countIf(event = 'b') / countIf(event = 'a')) AS value, toFloat(countIf(event = 'a')) AS weight, toUnixTimestamp(now()) AS server_now FROM events WHERE event = 'conversion' AND timestamp >= toDateTime('2026-01-05T07:00:00Z') GROUP BY bucket
    UNION ALL SELECT '#1' AS metric, toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE)) AS bucket, toFloat(avg(properties.duration_ms)) AS value, toFloat(count()) AS weight, toUnixTimestamp(now()) AS server_now FROM events WHERE event = 'load' AND timestamp >= toDateTime('2026-01-05T07:00:00Z') GROUP BY bucket
    UNION ALL SELECT '#now' AS metric, 0 AS bucket, toFloat(0) AS value, toFloat(0) AS weight, toUnixTimestamp(now()) AS server_now) LIMIT 50000
    ");
}

#[tokio::test]
async fn a_number_that_nothing_can_be_computed_with_is_no_bucket_and_its_metric_is_named() {
    let fake = Fake::start(|_, _| {
        let (bucket, now) = (NOW.ms() / 1000 - 300, NOW.ms() / 1000 + 3);
        rows(vec![
            json!(["signed_up", bucket, 41, 0, now]),
            json!(["signed_up", bucket - 300, 1e39, 0, now]),
            json!(["#0", bucket, 0.25, -1e300, now]),
            json!(["paid", bucket, 7, 0, now]),
            now_row(),
        ])
    })
    .await;
    let ratio = monitor("conversion", MetricKind::Ratio, "countIf(event = 'b') / countIf(event = 'a')");
    let metrics = [event("signed_up"), ratio, event("paid")];
    let answer = ask(&fake.posthog(), &metrics, NOW.plus_ms(-HOUR_MS), None).await.expect("buckets");
    let refused: Vec<String> = answer.refused.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    let why = |number: &str| format!("PostHog answered {number}, which is no number of events; mend its query");
    assert_eq!(refused, [format!("id-signed_up: {}", why("1e39")), format!("conversion: {}", why("-1e300"))]);
    let kept: Vec<(usize, f64)> = answer.buckets.iter().map(|(place, bucket)| (*place, bucket.value)).collect();
    assert_eq!(kept, [(0, 41.0), (2, 7.0)]);
}

#[tokio::test]
async fn fifty_metrics_are_still_one_query() {
    let fake = Fake::always(rows(vec![now_row()])).await;
    let metrics: Vec<MetricSpec> =
        (0..50)
            .map(|n| {
                if n % 2 == 0 {
                    event(&format!("e{n}"))
                } else {
                    monitor(&format!("m{n}"), MetricKind::Count, "count()")
                }
            })
            .collect();
    ask(&fake.posthog(), &metrics, NOW.plus_ms(-HOUR_MS), None).await.expect("buckets");
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn an_event_that_looks_like_a_label_is_still_an_event() {
    let fake = Fake::start(|seen, _| {
        assert!(seen.hogql().contains("'##0' AS metric"), "{}", seen.hogql());
        let at = NOW.ms() / 1000;
        rows(vec![json!(["#0", at, 1, 0, at]), json!(["##0", at, 2, 0, at]), json!(["##now", 0, 0, 0, at])])
    })
    .await;
    let metrics = [event("#0"), monitor("m", MetricKind::Count, "count()")];
    let answer = ask(&fake.posthog(), &metrics, NOW, None).await.expect("buckets");
    let got: Vec<(&str, f64)> =
        answer.buckets.iter().map(|(place, bucket)| (metrics[*place].id.as_str(), bucket.value)).collect();
    assert_eq!(got, [("id-#0", 1.0), ("m", 2.0)]);
}

#[tokio::test]
async fn a_wrong_answer_is_never_taken_for_numbers() {
    let at = NOW.ms() / 1000;
    for (answer, words) in [
        (json!({"results": []}), "no row at all"),
        (json!({"results": [["other", at, 1, 0, at]]}), "a row for \"other\""),
        (json!({"results": [["#9", at, 1, 0, at]]}), "a row for \"#9\""),
        (json!({"results": [["x", at + 1, 1, 0, at]]}), "no multiple of 300 s"),
        (json!({"results": [["x", at, "1", 0, at]]}), "`results[0][2]`"),
        (json!({"results": [["x", at, 1, 0]]}), "`results[0]`"),
        (json!({"rows": []}), "missing field `results`"),
    ] {
        let fake = Fake::always(Say::Json(200, answer.clone())).await;
        match ask(&fake.posthog(), &[event("x")], NOW, None).await {
            Err(SourceError::Shape { reason }) => assert!(reason.contains(words), "{answer}: {reason}"),
            other => panic!("{answer}: {other:?}"),
        }
    }
}

/// The whole range is covered once, without gaps, whatever the paging.
fn ranges(fake: &Fake) -> Vec<(String, Option<String>)> {
    let bound = |sql: &str, sign: &str| {
        let rest = sql.split_once(&format!("timestamp {sign} toDateTime('"))?.1;
        rest.split_once('\'').map(|(at, _)| at.to_owned())
    };
    fake.seen().iter().map(|seen| (bound(&seen.hogql(), ">=").expect("a start"), bound(&seen.hogql(), "<"))).collect()
}

#[tokio::test]
async fn a_backfill_is_paged_by_time() {
    let fake = Fake::always(rows(vec![now_row()])).await;
    let metrics: Vec<MetricSpec> = (0..50).map(|n| event(&format!("e{n}"))).collect();
    let from = NOW.plus_ms(-28 * DAY_MS);
    ask(&fake.posthog(), &metrics, from, None).await.expect("buckets");
    let pages = ranges(&fake);
    assert_eq!(pages.len(), 9, "28 days × 288 buckets × 50 series at 45,000 rows a page");
    assert_eq!(pages[0].0, "2025-12-08T08:00:00Z");
    assert_eq!(pages[8].1, None, "the last page is open");
    for pair in pages.windows(2) {
        assert_eq!(pair[0].1.as_ref(), Some(&pair[1].0));
    }
}

#[tokio::test]
async fn a_page_that_does_not_fit_is_halved() {
    let fake = Fake::start(|_, nth| {
        let mut answer = json!({"results": [["x", NOW.ms() / 1000 - 300, 1, 0, NOW.ms() / 1000], now_row()]});
        if nth == 0 {
            answer["hasMore"] = json!(true);
        }
        Say::Json(200, answer)
    })
    .await;
    let answer = ask(&fake.posthog(), &[event("x")], NOW.plus_ms(-HOUR_MS), Some(NOW)).await.expect("buckets");
    let at = |text: &str| text.to_owned();
    assert_eq!(
        ranges(&fake),
        [
            (at("2026-01-05T07:00:00Z"), Some(at("2026-01-05T08:00:00Z"))),
            (at("2026-01-05T07:00:00Z"), Some(at("2026-01-05T07:30:00Z"))),
            (at("2026-01-05T07:30:00Z"), Some(at("2026-01-05T08:00:00Z"))),
        ]
    );
    assert_eq!(answer.buckets.len(), 2, "the page that did not fit counts for nothing");
    let endless = Fake::always(Say::Json(200, json!({"results": [now_row()], "hasMore": true}))).await;
    let error = ask(&endless.posthog(), &[event("x")], NOW.plus_ms(-HOUR_MS), Some(NOW)).await;
    assert!(matches!(error, Err(SourceError::Shape { .. })), "{error:?}");
}

/// Refuses whatever mentions the word.
fn picky(word: &'static str) -> impl Fn(&Seen, usize) -> Say {
    move |seen, _| {
        if seen.hogql().contains(word) {
            let detail = format!("Unable to resolve field: {word}");
            return Say::Json(
                400,
                json!({"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": "query"}),
            );
        }
        let at = NOW.ms() / 1000;
        let labels =
            (0..8).map(|n| format!("#{n}")).filter(|label| seen.hogql().contains(&format!("'{label}' AS metric")));
        let mut all: Vec<Value> = labels.map(|label| json!([label, at, 1, 0, at])).collect();
        if seen.hogql().contains("event AS metric") {
            all.push(json!(["x", at, 5, 0, at]));
        }
        all.push(now_row());
        rows(all)
    }
}

#[tokio::test]
async fn one_bad_monitor_does_not_take_the_others_down() {
    let fake = Fake::start(picky("nonsense")).await;
    let clock = StillClock::new();
    let posthog = posthog(&fake.address, clock.clone(), 1.0);
    let mut metrics = vec![event("x")];
    for n in 0..8 {
        let select = if n == 5 { "sum(nonsense)" } else { "count()" };
        metrics.push(monitor(&format!("m{n}"), MetricKind::Count, select));
    }
    let answer = ask(&posthog, &metrics, NOW, None).await.expect("the others");
    let mut answered: Vec<&str> = answer.buckets.iter().map(|(place, _)| metrics[*place].id.as_str()).collect();
    answered.sort_unstable();
    assert_eq!(answered, ["id-x", "m0", "m1", "m2", "m3", "m4", "m6", "m7"]);
    let [(culprit, words)] = answer.refused.as_slice() else { panic!("{:?}", answer.refused) };
    assert_eq!(
        (culprit.as_str(), words.as_str()),
        ("m5", "PostHog refused it: 400, Unable to resolve field: nonsense")
    );
    let searched = fake.calls();
    assert!(searched <= 9, "halving, not trying one by one: {searched}");

    let again = ask(&posthog, &metrics, NOW, None).await.expect("the others");
    assert_eq!((again.refused.len(), again.buckets.len()), (1, 8));
    assert_eq!(fake.calls(), searched + 1, "the culprit is remembered");

    let mut mended = metrics.clone();
    mended[6] = monitor("m5", MetricKind::Count, "count()");
    assert_eq!(ask(&posthog, &mended, NOW, None).await.expect("all").refused, []);
    assert_eq!(fake.calls(), searched + 2, "a mended query is tried at once");

    clock.put(NOW.plus_ms(HOUR_MS));
    assert_eq!(ask(&posthog, &metrics, NOW, None).await.expect("the others").refused.len(), 1);
    assert!(fake.calls() > searched + 3, "and the old one again after an hour");
}

#[tokio::test]
async fn what_cannot_be_rewritten_is_refused_without_asking() {
    let fake = Fake::always(rows(vec![now_row()])).await;
    let grouped = MetricSpec {
        query: MetricQuery::HogQl { query: "SELECT count() FROM events GROUP BY event".into() },
        ..monitor("m", MetricKind::Count, "count()")
    };
    let answer = ask(&fake.posthog(), &[grouped, event("x")], NOW, None).await.expect("the event");
    assert_eq!(answer.refused.len(), 1);
    assert!(answer.refused[0].1.contains("GROUP BY cannot be watched"), "{:?}", answer.refused);
    assert!(!fake.seen()[0].hogql().contains("GROUP BY event"));
}

#[tokio::test]
async fn a_refusal_of_the_events_themselves_is_the_sources_fault() {
    let fake = Fake::always(Say::Json(400, json!({"detail": "Unknown table \"events\""}))).await;
    match ask(&fake.posthog(), &[event("x")], NOW, None).await {
        Err(SourceError::Rejected { reason, .. }) => assert_eq!(reason, "400, Unknown table \"events\""),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn our_share_of_the_allowance_is_kept() {
    let fake = Fake::always(rows(vec![now_row()])).await;
    let clock = StillClock::new();
    let posthog = posthog(&fake.address, clock.clone(), 0.0125);
    assert!(posthog.budget_used() < 1e-9);
    for _ in 0..3 {
        ask(&posthog, &[event("x")], NOW, None).await.expect("within the share");
    }
    let Err(SourceError::Limited { wait_ms, reason }) = ask(&posthog, &[event("x")], NOW, None).await else {
        panic!("over the share")
    };
    assert_eq!(wait_ms, Some(MINUTE_MS));
    assert!(reason.contains("posthog.rateShare"), "{reason}");
    assert_eq!(fake.calls(), 3, "nothing was sent");
    assert!((posthog.budget_used() - 0.1).abs() < 1e-9);
    clock.put(NOW.plus_ms(MINUTE_MS));
    ask(&posthog, &[event("x")], NOW, None).await.expect("a minute later");
}

#[tokio::test]
async fn a_query_in_the_background_is_waited_for() {
    let status = |complete: bool, results: Value| json!({"query_status": {"id": "q1", "complete": complete, "error": false, "results": results}});
    let fake = Fake::start(move |seen, nth| match (seen.method.as_str(), nth) {
        ("POST", _) => Say::Json(202, status(false, Value::Null)),
        (_, 1) => Say::Json(202, status(false, Value::Null)),
        _ => Say::Json(200, status(true, json!({"results": [now_row()]}))),
    })
    .await;
    let clock = StillClock::new();
    let posthog = posthog(&fake.address, clock.clone(), 1.0);
    let answer = ask(&posthog, &[event("x")], NOW, None).await.expect("buckets");
    assert_eq!(answer.server_now, NOW.plus_ms(3_000));
    assert_eq!(clock.now(), NOW.plus_ms(2), "both looks waited by the clock that was given");
    let targets: Vec<String> = fake.seen().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, ["/api/projects/1/query/", "/api/projects/1/query/q1/", "/api/projects/1/query/q1/"]);

    let failed =
        json!({"query_status": {"id": "q1", "complete": true, "error": true, "error_message": "Out of memory"}});
    let fake = Fake::always(Say::Json(202, failed)).await;
    assert!(matches!(ask(&fake.posthog(), &[event("x")], NOW, None).await, Err(SourceError::Rejected { .. })));
}
