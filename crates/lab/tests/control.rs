//! The control plane, faults and outages over real HTTP.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wakeman_lab::Scenario;
use wakeman_lab::client::{ClientError, FaultMode, FaultRequest};

use crate::support::{Served, scenario};

const FLAG: &str = "[[change]]\nid = \"f\"\nat = -2\nkind = \"flag\"\ntitle = \"fast\"\nauthor = \"alan\"\nflag = \"fast\"\nrollout = 0.5\n";

async fn flag(served: &Served) -> Value {
    served.get("/posthog/api/projects/1/feature_flags/").await["results"][0].clone()
}

fn patch(served: &Served, flag: &Value) -> reqwest::RequestBuilder {
    let path = format!("/posthog/api/projects/1/feature_flags/{}/", flag["id"]);
    served.request(Method::PATCH, &path).json(&json!({"active": false}))
}

#[tokio::test]
async fn the_clock_stands_until_it_is_advanced_and_never_goes_back() {
    let served = Served::start(scenario("")).await;
    let state = served.client.state().await.unwrap();
    assert_eq!((state.now.as_str(), state.end.as_str()), ("2026-01-05T08:00:00Z", "2026-01-05T20:00:00Z"));
    assert_eq!((state.scenario.as_str(), state.seed, state.step_minutes), ("test", 11, 5));
    assert_eq!(state.services.github.repository, "acme/app");
    assert_eq!(served.client.advance("2026-01-05T09:00:00+00:00").await.unwrap(), "2026-01-05T09:00:00Z");
    assert_eq!(served.hogql("SELECT toUnixTimestamp(now())").await, json!([[1_767_603_600]]));
    let ClientError::Refused { status: 400, detail, .. } =
        served.client.advance("2026-01-05T08:30:00Z").await.unwrap_err()
    else {
        panic!("going back must be refused")
    };
    assert!(detail.contains("cannot go back"), "{detail}");
    for body in ["{}", "now", r#"{"to": "tomorrow"}"#, r#"{"to": "2026-01-05T10:00:00Z", "speed": 2}"#] {
        let response = served.plain(Method::POST, "/_lab/advance").body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        assert!(response.text().await.unwrap().contains("2026-01-05T09:00:00Z"), "{body}: the remedy");
    }
}

#[tokio::test]
async fn the_truth_is_told_only_when_asked_for() {
    let served = Served::start(Scenario::shipped("bad-merge").unwrap()).await;
    let state = served.get("/_lab/state").await;
    assert_eq!(state.get("incidents"), None);
    let truth = served.client.truth().await.unwrap();
    let down = &truth.incidents[0];
    assert_eq!((down.cause.as_str(), down.metric.as_deref()), ("signup-form", Some("Sign-ups")));
    assert_eq!(down.events, ["signed_up"]);
    assert!(truth.changes.iter().any(|change| change.id == "checkout-fast" && change.flag.is_some()));
}

