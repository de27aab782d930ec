//! PostHog's HTTP surface.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Served, scenario};

const API: &str = "/posthog/api/projects/1";
const PLOT: &str = r#"
[[change]]
id = "fast"
at = 1
kind = "flag"
title = "checkout-fast to 40 %"
author = "alan"
flag = "checkout-fast"
rollout = 0.4
[[change]]
id = "other"
at = -5
kind = "flag"
title = "other off"
author = "ada"
flag = "other"
rollout = 0
[[change]]
id = "test"
at = 0.5
kind = "experiment"
title = "Shorter tour"
author = "ada"
flag = "short-tour"
rollout = 0.5
[[incident]]
id = "down"
at = 1
metric = "signed_up"
effect = "drop"
magnitude = 0.9
cause = "fast"
fix = "posthog.set_flag"
"#;

async fn at_two() -> Served {
    let served = Served::start(scenario(PLOT)).await;
    served.client.advance("2026-01-05T10:00:00Z").await.unwrap();
    served
}

async fn flag(served: &Served, key: &str) -> Value {
    let list = served.get(&format!("{API}/feature_flags/?search={key}")).await;
    list["results"][0].clone()
}

#[tokio::test]
async fn the_basics_answer_with_and_without_a_slash() {
    let served = at_two().await;
    for path in
        ["/posthog/api/users/@me/", "/posthog/api/users/@me", "/posthog/api/projects/1/", "/posthog/api/environments/1"]
    {
        served.get(path).await;
    }
    assert_eq!(served.get("/posthog/api/projects/@current/").await["timezone"], "UTC");
    for path in ["/posthog/api/projects/2/", "/posthog/api/projects/1/cohorts/", "/posthog/x"] {
        let (status, body) = served.ask(Method::GET, path, None).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{path}");
    }
    let (status, body) = served.ask(Method::DELETE, &format!("{API}/insights/"), None).await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
}

#[tokio::test]
async fn a_query_is_answered_in_posthogs_shape() {
    let served = at_two().await;
    let ask = async |body: Value| served.ask(Method::POST, "/posthog/api/environments/1/query/", Some(body)).await;
    let (status, body) = ask(json!({"query": {"kind": "HogQLQuery", "query": "SELECT event, count() AS n FROM events WHERE event = {name} GROUP BY event", "values": {"name": "paid"}}})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&body["columns"], &body["types"]),
        (&json!(["event", "n"]), &json!([["event", "String"], ["n", "Int64"]]))
    );
    assert_eq!((&body["hasMore"], &body["limit"], &body["is_cached"]), (&json!(false), &json!(100), &json!(false)));
    assert_eq!(body["results"][0][0], "paid");
    for (query, code) in [
        (json!({"query": {"kind": "HogQLQuery", "query": "SELECT nope FROM events"}}), "hogql_query_error"),
        (json!({"query": {"kind": "FunnelsQuery"}}), "invalid_input"),
        (json!({"query": {"kind": "HogQLQuery"}}), "required"),
        (json!({}), "required"),
    ] {
        let (status, body) = ask(query.clone()).await;
        assert_eq!(
            (status, &body["type"], &body["code"]),
            (StatusCode::BAD_REQUEST, &json!("validation_error"), &json!(code)),
            "{query}"
        );
    }
    let (status, body) = ask(json!({"query": {"kind": "HogQLQuery", "query": "SELECT 7"}, "refresh": "force_async", "client_query_id": "mine"})).await;
    assert_eq!((status, &body["query_status"]["complete"]), (StatusCode::ACCEPTED, &json!(false)));
    let told = served.get(&format!("{API}/query/mine/")).await;
    assert_eq!(
        (&told["query_status"]["complete"], &told["query_status"]["results"]["results"]),
        (&json!(true), &json!([[7]]))
    );
}

