//! Pull requests, merges and issues as the executor meets them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wakeman_gateway::ports::{Checks, HandsError, IssueRequest, PullFile, RepoHands, RevertRequest};
use wakeman_types::HOUR_MS;

use crate::{github_fake::*, support::*};

fn pull(state: &str, head: &str) -> Value {
    let merged = state == "merged";
    json!({
        "number": 12, "title": "Revert #482", "state": if state == "open" { "open" } else { "closed" }, "node_id": "PR_12",
        "body": "marker wakeman:P-31", "html_url": "https://github.com/acme/app/pull/12", "created_at": at("07:30"),
        "merged_at": if merged { json!(at("07:40")) } else { Value::Null },
        "merge_commit_sha": if merged { "m12" } else { "preview" }, "mergeable": true,
        "head": {"ref": "wakeman/P-31", "sha": head}, "base": {"ref": "main", "sha": "b"}
    })
}

fn tree(entries: &[(&str, &str, &str)]) -> Value {
    let entry = |(path, kind, sha): &(&str, &str, &str)| json!({"path": path, "mode": if *kind == "tree" { "040000" } else { "100644" }, "type": kind, "sha": sha});
    json!({"sha": "t", "truncated": false, "tree": entries.iter().map(entry).collect::<Vec<_>>()})
}

fn git_commit(sha: &str, tree: &str) -> Value {
    json!({"sha": sha, "tree": {"sha": tree}, "parents": [], "message": "x", "author": {"name": "x", "date": at("07:00")}})
}

#[tokio::test]
async fn a_pull_request_is_told_with_its_checks() {
    let runs = |states: &[(&str, Value)]| {
        let run = |(status, conclusion): &(&str, Value)| json!({"status": status, "conclusion": conclusion});
        json!({"total_count": states.len(), "check_runs": states.iter().map(run).collect::<Vec<_>>()})
    };
    let none = json!({"state": "pending", "total_count": 0});
    for (check_runs, status, want) in [
        (runs(&[]), none.clone(), Checks::None),
        (runs(&[("completed", json!("success"))]), none.clone(), Checks::Passed),
        (runs(&[("completed", json!("success")), ("queued", Value::Null)]), none.clone(), Checks::Pending),
        (runs(&[("in_progress", Value::Null), ("completed", json!("failure"))]), none, Checks::Failed),
        (runs(&[]), json!({"state": "pending", "total_count": 1}), Checks::Pending),
        (runs(&[("completed", json!("success"))]), json!({"state": "error", "total_count": 1}), Checks::Failed),
    ] {
        let shelf = shelf(&[
            ("/pulls/12", pull("open", "h1")),
            ("/commits/h1/check-runs", check_runs),
            ("/commits/h1/status", status),
        ]);
        let facts = reading(&shelf).await.github().pull(12).await.expect("a pull request");
        assert_eq!((facts.checks, facts.open, facts.merged, facts.merge_sha), (want, true, false, None));
    }
    let fake = reading(&shelf(&[("/pulls/12", pull("merged", "h1"))])).await;
    let facts = fake.github().pull(12).await.expect("a pull request");
    assert_eq!((facts.merged, facts.merge_sha.as_deref(), facts.base.as_str()), (true, Some("m12"), "main"));
    assert_eq!(fake.calls(), 1, "what is over has no checks to wait for");
}

#[tokio::test]
async fn the_files_of_a_merge_are_as_the_merge_left_them() {
    let files = json!([
        {"filename": "web/form.ts", "status": "modified", "sha": "branch-blob"},
        {"filename": "new/name.ts", "status": "renamed", "previous_filename": "old.ts", "sha": "n1"},
        {"filename": "gone.ts", "status": "removed", "sha": "g1"},
    ]);
    let shelf = shelf(&[
        ("/pulls/12", pull("merged", "h1")),
        ("/pulls/12/files", files),
        ("/git/commits/m12", git_commit("m12", "root")),
        ("/git/trees/root", tree(&[("web", "tree", "web"), ("new", "tree", "new")])),
        ("/git/trees/web", tree(&[("form.ts", "blob", "merged-blob")])),
        ("/git/trees/new", tree(&[("name.ts", "blob", "n1")])),
    ]);
    let fake = reading(&shelf).await;
    let github = fake.github();
    let file = |path: &str, blob: Option<&str>| PullFile { path: path.into(), blob: blob.map(str::to_owned) };
    let got = github.pull_files(12).await.expect("files");
    let want = [
        file("web/form.ts", Some("merged-blob")),
        file("old.ts", None),
        file("new/name.ts", Some("n1")),
        file("gone.ts", None),
    ];
    assert_eq!(got, want);

    put(&shelf, "/git/ref/heads/main", json!({"object": {"sha": "c9"}}));
    put(&shelf, "/git/commits/c9", git_commit("c9", "root9"));
    put(
        &shelf,
        "/git/trees/root9",
        tree(&[("web", "tree", "web"), ("new", "tree", "new9"), ("gone.ts", "blob", "back")]),
    );
    put(&shelf, "/git/trees/new9", tree(&[("name.ts", "tree", "n9")]));
    let before = fake.calls();
    assert_eq!(github.changed_since("main", &got).await.expect("a comparison"), ["new/name.ts", "gone.ts"]);
    assert_eq!(calls_since(&fake, before).len(), 5, "each directory is read once");
}

