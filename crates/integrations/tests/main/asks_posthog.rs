//! What a conversation asks of PostHog, against the simulated one and against answers of any kind.

use serde_json::{Value, json};
use wakeman_gateway::ports::{
    BucketRequest, FunnelRequest, Interval, ProductReader, ProductSource, QueryRequest, SourceError, TrendRequest,
};
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, MetricId, MetricKind, MetricQuery, MetricSpec};

use crate::support::*;

fn asked(sql: &str) -> QueryRequest<'_> {
    QueryRequest { sql, rows_max: 500, hidden: &["logs"] }
}

#[tokio::test]
async fn a_query_is_run_with_its_limit_and_tells_its_time() {
    let world = World::shipped("bad-merge").await;
    let sql = "SELECT event, count() AS n FROM events WHERE timestamp > now() - INTERVAL 1 DAY GROUP BY event ORDER BY n DESC";
    let answer = world.posthog().query(asked(sql)).await.expect("rows");
    assert_eq!(answer.columns, ["event", "n"]);
    assert!(answer.rows.len() > 2 && !answer.more, "{:?}", answer.rows);
    assert_eq!(answer.as_of, Some(world.start));
    assert!(answer.asked.ends_with("ORDER BY n DESC LIMIT 501"), "{}", answer.asked);

    let rows = QueryRequest { sql: "SELECT timestamp FROM events LIMIT 100000", rows_max: 7, hidden: &[] };
    let answer = world.posthog().query(rows).await.expect("rows");
    assert_eq!((answer.rows.len(), answer.more), (7, true));
}

#[tokio::test]
async fn what_posthog_or_we_refuse_can_be_written_otherwise() {
    let world = World::shipped("bad-merge").await;
    for sql in
        ["SELECT nonsense( FROM events", "SELECT 1; DROP TABLE events", "SELECT * FROM nowhere", "SELECT * FROM logs"]
    {
        let error = world.posthog().query(asked(sql)).await.expect_err(sql);
        assert!(matches!(error, SourceError::Rejected { .. }), "{sql}: {error:?}");
    }
    assert_eq!(world.applied().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_million_rows_that_nobody_asked_for_are_read_past() {
    let rows: Vec<Value> = vec![json!(["x", 1]); 1_000_000];
    let fake = Fake::always(Say::Json(200, json!({"results": rows, "columns": ["event", "n"]}))).await;
    let answer = fake.posthog().query(asked("SELECT event, 1 FROM events")).await.expect("rows");
    assert_eq!((answer.rows.len(), answer.more), (500, true));
}

#[tokio::test]
async fn trends_and_funnels_come_from_the_same_world() {
    let world = World::shipped("bad-merge").await;
    let (posthog, events) = (world.posthog(), ["signed_up".to_owned()]);
    let since = world.start.plus_ms(-DAY_MS);
    let request = TrendRequest { events: &events, since, interval: Interval::Hour, breakdown: None, users: false };
    let trend = posthog.trends(request).await.expect("a trend");
    assert_eq!((trend.lines.len(), trend.lines[0].label.as_str(), trend.zone.as_str()), (1, "signed_up", "UTC"));
    let sum: f64 = trend.lines[0].points.iter().map(|point| point.1).sum();
    assert!(trend.lines[0].total > 0.0 && (trend.lines[0].total - sum).abs() < 1e-6);
    let split = posthog.trends(TrendRequest { breakdown: Some("browser"), ..request }).await.expect("a split");
    assert!(split.lines.len() > 1, "{:?}", split.lines);

    let steps = ["$pageview".to_owned(), "signed_up".to_owned()];
    let funnel = posthog.funnel(FunnelRequest { steps: &steps, since }).await.expect("a funnel");
    let users: Vec<u64> = funnel.iter().map(|step| step.users).collect();
    assert!(users[0] > users[1] && users[1] > 0, "{funnel:?}");
    assert!(funnel[0].median_ms.is_none() && funnel[1].median_ms.is_some_and(|ms| ms > 0), "{funnel:?}");
}

#[tokio::test]
async fn errors_flags_annotations_and_series_are_listed() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(240).await;
    let posthog = world.posthog();
    let since = now.plus_ms(-DAY_MS);
    let all = posthog.error_issues(since, None).await.expect("errors");
    assert!(!all.is_empty());
    let none = posthog.error_issues(since, Some("no such words at all")).await.expect("errors");
    assert_eq!(none.len(), 0);
    let flags = posthog.flag_list(None).await.expect("flags");
    assert!(flags.iter().all(|flag| !flag.key.is_empty()), "{flags:?}");
    assert_eq!(posthog.annotations(since).await.expect("annotations").len(), 0);
    let query = MetricQuery::Event { event: "signed_up".to_owned() };
    let spec = MetricSpec { id: MetricId::new("s"), name: "s".to_owned(), kind: MetricKind::Count, query };
    let metrics = [spec];
    let request = BucketRequest { metrics: &metrics, from: now.plus_ms(-HOUR_MS), until: None, step_ms: 5 * MINUTE_MS };
    let series = posthog.series(request).await.expect("buckets");
    assert_eq!(series.server_now, now);
    assert!(!series.buckets.is_empty());
}

#[tokio::test]
async fn questions_end_before_the_watch_does() {
    let fake = Fake::always(Say::Json(200, json!({"results": [[1]], "columns": ["server_now"]}))).await;
    let posthog = posthog(&fake.address, StillClock::new(), 0.1);
    let mut answered = 0;
    while posthog.query(asked("SELECT 1")).await.is_ok() {
        answered += 1;
    }
    assert_eq!(answered, 6, "a quarter of the 24 calls of a minute");
    let limited = posthog.query(asked("SELECT 1")).await.expect_err("used up");
    assert!(matches!(&limited, SourceError::Limited { wait_ms: Some(60_000), .. }), "{limited:?}");
    for _ in 0..18 {
        posthog.server_now().await.expect("the watch has the rest");
    }
}
