//! Deployments, rollback and promotion over real HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::github::tests::{Site, site};

const WORLD: &str = r#"
[[metric]]
name = "visits"
kind = "count"
level = 50
[[change]]
id = "form"
at = 1
kind = "merge"
title = "signup: new form"
author = "lin"
files = ["web/signup/form.ts"]
[[change]]
id = "ship"
at = 1.1
kind = "deploy"
title = "deploy"
author = "lin"
[[change]]
id = "ship-again"
at = 6
kind = "deploy"
title = "deploy"
author = "lin"
"#;

fn world(incident: &str) -> String {
    format!("{WORLD}\n[[incident]]\nid = \"i\"\nmetric = \"visits\"\n{incident}")
}

async fn deployments(site: &Site, query: &str) -> Vec<Value> {
    let body = site.get(&format!("/vercel/v7/deployments?projectId=prj_abc{query}")).await;
    body["deployments"].as_array().unwrap().clone()
}

async fn point(site: &Site, verb: &str, deployment: &Value) -> u16 {
    let version = if verb == "rollback" { "v1" } else { "v10" };
    let path = format!("/vercel/{version}/projects/prj_abc/{verb}/{}", deployment["uid"].as_str().unwrap());
    site.send(Method::POST, &path, None).await.0.as_u16()
}

async fn production(site: &Site) -> String {
    let project = site.get("/vercel/v9/projects/prj_abc").await;
    project["targets"]["production"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rollback_ends_the_incident_and_promotion_undoes_it() {
    let site =
        site(&world("at = 1.2\neffect = \"drop\"\nmagnitude = 0.5\ncause = \"ship\"\nfix = \"vercel.rollback\"")).await;
    assert_eq!(deployments(&site, "").await.len(), 1);
    site.at_minute(66);
    assert_eq!(deployments(&site, "&state=BUILDING").await.len(), 1);
    site.at_minute(90);
    let all = deployments(&site, "&target=production&state=READY").await;
    let (bad, good) = (&all[0], &all[1]);
    assert_eq!(production(&site).await, bad["uid"].as_str().unwrap());
    let listed = site.get("/github/repos/acme/app/deployments").await;
    assert_eq!((&listed[0]["sha"], all.len()), (&bad["meta"]["githubCommitSha"], 2), "the same as GitHub lists");
    assert_eq!(deployments(&site, "&rollbackCandidate=true").await, std::slice::from_ref(good));

    assert!(site.active("i"));
    assert_eq!(point(&site, "rollback", good).await, 201);
    assert!(!site.active("i"));
    assert_eq!(production(&site).await, good["uid"].as_str().unwrap());
    let full = site.get(&format!("/vercel/v13/deployments/{}", good["uid"].as_str().unwrap())).await;
    assert_eq!((&full["readyState"], &full["alias"][0]), (&json!("READY"), &json!("app.acme.example")));
    assert_eq!(point(&site, "rollback", good).await, 201, "the same target again changes nothing");

    site.at_hour(7);
    assert_eq!(deployments(&site, "").await[0]["readySubstate"], "STAGED", "assignment stays off after a rollback");
    assert_eq!(production(&site).await, good["uid"].as_str().unwrap());
    let staged = deployments(&site, "").await[0].clone();
    assert_eq!(point(&site, "rollback", &staged).await, 422);
    assert_eq!(point(&site, "promote", bad).await, 201);
    assert_eq!(production(&site).await, bad["uid"].as_str().unwrap());
    assert_eq!(site.get("/vercel/v9/projects/prj_abc").await["autoAssignCustomDomains"], true);
}

#[tokio::test]
async fn a_rollback_to_something_newer_than_the_cause_repairs_nothing() {
    let site =
        site(&world("at = 1.2\neffect = \"drop\"\nmagnitude = 0.5\ncause = \"form\"\nfix = \"vercel.rollback\"")).await;
    site.at_hour(7);
    let all = deployments(&site, "").await;
    assert_eq!(point(&site, "rollback", &all[1]).await, 201);
    assert!(site.active("i"), "that one has the merge too");
    assert_eq!(point(&site, "rollback", &all[2]).await, 201);
    assert!(!site.active("i"));
}

#[tokio::test]
async fn a_stuck_deployment_fails_until_production_is_rolled_back() {
    let table = [
        "at = 1.1\neffect = \"deploy_stuck\"\ncause = \"ship\"\nfix = \"vercel.rollback\"",
        "at = 1.15\neffect = \"deploy_stuck\"\ncause = \"form\"\nfix = \"vercel.rollback\"",
        "at = 1.15\neffect = \"deploy_stuck\"\ncause = \"none\"\nfix = \"vercel.rollback\"",
    ];
    for incident in table {
        let site = site(&world(incident)).await;
        site.at_minute(70);
        let stuck = deployments(&site, "").await[0].clone();
        assert_eq!(stuck["state"], "BUILDING", "{incident}");
        let ids = site.lab.world().vercel.deployment_ids("i");
        let hub = site.get("/github/repos/acme/app/deployments?per_page=1").await;
        assert_eq!(ids, [stuck["uid"].as_str().unwrap().to_owned(), hub[0]["id"].to_string()]);
        site.at_minute(80);
        assert_eq!(deployments(&site, "").await[0]["state"], "ERROR", "{incident}");
        let statuses = site.get(&format!("/github/repos/acme/app/deployments/{}/statuses", hub[0]["id"])).await;
        assert_eq!(statuses[0]["state"], "failure");
        assert_eq!(point(&site, "rollback", &stuck).await, 422);
        let live = deployments(&site, "&state=READY").await[0].clone();
        let older = deployments(&site, "&state=READY").await.pop().unwrap();
        assert_eq!(point(&site, "rollback", if incident.contains("none") { &live } else { &older }).await, 201);
        assert!(!site.active("i"), "{incident}");
        site.at_hour(7);
        assert_eq!(deployments(&site, "").await[0]["state"], "READY", "{incident}");
    }
}

#[tokio::test]
async fn refusals_have_the_service_s_shape() {
    let site = site(WORLD).await;
    let table = [
        (Method::GET, "/vercel/v9/projects/other", 404),
        (Method::GET, "/vercel/v13/deployments/dpl_none", 404),
        (Method::POST, "/vercel/v1/projects/prj_a/rollback/dpl_none", 404),
        (Method::GET, "/vercel/v7/deployments?limit=x", 400),
        (Method::GET, "/vercel/v1/nothing", 404),
    ];
    for (method, path, want) in table {
        let (status, body) = site.send(method, path, None).await;
        assert_eq!(status.as_u16(), want, "{path}");
        assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string(), "{body}");
    }
    for (headers, want) in [(vec![], 401), (vec![("authorization", "Basic x")], 403)] {
        let response = site.raw("/vercel/v2/user", &headers).await;
        assert_eq!(response.status(), want);
    }
    assert_eq!(site.get("/vercel/v2/user").await["user"]["username"], "acme-ops");
}
