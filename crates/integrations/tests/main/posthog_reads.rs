//! Errors, flag edits, the split by a flag, suggestions and the live check.

use serde_json::{Value, json};
use wakeman_gateway::ports::{ProductSource, SourceError};
use wakeman_integrations::{check_posthog, discover};
use wakeman_types::{ChangeKind, ChangeRef, HOUR_MS, MetricKind, MetricQuery};

use crate::support::*;

#[tokio::test]
async fn errors_come_most_frequent_first() {
    let issue = |id: &str, occurrences: u64| {
        json!({
            "id": id, "name": "TypeError", "description": "x is undefined", "status": "active", "library": "web",
            "source": "web/signup/form.ts", "function": "submit", "first_seen": "2026-01-05T07:10:00.123000Z",
            "last_seen": "2026-01-05T07:59:00Z",
            "aggregations": {"occurrences": occurrences, "users": 3, "sessions": 3, "volume_buckets": [
                {"label": "2026-01-05T07:30:00Z", "value": 2}, {"label": "2026-01-05T07:00:00Z", "value": 1}
            ]}
        })
    };
    let bare = json!({"id": "c", "name": null, "description": null, "status": "resolved", "source": null, "function": "",
        "first_seen": "2026-01-05T07:10:00Z", "last_seen": null, "aggregations": null});
    let fake = Fake::always(Say::Json(200, json!({"results": [issue("a", 3), issue("b", 9), bare]}))).await;
    let errors = fake.posthog().errors(NOW.plus_ms(-HOUR_MS)).await.expect("errors");
    let got: Vec<(&str, u64)> = errors.iter().map(|error| (error.id.as_str(), error.occurrences)).collect();
    assert_eq!(got, [("b", 9), ("a", 3), ("c", 0)]);
    assert_eq!(errors[0].source.as_deref(), Some("web/signup/form.ts"));
    assert_eq!(errors[0].volume, [(NOW.plus_ms(-HOUR_MS), 1), (NOW.plus_ms(-HOUR_MS / 2), 2)]);
    assert_eq!((errors[2].function.as_deref(), errors[2].last_seen), (None, errors[2].first_seen));
    let query = &fake.seen()[0].body["query"];
    assert_eq!(query["kind"], "ErrorTrackingQuery");
    assert_eq!(query["dateRange"]["date_from"], "2026-01-05T07:00:00Z");
    assert_eq!((query["volumeResolution"].as_i64(), query["limit"].as_i64()), (Some(12), Some(100)));
}

fn entry(id: &str, scope: &str, at: &str, changes: Value) -> Value {
    json!({
        "id": id, "user": {"first_name": "Alan", "last_name": "", "email": "a@x"}, "activity": "updated", "scope": scope,
        "item_id": "7", "detail": {"name": "checkout-fast", "changes": changes}, "created_at": at
    })
}

#[tokio::test]
async fn flag_edits_become_changes_oldest_first() {
    let groups = |percent: u32| json!({"groups": [{"rollout_percentage": percent}]});
    let log = json!([
        entry("u3", "Experiment", "2026-01-05T07:50:00Z", json!([{"field": "end_date", "after": "x"}])),
        entry(
            "u2",
            "FeatureFlag",
            "2026-01-05T07:40:00Z",
            json!([
            {"field": "filters", "before": groups(5), "after": groups(50)}, {"field": "version", "before": 12, "after": 13}])
        ),
        entry(
            "u1",
            "FeatureFlag",
            "2026-01-05T07:30:00Z",
            json!([{"field": "active", "before": false, "after": true}])
        ),
        entry("u0", "FeatureFlag", "2026-01-05T07:20:00Z", json!([{"field": "tags", "before": [], "after": ["x"]}])),
        entry(
            "old",
            "FeatureFlag",
            "2026-01-05T05:00:00Z",
            json!([{"field": "active", "before": false, "after": true}])
        ),
    ]);
    let fake = Fake::always(Say::Json(200, json!({"count": 5, "next": null, "results": log}))).await;
    let changes = fake.posthog().flag_changes(NOW.plus_ms(-HOUR_MS)).await.expect("changes");
    let ids: Vec<&str> = changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, ["flag:checkout-fast@u1", "flag:checkout-fast@13", "experiment:7@u3"]);
    let titles: Vec<&str> = changes.iter().map(|change| change.title.as_str()).collect();
    assert_eq!(
        titles,
        ["flag checkout-fast: off → on", "flag checkout-fast: 5 % → 50 %", "experiment checkout-fast updated"]
    );
    assert_eq!(
        changes[0].reference,
        ChangeRef::Flag { id: 7, key: "checkout-fast".into(), active: Some(true), rollout: None }
    );
    assert_eq!(
        changes[1].reference,
        ChangeRef::Flag { id: 7, key: "checkout-fast".into(), active: None, rollout: Some(0.5) }
    );
    assert_eq!((changes[2].kind, changes[0].author.as_deref()), (ChangeKind::Experiment, Some("Alan")));
    assert_eq!(fake.calls(), 1);
    let target = &fake.seen()[0].target;
    assert!(target.contains("scopes=FeatureFlag&scopes=Experiment&start_date=2026-01-05T07%3A00%3A00Z"), "{target}");
}

