//! Polling: what becomes a change, and how few calls it takes.

use serde_json::{Value, json};
use wakeman_gateway::ports::{CodeAnswer, CodeRequest, CodeSource, RunStatus, SourceError};
use wakeman_integrations::check_github;
use wakeman_types::{Change, ChangeKind, ChangeRef, DAY_MS, HOUR_MS, Timestamp};

use crate::{github_fake::*, support::*};

fn deployment(id: u64, sha: &str, environment: &str, when: &str) -> Value {
    json!({"id": id, "sha": sha, "environment": environment, "created_at": at(when), "creator": {"login": "ci"}})
}

fn repository() -> Shelf {
    shelf(&[
        ("/pulls", json!([listed_pull(482, "07:04"), listed_pull(470, "02:00")])),
        (
            "/pulls/482/files",
            json!([{"filename": "web/form.ts", "status": "modified", "sha": "1"}, {"filename": "a.md", "sha": "2"}]),
        ),
        (
            "/commits",
            json!([
                commit("d1", &["r2"], "07:30"),
                commit("r2", &["r1"], "07:20"),
                commit("r1", &["m482"], "07:20"),
                commit("m482", &["old", "side"], "07:04"),
                commit("side", &["old"], "06:50"),
                commit("old", &["older"], "02:00"),
            ]),
        ),
        ("/commits/d1/pulls", json!([])),
        ("/commits/m482/pulls", json!([listed_pull(482, "07:04")])),
        ("/commits/d1", {
            let mut full = commit("d1", &["r2"], "07:30");
            full["files"] = json!([{"filename": "config/limits.yml", "status": "modified", "sha": "3"}]);
            full
        }),
        ("/commits/r1/pulls", json!([listed_pull(483, "07:20")])),
        ("/commits/r2/pulls", json!([listed_pull(483, "07:20")])),
        ("/deployments", json!([deployment(9, "m482", "production", "07:05"), deployment(8, "x", "preview", "07:00")])),
        (
            "/deployments/9/statuses",
            json!([{"state": "success", "created_at": at("07:08"), "log_url": "https://ci/9"}, {"state": "in_progress", "created_at": at("07:05")}]),
        ),
        ("/deployments/8/statuses", json!([{"state": "success", "created_at": at("07:02")}])),
        (
            "/releases",
            json!([
                {"tag_name": "v2.1", "name": "", "draft": false, "published_at": at("07:40"), "html_url": "https://x"},
                {"tag_name": "v2.2", "name": "next", "draft": true, "published_at": null},
            ]),
        ),
        (
            "/actions/runs",
            json!({"total_count": 2, "workflow_runs": [
                {"id": 5, "name": "CI", "head_sha": "d1", "event": "push", "status": "completed", "conclusion": "failure",
                 "run_attempt": 2, "created_at": at("07:31"), "updated_at": at("07:33"), "html_url": "https://x/5"},
                {"id": 4, "name": "CI", "head_sha": "f", "event": "pull_request", "status": "completed", "conclusion": "failure",
                 "created_at": at("07:31"), "updated_at": at("07:33")},
            ]}),
        ),
    ])
}

async fn poll(github: &impl CodeSource, since: Timestamp, round: u64) -> CodeAnswer {
    github.poll(CodeRequest { since, round }).await.expect("a poll")
}

fn find<'a>(answer: &'a CodeAnswer, id: &str) -> &'a Change {
    let ids: Vec<&str> = answer.changes.iter().map(|change| change.id.as_str()).collect();
    answer.changes.iter().find(|change| change.id.as_str() == id).unwrap_or_else(|| panic!("{id} in {ids:?}"))
}

#[tokio::test]
async fn the_first_round_reads_everything() {
    let fake = reading(&repository()).await;
    let answer = poll(&fake.github(), NOW.plus_ms(-2 * HOUR_MS), 0).await;
    let mut ids: Vec<&str> = answer.changes.iter().map(|change| change.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["commit:d1", "deploy:9", "pr:482", "release:v2.1"]);

    let merge = find(&answer, "pr:482");
    assert_eq!(merge.kind, ChangeKind::Merge);
    assert_eq!(merge.files, ["web/form.ts", "a.md"]);
    assert_eq!(merge.reference, ChangeRef::PullRequest { number: 482, merge_sha: "m482".into() });
    assert_eq!(merge.live_at.map(|live| live.since(merge.at)), Some(4 * 60_000), "the deployment of its own commit");
    assert_eq!((merge.author.as_deref(), merge.title.as_str()), (Some("lin"), "change 482"));
    let direct = find(&answer, "commit:d1");
    assert_eq!((direct.kind, direct.title.as_str()), (ChangeKind::Config, "commit d1"));
    assert_eq!(direct.files, ["config/limits.yml"]);
    let deploy = find(&answer, "deploy:9");
    assert_eq!((deploy.title.as_str(), deploy.url.as_deref()), ("m482 to production", Some("https://ci/9")));
    assert_eq!(find(&answer, "release:v2.1").title, "v2.1");

    assert_eq!(answer.runs.len(), 1, "a pull request's run says nothing about the branch");
    assert_eq!((answer.runs[0].status, answer.runs[0].attempt), (RunStatus::Failed, 2));
    let standing: Vec<(u64, &str)> = answer.deployments.iter().map(|d| (d.id, d.status.as_str())).collect();
    assert_eq!(standing, [(9, "success"), (8, "success")]);
}