#[tokio::test]
async fn services_want_a_token_and_the_control_plane_does_not() {
    let served = Served::start(scenario("")).await;
    let response = served.plain(Method::GET, "/posthog/api/users/@me/").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["type"], &body["code"]), (&json!("authentication_error"), &json!("not_authenticated")));
    assert_eq!(
        served.plain(Method::GET, "/github/repos/acme/app").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(served.plain(Method::GET, "/_lab/effects").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn writes_are_logged_with_whether_they_were_applied() {
    let served = Served::start(scenario(FLAG)).await;
    let fast = flag(&served).await;
    served.hogql("SELECT 1").await;
    let stale = json!({"active": false, "version": 99});
    let path = format!("/posthog/api/projects/1/feature_flags/{}/", fast["id"]);
    assert_eq!(served.ask(Method::PATCH, &path, Some(stale.clone())).await.0, StatusCode::CONFLICT);
    assert!(patch(&served, &fast).send().await.unwrap().status().is_success());
    let effects = served.client.effects().await.unwrap();
    let told: Vec<_> =
        effects.iter().map(|effect| (effect.method.as_str(), effect.body.clone(), effect.applied)).collect();
    assert_eq!(told, [("PATCH", stale, false), ("PATCH", json!({"active": false}), true)], "reads are no effects");
    assert_eq!((effects[1].at.as_str(), effects[1].service.as_str()), ("2026-01-05T08:00:00Z", "posthog"));
    assert_eq!(effects[1].path, path.trim_start_matches("/posthog"));
}

#[tokio::test]
async fn each_fault_does_to_the_world_what_it_says() {
    for (mode, applied, answered) in [
        (FaultMode::NotApplied, false, Some(StatusCode::BAD_GATEWAY)),
        (FaultMode::Applied, true, Some(StatusCode::BAD_GATEWAY)),
        (FaultMode::ReplyLost, true, None),
        (FaultMode::Late, false, None),
        (FaultMode::Never, false, None),
    ] {
        let served = Served::start(scenario(FLAG)).await;
        let fast = flag(&served).await;
        let order = FaultRequest { service: "posthog".into(), pattern: "PATCH .*feature_flags".into(), mode, times: 1 };
        served.client.fault(&order).await.unwrap();
        let patience = Duration::from_millis(if mode == FaultMode::Never { 300 } else { 20_000 });
        let answer = tokio::time::timeout(patience, patch(&served, &fast).send()).await;
        let status = answer.ok().and_then(Result::ok).map(|response| response.status());
        assert_eq!(status, answered, "{mode:?}");
        assert_eq!(flag(&served).await["active"], json!(!applied), "{mode:?}");
        assert_eq!(served.client.effects().await.unwrap()[0].applied, applied, "{mode:?}");
        assert!(served.client.faults().await.unwrap().is_empty(), "used up");
        served.client.advance("2026-01-05T08:00:29Z").await.unwrap();
        assert_eq!(flag(&served).await["active"], json!(!applied), "{mode:?} within half a minute");
        served.client.advance("2026-01-05T08:01:00Z").await.unwrap();
        let finally = applied || mode == FaultMode::Late;
        assert_eq!(flag(&served).await["active"], json!(!finally), "{mode:?} later");
        let effects = served.client.effects().await.unwrap();
        assert_eq!((effects.len(), effects[0].applied), (1, finally), "{mode:?}: once, and told so");
        if mode == FaultMode::Late {
            assert_eq!(flag(&served).await["updated_at"], "2026-01-05T08:00:30Z");
        }
    }
}

#[tokio::test]
async fn a_bad_fault_is_refused_with_the_remedy() {
    let served = Served::start(scenario("")).await;
    for (body, part) in [
        (json!({"service": "posthog", "match": "", "mode": "lost"}), "not_applied"),
        (json!({"service": "gitlab", "match": "", "mode": "late"}), "posthog, github, vercel"),
        (json!({"service": "posthog", "match": "(", "mode": "late"}), "regular expression"),
        (json!({"service": "posthog", "mode": "late", "often": 2}), "often"),
    ] {
        let response = served.plain(Method::POST, "/_lab/faults").json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let text = response.text().await.unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn outages_come_and_go_with_the_clock() {
    let outage = |hour: f64, mode: &str| {
        format!("[[outage]]\nat = {hour}\nminutes = 30\nservice = \"posthog\"\nmode = \"{mode}\"\n")
    };
    let more = [outage(1.0, "429"), outage(2.0, "5xx"), outage(3.0, "timeout"), outage(4.0, "stale")].concat();
    let served = Served::start(scenario(&more)).await;
    let ask = || {
        let body =
            json!({"query": {"kind": "HogQLQuery", "query": "SELECT toUnixTimestamp(now()), count() FROM events"}});
        served.request(Method::POST, "/posthog/api/projects/1/query/").json(&body).send()
    };
    assert!(ask().await.unwrap().status().is_success());

    served.client.advance("2026-01-05T09:10:00Z").await.unwrap();
    let throttled = ask().await.unwrap();
    assert_eq!(
        (throttled.status(), &throttled.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1200".parse().unwrap())
    );
    let body: Value = throttled.json().await.unwrap();
    let detail = "Request was throttled. Expected available in 1200 seconds.";
    assert_eq!(body, json!({"type": "throttled_error", "code": "throttled", "detail": detail, "attr": null}));
    assert_eq!(
        served.request(Method::GET, "/github/repos/acme/app").send().await.unwrap().status(),
        StatusCode::OK,
        "others are well"
    );

    served.client.advance("2026-01-05T10:10:00Z").await.unwrap();
    let mut pages = Vec::new();
    for _ in 0..2 {
        let broken = ask().await.unwrap();
        assert!(broken.status().is_server_error());
        pages.push(broken.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    assert!(pages.contains(&false) && pages.contains(&true), "sometimes a proxy's page");

    served.client.advance("2026-01-05T11:10:00Z").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), ask()).await.is_err(), "no answer at all");

    served.client.advance("2026-01-05T12:20:00Z").await.unwrap();
    let stale: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!(stale["results"][0][0], 1_767_600_000 + 4 * 3_600, "as of the outage's start");

    served.client.advance("2026-01-05T12:31:00Z").await.unwrap();
    let fresh: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!(fresh["results"][0][0], 1_767_600_000 + 4 * 3_600 + 31 * 60);
    assert!(fresh["results"][0][1].as_i64() > stale["results"][0][1].as_i64());
}

#[tokio::test]
async fn a_write_that_got_no_answer_is_logged_and_a_hasty_lab_lets_go_at_once() {
    let more = "[[outage]]\nat = 0\nminutes = 30\nservice = \"posthog\"\nmode = \"timeout\"\n";
    let served = Served::hasty(scenario(&format!("{FLAG}{more}"))).await;
    let path = "/posthog/api/projects/1/feature_flags/1/";
    let lost = served.request(Method::PATCH, path).json(&json!({"active": false})).send().await;
    assert!(lost.is_err_and(|error| !error.is_timeout()), "the connection closes");
    let effects = served.client.effects().await.unwrap();
    assert_eq!((effects.len(), effects[0].method.as_str(), effects[0].applied), (1, "PATCH", false));
}