#[tokio::test]
async fn a_plan_without_the_full_log_still_shows_flag_edits() {
    let fake = Fake::start(|seen, _| {
        if seen.path().contains("advanced_activity_logs") {
            return Say::Json(402, json!({"detail": "This feature is part of the premium offering."}));
        }
        assert!(seen.path().ends_with("/feature_flags/activity/"), "{}", seen.target);
        let edit = entry("u1", "FeatureFlag", "2026-01-05T07:30:00Z", json!([{"field": "active", "after": true}]));
        Say::Json(200, json!({"results": [edit], "next": null}))
    })
    .await;
    let posthog = fake.posthog();
    assert_eq!(posthog.flag_changes(NOW.plus_ms(-HOUR_MS)).await.expect("changes").len(), 1);
    assert_eq!(posthog.flag_changes(NOW.plus_ms(-HOUR_MS)).await.expect("changes").len(), 1);
    assert_eq!(fake.calls(), 3, "what the plan lacks is asked for once");
}

#[tokio::test]
async fn pages_are_followed_only_on_the_same_server() {
    let elsewhere = Fake::always(Say::Json(200, json!({"results": [], "next": null}))).await;
    let other = elsewhere.address.clone().replace("127.0.0.1", "localhost");
    let fake = Fake::start(move |seen, _| {
        let page = |id: &str, next: Value| {
            let edit = entry(id, "FeatureFlag", "2026-01-05T07:30:00Z", json!([{"field": "active", "after": true}]));
            Say::Json(200, json!({"results": [edit], "next": next}))
        };
        let host = seen.header("host").unwrap_or_default();
        match seen.target.contains("page=2") {
            false => page("u1", json!(format!("http://{host}/api/projects/1/advanced_activity_logs/?page=2"))),
            true => page("u2", json!(format!("{other}/api/projects/1/advanced_activity_logs/?page=3"))),
        }
    })
    .await;
    let changes = fake.posthog().flag_changes(NOW.plus_ms(-HOUR_MS)).await.expect("changes");
    assert_eq!((changes.len(), fake.calls(), elsewhere.calls()), (2, 2, 0));
}

#[tokio::test]
async fn the_split_by_a_flag_is_four_counts_of_one_query() {
    let fake = Fake::always(Say::Json(200, json!({"results": [[40, 10, 100, 72]]}))).await;
    let split = fake.posthog().flag_split("signed_up", "checkout-fast", NOW, HOUR_MS).await.expect("counts");
    assert_eq!(split, [40.0, 10.0, 60.0, 62.0]);
    assert_eq!(fake.calls(), 1);
    let fake = Fake::always(Say::Json(200, json!({"results": []}))).await;
    let error = fake.posthog().flag_split("signed_up", "f", NOW, HOUR_MS).await.expect_err("no row");
    assert_eq!(
        error,
        SourceError::Shape {
            reason: "flag split: 0 rows instead of one; is `posthog.host` the address of PostHog's API?".to_owned()
        }
    );
}