#[tokio::test]
async fn flags_have_versions_and_their_history() {
    let served = at_two().await;
    let fast = flag(&served, "checkout-fast").await;
    assert_eq!((&fast["version"], &fast["active"]), (&json!(2), &json!(true)));
    assert_eq!(fast["filters"]["groups"][0]["rollout_percentage"], 40);
    assert_eq!(flag(&served, "other").await["active"], false);
    let log =
        served.get(&format!("{API}/advanced_activity_logs/?scopes=FeatureFlag&start_date=2026-01-05T08:50:00Z")).await;
    assert_eq!(log["count"], 1);
    let entry = &log["results"][0];
    assert_eq!(
        (&entry["activity"], &entry["user"]["first_name"], &entry["created_at"]),
        (&json!("updated"), &json!("alan"), &json!("2026-01-05T09:00:00Z"))
    );
    assert_eq!(entry["item_id"], fast["id"].to_string());
    let fields: Vec<_> = entry["detail"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["field"], &change["before"]))
        .collect();
    assert_eq!(fields[0], (&json!("active"), &json!(false)));
    assert_eq!(fields[1].0, "filters");
    let experiments = served.get(&format!("{API}/advanced_activity_logs/?scopes=Experiment")).await;
    assert_eq!(experiments["results"][0]["detail"]["name"], "Shorter tour");
    let own = served.get(&format!("{API}/feature_flags/{}/activity/", fast["id"])).await;
    assert_eq!(own["count"], 2, "created and updated");
}

#[tokio::test]
async fn turning_the_causing_flag_off_ends_the_incident() {
    let served = at_two().await;
    let fast = flag(&served, "checkout-fast").await;
    let path = format!("{API}/feature_flags/{}/", fast["id"]);
    let (status, body) = served.ask(Method::PATCH, &path, Some(json!({"active": false, "version": 1}))).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert!(body["detail"].as_str().unwrap().contains("alan@acme.example"), "{body}");
    for body in [json!({"active": "no"}), json!({"filters": {"groups": [{"rollout_percentage": 140}]}}), json!([1])] {
        let (status, told) = served.ask(Method::PATCH, &path, Some(body.clone())).await;
        assert_eq!((status, &told["type"]), (StatusCode::BAD_REQUEST, &json!("validation_error")), "{body}");
    }
    let half = json!({"filters": {"groups": [{"rollout_percentage": 20}]}, "version": 2});
    let (status, body) = served.ask(Method::PATCH, &path, Some(half)).await;
    assert_eq!((status, &body["version"]), (StatusCode::OK, &json!(3)));
    assert_eq!(served.client.truth().await.unwrap().incidents[0].ended_by, None, "still on for some");
    let (_, body) = served.ask(Method::PATCH, &path, Some(json!({"active": false, "version": 3}))).await;
    assert_eq!((&body["version"], &body["active"]), (&json!(4), &json!(false)));
    assert_eq!(served.client.truth().await.unwrap().incidents[0].ended_by.as_deref(), Some("posthog.set_flag"));
    served.client.advance("2026-01-05T12:00:00Z").await.unwrap();
    let after = served.hourly("event = 'signed_up'", 2.1, 4.0).await;
    assert!((after / 720.0 - 1.0).abs() < 0.1, "{after}");
    let log = served.get(&format!("{API}/advanced_activity_logs/?scopes=FeatureFlag&item_ids={}", fast["id"])).await;
    assert_eq!(log["results"][0]["user"]["first_name"], "acme-ops");
}

