//! Shipped scenarios from beginning to end: what broke is repaired over the services' own APIs, and recovers.

use reqwest::Method;
use serde_json::json;
use wakeman_lab::Scenario;
use wakeman_lab::client::{FaultMode, FaultRequest};

use crate::support::Served;

/// Events of a condition in the hour before an hour of the clock, per minute.
async fn per_minute(served: &Served, condition: &str, until: &str) -> f64 {
    let query = format!(
        "SELECT count() / 60 FROM events WHERE {condition} AND timestamp >= toDateTime('{until}') - INTERVAL 1 HOUR AND timestamp < toDateTime('{until}')"
    );
    served.number(&query).await
}

#[tokio::test]
async fn reverting_the_bad_merge_brings_sign_ups_back_and_ends_its_errors() {
    let served = Served::start(Scenario::shipped("bad-merge").unwrap()).await;
    served.client.advance("2026-01-22T11:00:00Z").await.unwrap();
    let before = per_minute(&served, "event = 'signed_up'", "2026-01-22 09:30:00").await;
    let broken = per_minute(&served, "event = 'signed_up'", "2026-01-22 11:00:00").await;
    assert!((broken / before - 0.38).abs() < 0.1, "{before} {broken}");
    assert!(per_minute(&served, "event = '$exception'", "2026-01-22 11:00:00").await > 0.5);

    let pull = served.get("/github/repos/acme/app/pulls/482").await;
    let revert =
        "mutation($id: ID!) { revertPullRequest(input: {pullRequestId: $id}) { revertPullRequest { number } } }";
    let body = json!({"query": revert, "variables": {"id": pull["node_id"]}});
    let (_, answer) = served.ask(Method::POST, "/github/graphql", Some(body)).await;
    let number = &answer["data"]["revertPullRequest"]["revertPullRequest"]["number"];
    assert!(number.is_u64(), "{answer}");
    served.client.advance("2026-01-22T11:20:00Z").await.unwrap();

    // The merge is in doubt: it was carried out, but the answer never came.
    let lost = FaultRequest {
        service: "github".into(),
        pattern: "PUT .*/merge$".into(),
        mode: FaultMode::ReplyLost,
        times: 1,
    };
    served.client.fault(&lost).await.unwrap();
    let path = format!("/github/repos/acme/app/pulls/{number}/merge");
    let head = served.get(&format!("/github/repos/acme/app/pulls/{number}")).await["head"]["sha"].clone();
    assert!(served.request(Method::PUT, &path).json(&json!({"sha": head})).send().await.is_err(), "no reply");
    assert_eq!(served.get(&format!("/github/repos/acme/app/pulls/{number}")).await["merged"], true);

    served.client.advance("2026-01-22T13:00:00Z").await.unwrap();
    let after = per_minute(&served, "event = 'signed_up'", "2026-01-22 13:00:00").await;
    assert!((after / before - 1.1).abs() < 0.25, "{before} {after}");
    assert_eq!(per_minute(&served, "event = '$exception'", "2026-01-22 13:00:00").await, 0.0);
    let truth = served.client.truth().await.unwrap();
    assert!(truth.incidents.iter().all(|incident| incident.ended_by.as_deref() == Some("github.revert_pr")));
    let effects = served.client.effects().await.unwrap();
    assert_eq!(
        effects.iter().map(|effect| (effect.method.as_str(), effect.applied)).collect::<Vec<_>>(),
        [("POST", true), ("PUT", true)]
    );
}

#[tokio::test]
async fn turning_the_flag_off_brings_its_users_checkouts_back() {
    let served = Served::start(Scenario::shipped("flag-rollback").unwrap()).await;
    served.client.advance("2026-01-15T12:00:00Z").await.unwrap();
    let split = "SELECT properties['$feature/checkout-fast'] AS has, count() FROM events WHERE event = 'checkout_completed' AND timestamp >= now() - INTERVAL 1 HOUR GROUP BY has ORDER BY has";
    let rows = served.hogql(split).await;
    let (without, with) = (rows[0][1].as_f64().unwrap(), rows[1][1].as_f64().unwrap());
    assert!((with / without - 0.15).abs() < 0.08, "{rows}");
    let flags = served.get("/posthog/api/projects/1/feature_flags/?search=checkout-fast").await;
    let path = format!("/posthog/api/projects/1/feature_flags/{}/", flags["results"][0]["id"]);
    served.ask(Method::PATCH, &path, Some(json!({"active": false, "version": flags["results"][0]["version"]}))).await;
    served.client.advance("2026-01-15T14:00:00Z").await.unwrap();
    let after = per_minute(&served, "event = 'checkout_completed'", "2026-01-15 14:00:00").await;
    let before = per_minute(&served, "event = 'checkout_completed'", "2026-01-15 10:30:00").await;
    assert!((0.9..1.5).contains(&(after / before)), "{before} {after}");
}

#[tokio::test]
async fn an_unexplained_drop_ends_by_itself() {
    let served = Served::start(Scenario::shipped("unexplained").unwrap()).await;
    served.client.advance("2026-03-04T17:00:00Z").await.unwrap();
    let hour = async |until: &str| per_minute(&served, "event = 'checkout_completed'", until).await;
    let (before, during, after) =
        (hour("2026-03-04 12:45:00").await, hour("2026-03-04 14:30:00").await, hour("2026-03-04 16:00:00").await);
    assert!((during / before - 0.45).abs() < 0.12, "{before} {during}");
    assert!((after / before - 1.0).abs() < 0.2, "{before} {after}");
    assert_eq!(served.client.truth().await.unwrap().incidents[0].cause, "none");
}