#[tokio::test]
async fn a_warm_round_is_four_conditional_calls() {
    let shelf = repository();
    let fake = reading(&shelf).await;
    let github = fake.github();
    let since = NOW.plus_ms(-2 * HOUR_MS);
    let first = poll(&github, since, 0).await;
    for round in 1..=10 {
        let before = fake.calls();
        let answer = poll(&github, since, round).await;
        let calls = calls_since(&fake, before);
        let third = if round % 5 == 4 { "/releases" } else { "/commits" };
        assert_eq!(calls, ["/deployments", "/pulls", third, "/actions/runs"], "round {round}");
        assert!(fake.seen()[before..].iter().all(|seen| seen.header("if-none-match").is_some()), "round {round}");
        assert_eq!(find(&answer, "pr:482"), find(&first, "pr:482"), "remembered with its files");
    }

    // One new merge costs one call for its files.
    put(&shelf, "/pulls", json!([listed_pull(490, "07:50"), listed_pull(482, "07:04")]));
    put(&shelf, "/pulls/490/files", json!([{"filename": "b.ts", "sha": "9"}]));
    let before = fake.calls();
    let answer = poll(&github, since, 11).await;
    assert_eq!(calls_since(&fake, before).len(), 5);
    assert_eq!(find(&answer, "pr:490").files, ["b.ts"]);
    let before = fake.calls();
    assert_eq!(find(&poll(&github, since, 12).await, "pr:490").files, ["b.ts"]);
    assert_eq!(calls_since(&fake, before).len(), 4);
}

#[tokio::test]
async fn a_deployment_is_followed_until_it_is_settled() {
    let shelf = repository();
    put(&shelf, "/deployments/9/statuses", json!([{"state": "in_progress", "created_at": at("07:05")}]));
    let fake = reading(&shelf).await;
    // Our clock may be anywhere: what is old is old by theirs.
    let clock = StillClock::new();
    clock.put(NOW.plus_ms(300 * DAY_MS));
    let github = github(&fake.address, clock);
    let since = NOW.plus_ms(-2 * HOUR_MS);
    let answer = poll(&github, since, 0).await;
    assert_eq!(answer.deployments[0].status, "in_progress");
    assert!(answer.changes.iter().all(|change| change.kind != ChangeKind::Deploy), "not live yet");
    let before = fake.calls();
    poll(&github, since, 1).await;
    assert_eq!(
        calls_since(&fake, before),
        ["/deployments", "/deployments/9/statuses", "/pulls", "/commits", "/actions/runs"]
    );
    put(&shelf, "/deployments/9/statuses", json!([{"state": "failure", "created_at": at("07:55")}]));
    assert_eq!(poll(&github, since, 2).await.deployments[0].status, "failure");
    let before = fake.calls();
    assert_eq!(poll(&github, since, 3).await.deployments[0].status, "failure");
    assert_eq!(calls_since(&fake, before).len(), 4, "settled");
}

#[tokio::test]
async fn details_are_bounded_and_made_up_for_later() {
    let shelf = repository();
    let pulls: Vec<Value> = (0..45).map(|n| listed_pull(500 - n, "07:10")).collect();
    for n in 0..45 {
        put(&shelf, &format!("/pulls/{}/files", 500 - n), json!([{"filename": format!("f{n}"), "sha": "1"}]));
    }
    put(&shelf, "/pulls", json!(pulls));
    let fake = reading(&shelf).await;
    let github = fake.github();
    let since = NOW.plus_ms(-2 * HOUR_MS);
    let without = |answer: &CodeAnswer| {
        answer.changes.iter().filter(|change| change.kind == ChangeKind::Merge && change.files.is_empty()).count()
    };
    let first = poll(&github, since, 0).await;
    assert_eq!(
        first.changes.iter().filter(|change| change.kind == ChangeKind::Merge).count(),
        45,
        "every merge is told at once"
    );
    assert_eq!(without(&first), 5, "forty of them with their files");
    assert_eq!(without(&poll(&github, since, 1).await), 0);
    let before = fake.calls();
    poll(&github, since, 2).await;
    poll(&github, since, 3).await;
    assert_eq!(calls_since(&fake, before).iter().filter(|path| path.ends_with("/files")).count(), 0);
}