#[tokio::test]
async fn lists_come_in_pages_that_link_to_each_other() {
    let served = at_two().await;
    let mut seen = Vec::new();
    let mut next = Some(format!("{API}/feature_flags/?limit=2"));
    while let Some(path) = next {
        let page = served.get(&path).await;
        assert_eq!(page["count"], 3);
        seen.extend(page["results"].as_array().unwrap().iter().map(|flag| flag["key"].clone()));
        next = page["next"].as_str().map(|link| link.strip_prefix(&served.base).unwrap().to_owned());
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn trends_split_and_fill_their_days() {
    let served = at_two().await;
    let query = json!({"query": {"kind": "TrendsQuery", "interval": "hour", "dateRange": {"date_from": "-6h"},
        "series": [{"kind": "EventsNode", "event": "signed_up", "math": "total"}], "breakdownFilter": {"breakdown": "browser", "breakdown_type": "event"}}});
    let (status, body) = served.ask(Method::POST, &format!("{API}/query/"), Some(query)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let lines = body["results"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["label"].as_str().unwrap()).collect::<Vec<_>>(), ["chrome", "safari"]);
    assert_eq!(lines[0]["data"].as_array().unwrap().len(), lines[0]["days"].as_array().unwrap().len());
    assert_eq!(lines[0]["days"][0], "2026-01-05 04:00:00");
    let total: f64 = lines.iter().map(|line| line["count"].as_f64().unwrap()).sum();
    assert_eq!(total, served.number("SELECT count() FROM events WHERE event = 'signed_up' AND timestamp >= toDateTime('2026-01-05 04:00:00')").await);
}

#[tokio::test]
async fn insights_hold_one_query_per_metric_and_it_runs() {
    let served = at_two().await;
    let list = served.get(&format!("{API}/insights/?saved=true")).await;
    assert_eq!(list["count"], 3);
    for (name, kind, low, high) in
        [("signed_up", "count", 300.0, 800.0), ("paid", "ratio", 0.3, 0.5), ("latency", "duration", 280.0, 320.0)]
    {
        let insight = list["results"].as_array().unwrap().iter().find(|insight| insight["name"] == name).unwrap();
        assert_eq!(insight["tags"], json!([kind]));
        let value = served.number(insight["query"]["source"]["query"].as_str().unwrap()).await;
        assert!((low..high).contains(&value), "{name}: {value}");
        let full = served.get(&format!("{API}/insights/{}/?refresh=blocking", insight["id"])).await;
        assert_eq!(full["result"][0][0].as_f64(), Some(value));
    }
}

#[tokio::test]
async fn errors_can_be_resolved_and_reopen_by_themselves() {
    let served = Served::start(scenario(
        "[[incident]]\nid = \"e\"\nat = 1\neffect = \"new_error\"\nmagnitude = 120\ncause = \"none\"\n",
    ))
    .await;
    served.client.advance("2026-01-05T10:00:00Z").await.unwrap();
    let list = served.get("/posthog/api/environments/1/error_tracking/issues/").await;
    let id = list["results"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/posthog/api/environments/1/error_tracking/issues/{id}/");
    let (status, body) = served.ask(Method::PATCH, &path, Some(json!({"status": "done"}))).await;
    assert_eq!((status, &body["attr"]), (StatusCode::BAD_REQUEST, &json!("status")));
    let (_, body) = served.ask(Method::PATCH, &path, Some(json!({"status": "resolved"}))).await;
    assert_eq!(body["status"], "resolved");
    served.client.advance("2026-01-05T11:00:00Z").await.unwrap();
    assert_eq!(served.get(&path).await["status"], "active");
}

#[tokio::test]
async fn annotations_and_definitions_are_kept() {
    let served = at_two().await;
    let path = format!("{API}/annotations/");
    let (status, note) = served
        .ask(
            Method::POST,
            &path,
            Some(json!({"content": "F-1: sign-ups down", "date_marker": "2026-01-05T09:10:00Z", "scope": "project"})),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(served.get(&path).await["results"][0]["content"], note["content"]);
    assert_eq!(served.ask(Method::POST, &path, Some(json!({"content": ""}))).await.0, StatusCode::BAD_REQUEST);
    let events = served.get(&format!("{API}/event_definitions/")).await;
    let names: Vec<_> =
        events["results"].as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["latency", "paid", "signed_up"]);
    assert!(events["results"][0]["last_seen_at"].as_str().unwrap().starts_with("2026-01-05T09:5"));
    let properties = served.get(&format!("{API}/property_definitions/?search=duration")).await;
    assert_eq!(properties["results"][0]["property_type"], "Numeric");
}