/// A GitHub whose pull request 12 can be merged as `merge` says; `after` is the pull request once that was tried.
async fn merging(before: Value, after: Value, merge: Vec<Say>) -> Fake {
    let merge = Arc::new(Mutex::new(merge));
    Fake::start(move |seen, _| {
        let mut merge = merge.lock().expect("answers");
        match seen.method.as_str() {
            "PUT" => merge.remove(0),
            _ if merge.len() < 2 && merge.is_empty() => Say::Json(200, after.clone()),
            _ => Say::Json(200, before.clone()),
        }
    })
    .await
}

fn refusal(status: u16, message: &str) -> Say {
    Say::Json(status, json!({"message": message}))
}

#[tokio::test]
async fn a_merge_is_bound_to_the_head_that_was_approved() {
    let done = Say::Json(200, json!({"sha": "m12", "merged": true, "message": "ok"}));
    let fake = merging(pull("open", "h1"), pull("merged", "h1"), vec![done.clone()]).await;
    assert_eq!(fake.github().merge(12, "h1").await.expect("merged").sha, "m12");
    assert_eq!(fake.seen()[1].body, json!({"sha": "h1", "merge_method": "merge"}));

    let fake = merging(pull("merged", "h1"), pull("merged", "h1"), vec![]).await;
    assert_eq!(fake.github().merge(12, "h1").await.expect("merged before").sha, "m12");
    assert_eq!(fake.calls(), 1);

    let forbidden = refusal(405, "Merge commits are not allowed on this repository.");
    let fake = merging(pull("open", "h1"), pull("merged", "h1"), vec![forbidden, done]).await;
    assert_eq!(fake.github().merge(12, "h1").await.expect("squashed").sha, "m12");
    assert_eq!(fake.seen()[2].body["merge_method"], "squash");
}