#[tokio::test]
async fn a_first_look_pages_back_and_a_later_one_does_not() {
    let shelf = repository();
    let page = |from: u64, hour: &str| json!((0..50).map(|n| listed_pull(from - n, hour)).collect::<Vec<_>>());
    put(&shelf, "/pulls", page(400, "07:30"));
    put(&shelf, "/pulls?page=2", page(350, "06:30"));
    put(&shelf, "/pulls?page=3", page(300, "03:00"));
    for n in 251..=400 {
        put(&shelf, &format!("/pulls/{n}/files"), json!([]));
    }
    let fake = reading(&shelf).await;
    let github = fake.github();
    let since = NOW.plus_ms(-2 * HOUR_MS);
    let pages = |before: usize| calls_since(&fake, before).iter().filter(|path| *path == "/pulls").count();
    let answer = poll(&github, since, 0).await;
    assert_eq!(pages(0), 3, "until a page reaches back before the asked time");
    assert_eq!(answer.changes.iter().filter(|change| change.kind == ChangeKind::Merge).count(), 100);
    let before = fake.calls();
    poll(&github, since, 1).await;
    assert_eq!(pages(before), 2, "the next one reads on only to what was seen");
}

#[tokio::test]
async fn a_poll_that_failed_at_the_end_loses_nothing() {
    let shelf = repository();
    put(&shelf, "/pulls", json!((0..50).map(|n| listed_pull(400 - n, "07:30")).collect::<Vec<_>>()));
    put(&shelf, "/pulls?page=2", json!([listed_pull(350, "06:30"), listed_pull(349, "03:00")]));
    for n in 349..=400 {
        put(&shelf, &format!("/pulls/{n}/files"), json!([]));
    }
    let runs = shelf.lock().expect("the shelf").remove("/actions/runs").expect("runs");
    let fake = reading(&shelf).await;
    let github = fake.github();
    let since = NOW.plus_ms(-2 * HOUR_MS);
    assert!(github.poll(CodeRequest { since, round: 0 }).await.is_err());
    put(&shelf, "/actions/runs", runs);
    let answer = poll(&github, since, 1).await;
    assert_eq!(answer.changes.iter().filter(|change| change.kind == ChangeKind::Merge).count(), 51);
    assert!(answer.changes.iter().any(|change| change.id.as_str() == "pr:350"), "the second page is read again");
    assert!(answer.changes.iter().any(|change| change.id.as_str() == "commit:d1"));
}

#[tokio::test]
async fn details_that_are_gone_do_not_stop_the_round() {
    let shelf = repository();
    for path in ["/commits/d1/pulls", "/pulls/482/files", "/deployments/9/statuses"] {
        shelf.lock().expect("the shelf").remove(path).expect("it was there");
    }
    let fake = reading(&shelf).await;
    let answer = poll(&fake.github(), NOW.plus_ms(-2 * HOUR_MS), 0).await;
    assert!(find(&answer, "pr:482").files.is_empty());
    assert!(answer.changes.iter().all(|change| change.kind != ChangeKind::Config));
    assert_eq!(answer.deployments.iter().map(|d| d.id).collect::<Vec<_>>(), [8]);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let shelf = repository();
    put(&shelf, "/pulls", json!([{"number": 1, "title": "x", "updated_at": "yesterday"}]));
    let fake = reading(&shelf).await;
    match fake.github().poll(CodeRequest { since: NOW, round: 1 }).await {
        Err(SourceError::Shape { reason }) => {
            assert!(reason.starts_with("pull request list: `[0].updated_at`: \"yesterday\" is not a time"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let fake = reading(&crate::github_fake::shelf(&[])).await;
    match fake.github().poll(CodeRequest { since: NOW, round: 1 }).await {
        Err(SourceError::Rejected { remedy, .. }) => assert!(remedy.contains("github.repository"), "{remedy}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_check_names_the_user_the_repository_and_what_is_missing() {
    let shelf = repository();
    put(&shelf, "/user", json!({"login": "ada"}));
    put(&shelf, "", json!({"full_name": "acme/App", "default_branch": "trunk", "permissions": {"push": false}}));
    put(&shelf, "/deployments", Value::Null);
    let fake = {
        let shelf = shelf.clone();
        Fake::start(move |seen, _| match seen.path() {
            "/repos/acme/app/deployments" => Say::Tagged(
                403,
                json!({"message": "Resource not accessible by personal access token"}),
                vec![("x-accepted-github-permissions", "deployments=read".into())],
            ),
            _ => answer(&shelf, seen),
        })
        .await
    };
    let outcome = check_github(&fake.github()).await;
    assert_eq!((outcome.user.as_deref(), outcome.project.as_deref()), (Some("ada"), Some("acme/App")));
    assert_eq!(outcome.missing, ["contents:write", "deployments:read"]);
    let remedies: Vec<&str> = outcome.checks.iter().filter_map(|check| check.remedy.as_deref()).collect();
    assert_eq!(
        remedies,
        [
            "set `github.defaultBranch` to \"trunk\", unless another branch is deployed",
            "give it contents, pull requests and issues read and write",
            "give the token the permission deployments=read",
        ]
    );
    assert!(fake.seen().iter().all(|seen| seen.method == "GET"), "a check changes nothing");

    let denied = Fake::always(Say::Json(401, json!({"message": "Bad credentials"}))).await;
    let outcome = check_github(&denied.github()).await;
    assert_eq!(outcome.checks.len(), 1);
    assert!(outcome.checks[0].remedy.as_deref().is_some_and(|remedy| remedy.contains("GITHUB_TOKEN")));
}
