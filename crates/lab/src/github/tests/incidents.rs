//! Red workflow runs and stuck deployments.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Site, each, site};

fn red(cause: &str, fix: &str, more: &str) -> String {
    format!(
        r#"
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
        pr = 482
        [[incident]]
        id = "red"
        at = 1.1
        duration_hours = 5
        metric = "visits"
        effect = "ci_red"
        cause = "{cause}"
        {fix}
        {more}
        "#
    )
}

async fn newest_run(site: &Site) -> Value {
    site.repo("/actions/runs?branch=main&per_page=1").await["workflow_runs"][0].clone()
}

#[tokio::test]
async fn a_flaky_run_turns_green_when_its_failed_jobs_are_rerun() {
    let site = site(&red("none", "fix = \"github.rerun_failed_jobs\"", "")).await;
    site.at_minute(75);
    let run = newest_run(&site).await;
    assert_eq!((&run["conclusion"], &run["run_attempt"]), (&json!("failure"), &json!(1)));
    let id = run["id"].as_u64().unwrap();
    assert_eq!(site.lab.world().github.run_ids("red"), [id]);
    let jobs = site.repo(&format!("/actions/runs/{id}/jobs")).await;
    assert_eq!(each(&jobs["jobs"], "conclusion"), [json!("success"), json!("failure")]);
    let failed = &jobs["jobs"][1];
    assert_eq!(failed["steps"][2]["conclusion"], "failure");

    let logs = site
        .raw(&format!("/github/repos/acme/app/actions/jobs/{}/logs", failed["id"]), &[("authorization", "Bearer t")])
        .await;
    assert_eq!(logs.status(), 302);
    let place = logs.headers()["location"].to_str().unwrap().strip_prefix(&site.address).unwrap().to_owned();
    let text = site.raw(&place, &[]).await.text().await.unwrap();
    assert!(text.contains("ETIMEDOUT") && text.contains("exit code 1"), "{text}");

    assert!(site.active("red"));
    let rerun = format!("/actions/runs/{id}/rerun-failed-jobs");
    let (status, _) = site.write(Method::POST, &rerun, json!({})).await;
    assert_eq!(status, 201);
    assert!(!site.active("red"));
    let running = site.repo(&format!("/actions/runs/{id}")).await;
    assert_eq!(
        (&running["status"], &running["run_attempt"], &running["conclusion"]),
        (&json!("in_progress"), &json!(2), &Value::Null)
    );
    let (status, refused) = site.write(Method::POST, &rerun, json!({})).await;
    assert_eq!((status, &refused["message"]), (403, &json!("This workflow is already running")));
    site.at_minute(78);
    let done = site.repo(&format!("/actions/runs/{id}")).await;
    assert_eq!((&done["conclusion"], &done["run_attempt"]), (&json!("success"), &json!(2)));
    let first = site.repo(&format!("/actions/runs/{id}/attempts/1")).await;
    assert_eq!(first["conclusion"], "failure");
}

#[tokio::test]
async fn a_rerun_is_no_cure_for_a_broken_merge_but_its_revert_is() {
    let site = site(&red("form", "fix = \"github.revert_pr\"", "")).await;
    site.at_minute(75);
    let run = newest_run(&site).await;
    let merged = site.repo("/pulls/482").await;
    assert_eq!(
        (&run["conclusion"], &run["head_sha"], &run["event"]),
        (&json!("failure"), &merged["merge_commit_sha"], &json!("push"))
    );
    let red = site.repo("/actions/runs?status=failure").await;
    assert_eq!(red["total_count"], 1);
    site.write(Method::POST, &format!("/actions/runs/{}/rerun", run["id"]), json!({})).await;
    site.at_minute(80);
    assert_eq!(newest_run(&site).await["conclusion"], "failure");
    assert!(site.active("red"));

    let id = merged["node_id"].as_str().unwrap();
    let mutation = format!(
        "mutation {{ revertPullRequest(input: {{pullRequestId: \"{id}\"}}) {{ revertPullRequest {{ number }} }} }}"
    );
    let made = site.graphql(&mutation, json!({})).await;
    let number = &made["data"]["revertPullRequest"]["revertPullRequest"]["number"];
    site.write(Method::PUT, &format!("/pulls/{number}/merge"), json!({})).await;
    assert!(!site.active("red"));
    site.at_minute(95);
    assert_eq!(newest_run(&site).await["conclusion"], "success");
}

#[tokio::test]
async fn an_unrepaired_red_run_is_over_when_its_time_is() {
    let site = site(&red("none", "", "")).await;
    site.at_minute(300);
    assert_eq!(newest_run(&site).await["conclusion"], "failure");
    site.at_minute(66 + 5 * 60 + 5);
    assert_eq!(newest_run(&site).await["conclusion"], "success");
}

#[tokio::test]
async fn reads_stand_still_in_a_stale_outage_and_writes_do_not() {
    let outage = "[[outage]]\nat = 0.5\nminutes = 120\nservice = \"github\"\nmode = \"stale\"";
    let site = site(&red("none", "", outage)).await;
    site.at_minute(90);
    let before = site.repo("/pulls?state=all").await;
    assert!(!each(&before, "number").contains(&json!(482)));
    let query = "{ repository(owner: \"acme\", name: \"app\") { pullRequest(number: 482) { id } } }";
    assert_eq!(site.graphql(query, json!({})).await["errors"][0]["type"], "NOT_FOUND");
    let (status, issue) = site.write(Method::POST, "/issues", json!({"title": "t"})).await;
    assert_eq!(status, 201);
    site.at_minute(200);
    assert!(each(&site.repo("/pulls?state=all").await, "number").contains(&json!(482)));
    assert_eq!(site.repo(&format!("/issues/{}", issue["number"])).await["title"], "t");
}