#[tokio::test]
async fn a_merge_that_cannot_be_says_why() {
    let mut conflicting = pull("open", "h1");
    conflicting["mergeable"] = json!(false);
    let none = |method: &str| refusal(405, &format!("{method} are not allowed on this repository."));
    let table: Vec<(&str, Value, Value, Vec<Say>, &str)> = vec![
        ("Precondition", pull("open", "h2"), pull("open", "h2"), vec![], "head h1 → h2"),
        ("Precondition", pull("merged", "h2"), pull("merged", "h2"), vec![], "merged with another head"),
        ("Permanent", pull("closed", "h1"), pull("closed", "h1"), vec![], "somebody closed it"),
        (
            "Precondition",
            pull("open", "h1"),
            pull("open", "h2"),
            vec![refusal(409, "Head branch was modified.")],
            "head h1 → h2",
        ),
        (
            "Precondition",
            pull("open", "h1"),
            conflicting,
            vec![refusal(405, "Pull Request is not mergeable")],
            "it conflicts with main",
        ),
        (
            "NotDone",
            pull("open", "h1"),
            pull("open", "h1"),
            vec![refusal(405, "2 of 2 required status checks are expected.")],
            "required status checks",
        ),
        (
            "Permanent",
            pull("open", "h1"),
            pull("open", "h1"),
            vec![none("Merge commits"), none("Squash merges"), none("Rebase merges")],
            "not allowed",
        ),
        ("Permanent", pull("open", "h1"), pull("open", "h1"), vec![refusal(404, "Not Found")], "404"),
        ("InDoubt", pull("open", "h1"), pull("open", "h1"), vec![Say::Drop], "connection broke"),
        ("InDoubt", pull("open", "h1"), pull("open", "h1"), vec![refusal(502, "")], "502"),
    ];
    for (want, before, after, answers, words) in table {
        let tries = answers.len();
        let fake = merging(before, after, answers).await;
        let error = fake.github().merge(12, "h1").await.expect_err(words);
        assert!(format!("{error:?}").starts_with(want), "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(fake.seen().iter().filter(|seen| seen.method == "PUT").count(), tries, "{words}");
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_left_is_found() {
    let mut stranger = pull("open", "h9");
    stranger["head"]["ref"] = json!("other");
    stranger["body"] = Value::Null;
    let shelf = shelf(&[
        ("/pulls", json!([stranger, pull("closed", "h1")])),
        ("/pulls/12", pull("closed", "h1")),
        (
            "/issues",
            json!([
                {"number": 12, "html_url": "x", "created_at": at("07:30"), "body": "wakeman:P-31", "pull_request": {}},
                {"number": 13, "html_url": "https://x/13", "created_at": at("07:20"), "body": "… wakeman:P-31 …"},
            ]),
        ),
    ]);
    let fake = reading(&shelf).await;
    let github = fake.github();
    let since = NOW.plus_ms(-HOUR_MS);
    let found = github.pull_by_head("wakeman/P-31").await.expect("a look").expect("a pull request");
    assert_eq!((found.number, found.open, found.merged), (12, false, false));
    assert!(fake.seen()[0].target.contains("head=acme%3Awakeman%2FP-31"), "{}", fake.seen()[0].target);
    assert_eq!(github.pull_by_head("wakeman/P-32").await.expect("a look"), None, "a filter that did not filter");
    assert_eq!(github.pull_by_marker("wakeman:P-31", since).await.expect("a look").map(|pull| pull.number), Some(12));
    assert_eq!(github.pull_by_marker("wakeman:P-3 ", since).await.expect("a look"), None);
    assert_eq!(
        github.issue_by_marker("wakeman:P-31", since).await.expect("a look").map(|issue| issue.number),
        Some(13)
    );
    assert_eq!(github.issue_by_marker("", since).await.expect("a look"), None, "nothing is not a marker");
}

#[tokio::test]
async fn not_finding_a_marker_in_part_of_the_list_proves_nothing() {
    let page: Vec<Value> =
        (0..100).map(|n| json!({"number": n, "html_url": "x", "created_at": at("07:59"), "body": null})).collect();
    let fake = Fake::always(Say::Json(200, json!(page))).await;
    let looked = fake.github().issue_by_marker("m", NOW.plus_ms(-HOUR_MS)).await;
    assert!(matches!(looked, Err(HandsError::NotDone { .. })), "{looked:?}");
    assert_eq!(fake.calls(), 10);
    let looked = fake.github().issue_by_marker("m", NOW.plus_ms(HOUR_MS)).await;
    assert_eq!(looked, Ok(None), "everything listed is older than the intent");
}

#[tokio::test]
async fn an_issue_is_opened() {
    let fake =
        Fake::always(Say::Json(201, json!({"number": 77, "html_url": "https://x/77", "created_at": at("07:59")})))
            .await;
    let request = IssueRequest { title: "Sign-ups down".into(), body: "marker".into() };
    let issue = fake.github().open_issue(&request).await.expect("an issue");
    assert_eq!((issue.number, issue.url.as_str()), (77, "https://x/77"));
    assert_eq!(fake.seen()[0].body, json!({"title": "Sign-ups down", "body": "marker"}));
}

fn revert_request() -> RevertRequest {
    RevertRequest {
        branch: "wakeman/P-31".into(),
        base: "main".into(),
        merge_sha: "m12".into(),
        number: 12,
        paths: vec!["a".into()],
        title: "Revert #12".into(),
        body: "Why.".into(),
        at: NOW,
    }
}

async fn reverting(answer: Say) -> Fake {
    Fake::start(
        move |seen, _| if seen.path() == "/graphql" { answer.clone() } else { Say::Json(200, pull("merged", "h1")) },
    )
    .await
}

#[tokio::test]
async fn the_platforms_own_revert_carries_the_marker() {
    let made = json!({"number": 13, "url": "https://x/13", "headRefOid": "r1"});
    let fake = reverting(Say::Json(200, json!({"data": {"revertPullRequest": {"revertPullRequest": made}}}))).await;
    let opened = fake.github().open_platform_revert(&revert_request(), "wakeman:P-31").await.expect("a revert");
    assert_eq!((opened.number, opened.head_sha.as_str()), (13, "r1"));
    let input = &fake.seen()[1].body["variables"]["input"];
    assert_eq!(input["body"], "Why.\n\nwakeman:P-31");
    assert_eq!(input["pullRequestId"], "PR_12");

    for (answer, want) in [
        (
            json!({"data": null, "errors": [{"type": "UNPROCESSABLE", "message": "This pull request cannot be reverted."}]}),
            "Permanent",
        ),
        (json!({"errors": [{"type": "RATE_LIMITED", "message": "slow down"}]}), "NotDone"),
        (json!({"data": {"revertPullRequest": null}}), "InDoubt"),
    ] {
        let fake = reverting(Say::Json(200, answer.clone())).await;
        let error = fake.github().open_platform_revert(&revert_request(), "m").await.expect_err("no revert");
        assert!(format!("{error:?}").starts_with(want), "{answer}: {error:?}");
    }
    let fake = reverting(Say::Drop).await;
    let error = fake.github().open_platform_revert(&revert_request(), "m").await.expect_err("no answer");
    assert!(matches!(error, HandsError::InDoubt { .. }), "{error:?}");
}