#[tokio::test]
async fn insights_and_fresh_events_are_suggested() {
    let fake = Fake::start(|seen, _| {
        if seen.path().ends_with("/insights/") {
            let hogql = "SELECT countIf(event = 'b') / countIf(event = 'a') FROM events WHERE timestamp > now() - INTERVAL 1 HOUR";
            return Say::Json(200, json!({"next": null, "results": [
                {"name": "Conversion", "query": {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": hogql}}},
                {"name": "Sign-ups", "query": {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signed_up"}]}}},
                {"name": "Funnel", "query": {"kind": "InsightVizNode", "source": {"kind": "FunnelsQuery"}}},
                {"name": "Old", "query": null},
            ]}));
        }
        Say::Json(200, json!({"next": null, "results": [
            {"name": "signed_up", "last_seen_at": "2026-01-05T07:59:00Z"},
            {"name": "$autocapture", "last_seen_at": "2026-01-05T07:59:00Z"},
            {"name": "$pageview", "last_seen_at": "2026-01-05T07:58:00Z"},
            {"name": "forgotten", "last_seen_at": "2025-11-05T07:59:00Z"},
            {"name": "never", "last_seen_at": null},
        ]}))
    })
    .await;
    let specs = discover(&fake.posthog()).await.expect("suggestions");
    let got: Vec<(&str, &str, MetricKind)> =
        specs.iter().map(|spec| (spec.id.as_str(), spec.name.as_str(), spec.kind)).collect();
    assert_eq!(
        got,
        [
            ("conversion", "Conversion", MetricKind::Ratio),
            ("sign-ups", "Sign-ups", MetricKind::Count),
            ("pageview", "$pageview", MetricKind::Count)
        ]
    );
    assert_eq!(specs[1].query, MetricQuery::Event { event: "signed_up".into() });
}

fn clock_answer(ahead_ms: i64) -> Say {
    Say::Json(200, json!({"results": [[(NOW.ms() - ahead_ms) / 1000]]}))
}

#[tokio::test]
async fn the_check_names_the_user_the_project_and_what_is_missing() {
    let fake = Fake::start(|seen, _| match seen.path() {
        "/api/projects/1/query/" => clock_answer(2_000),
        "/api/users/@me/" => Say::Json(200, json!({"first_name": "Ada"})),
        "/api/projects/1/" => Say::Json(200, json!({"id": 1, "name": "Acme"})),
        "/api/personal_api_keys/@current/" => Say::Json(
            200,
            json!({"scopes": ["query:read", "insight:read", "event_definition:read", "feature_flag:write"]}),
        ),
        other => panic!("{other}"),
    })
    .await;
    let outcome = check_posthog(&fake.posthog()).await;
    assert_eq!((outcome.user.as_deref(), outcome.project.as_deref()), (Some("Ada"), Some("Acme")));
    assert_eq!(outcome.missing, ["activity_log:read"]);
    assert_eq!(outcome.clock_skew_ms, Some(2_000));
    assert!(!outcome.ok());
    let remedies: Vec<&str> = outcome.checks.iter().filter_map(|check| check.remedy.as_deref()).collect();
    assert_eq!(remedies, ["add it to the key in PostHog, settings, personal API keys"]);
}

#[tokio::test]
async fn the_check_changes_nothing_and_survives_everything() {
    let fake = Fake::start(|seen, _| match seen.path() {
        "/api/projects/1/query/" => clock_answer(-600_000),
        "/api/projects/1/feature_flags/" => {
            Say::Json(403, json!({"detail": "API key missing required scope 'feature_flag:read'"}))
        }
        "/api/projects/1/insights/" | "/api/projects/1/event_definitions/" => Say::Json(200, json!({"results": []})),
        _ => Say::Json(404, json!({"detail": "Not found."})),
    })
    .await;
    let outcome = check_posthog(&fake.posthog()).await;
    assert_eq!(outcome.missing, ["feature_flag:read"]);
    assert_eq!(outcome.clock_skew_ms, Some(-600_000));
    assert!(outcome.checks.iter().any(|check| check.detail == "this machine is 10 min behind the service"));
    assert!(fake.seen().iter().all(|seen| seen.method == "GET" || seen.path().ends_with("/query/")));

    let silent = check_posthog(&posthog(&nobody().await, StillClock::new(), 1.0)).await;
    assert_eq!(silent.checks.len(), 1);
    assert!(!silent.ok());
    let denied = Fake::always(Say::Json(401, json!({"detail": "Invalid token."}))).await;
    let outcome = check_posthog(&denied.posthog()).await;
    assert_eq!((outcome.checks.len(), outcome.missing.len()), (1, 0), "a wrong key lacks no scope");
    assert!(
        outcome.checks[0].remedy.as_deref().is_some_and(|remedy| remedy.contains("POSTHOG_API_KEY")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_posthog_says_of_a_query_it_did_not_finish_is_told_with_what_may_help() {
    let said = |posthog: Say| async move {
        let error = Fake::always(posthog).await.posthog().server_now().await.expect_err("no clock");
        (format!("{error:?}").split(' ').next().unwrap_or_default().to_owned(), error.to_string())
    };
    let timed_out = json!({"results": [], "error": "Query timed out. Try again", "hasMore": false});
    let (kind, words) = said(Say::Json(200, timed_out)).await;
    assert_eq!(kind, "Unavailable");
    assert!(words.contains("Query timed out. Try again; it is asked again"), "{words}");
    for (answer, reason) in [
        (json!({"results": [], "error": null}), "clock query: 0 rows instead of one; is `posthog.host`"),
        (json!({"rows": []}), "is `posthog.host` the address"),
    ] {
        let (kind, words) = said(Say::Json(200, answer)).await;
        assert!(kind == "Shape" && words.contains(reason), "{words}");
    }
    let (kind, words) = said(Say::Json(502, json!({}))).await;
    assert!(kind == "Unavailable" && words.contains("502, PostHog is ill"), "{words}");
}
