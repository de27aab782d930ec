//! What a conversation asks of GitHub, against the simulated one and against answers of any kind.

use serde_json::json;
use wakeman_gateway::ports::{
    CodeReader, CommitRequest, DiffOf, FileAnswer, Openness, RunRequest, RunStatus, SourceError,
};
use wakeman_types::DAY_MS;

use crate::support::*;

#[tokio::test]
async fn the_repository_can_be_read() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(240).await;
    let github = world.github();
    let request = CommitRequest { since: Some(now.plus_ms(-DAY_MS)), limit: 50, ..CommitRequest::default() };
    let commits = github.commits(request).await.expect("commits");
    assert!(!commits.is_empty() && commits.iter().all(|commit| commit.at >= now.plus_ms(-DAY_MS)));
    let path = Some("web/signup/form.ts".to_owned());
    let touching =
        github.commits(CommitRequest { path, limit: 50, ..CommitRequest::default() }).await.expect("commits");
    assert!(touching.iter().any(|commit| commit.title.contains("signup: new form")), "{touching:?}");

    let pulls = github.pull_list(Openness::All, 20).await.expect("pulls");
    assert!(pulls.iter().any(|pull| pull.number == 482 && pull.state == "merged"), "{pulls:?}");
    let pull = github.pull_request(482).await.expect("the pull request");
    assert_eq!((pull.author.as_deref(), pull.branches.map(|ends| ends.1).as_deref()), (Some("lin"), Some("main")));
    let diff = github.diff(DiffOf::Pull(482)).await.expect("a diff");
    let form = diff.iter().find(|file| file.path == "web/signup/form.ts").expect("its file");
    assert!(form.patch.as_deref().is_some_and(|patch| patch.starts_with("@@")), "{form:?}");
    let of_commit = github.diff(DiffOf::Commit(commits[0].sha.clone())).await.expect("a diff");
    assert!(!of_commit.is_empty());
    let (base, head) = (commits[commits.len() - 1].sha.clone(), "main".to_owned());
    github.diff(DiffOf::Between { base, head }).await.expect("a comparison");
    assert!(github.issue_list(Openness::All, 20).await.expect("issues").iter().all(|issue| issue.merged_at.is_none()));
}

#[tokio::test]
async fn a_file_is_text_and_a_folder_is_a_list() {
    let world = World::shipped("bad-merge").await;
    world.at_minute(240).await;
    let github = world.github();
    let FileAnswer::Text(text) = github.file("web/signup/form.ts", None).await.expect("a file") else {
        panic!("a text")
    };
    assert!(!text.is_empty());
    let FileAnswer::Folder(entries) = github.file("web/signup", None).await.expect("a folder") else {
        panic!("a folder")
    };
    assert!(entries.iter().any(|(name, bytes)| name == "form.ts" && bytes.is_some()), "{entries:?}");
    let missing = github.file("no/such/file", None).await.expect_err("missing");
    assert!(matches!(missing, SourceError::Rejected { .. }), "{missing:?}");
}

#[tokio::test]
async fn runs_lead_to_jobs_and_jobs_to_the_end_of_their_log() {
    let world = World::shipped("bad-merge").await;
    world.at_minute(240).await;
    let github = world.github();
    let runs = github.run_list(RunRequest { limit: 10, ..RunRequest::default() }).await.expect("runs");
    let run = runs.iter().find(|run| run.status == RunStatus::Passed).expect("a run");
    let jobs = github.jobs(run.id).await.expect("jobs");
    assert!(jobs.iter().all(|job| job.state == "success" && job.failed_steps.is_empty()), "{jobs:?}");
    let whole = github.job_log(jobs[0].id, 1 << 20).await.expect("a log");
    assert_eq!(whole.text.len() as u64, whole.bytes);
    let tail = github.job_log(jobs[0].id, 40).await.expect("its end");
    assert_eq!(tail.bytes, whole.bytes);
    assert!(tail.text.len() <= 40 && whole.text.ends_with(&tail.text), "{tail:?}");
    assert!(!github.deployment_list(5).await.expect("deployments").is_empty());
}

#[tokio::test]
async fn a_log_is_fetched_from_elsewhere_without_our_credential() {
    let elsewhere = Fake::always(Say::Text(200, "text/plain", "line\n".repeat(100_000))).await;
    let to = format!("{}/signed?sig=1", elsewhere.address);
    let fake = Fake::start(move |_, _| Say::Tagged(302, json!({}), vec![("location", to.clone())])).await;
    let log = fake.github().job_log(7, 1_000).await.expect("a log");
    assert_eq!((log.bytes, log.text.len()), (500_000, 995), "whole lines of the last thousand bytes");
    let seen = elsewhere.seen();
    assert_eq!((seen.len(), seen[0].target.as_str()), (1, "/signed?sig=1"));
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn an_address_that_is_none_is_not_asked() {
    for to in ["file:///etc/passwd", "ftp://x/y", "/relative", ""] {
        let fake = Fake::start(move |_, _| Say::Tagged(302, json!({}), vec![("location", to.to_owned())])).await;
        let error = fake.github().job_log(7, 1_000).await.expect_err(to);
        assert!(matches!(error, SourceError::Shape { .. }), "{to}: {error:?}");
        assert_eq!(fake.calls(), 1);
    }
}

#[tokio::test]
async fn the_last_quarter_of_the_hour_is_not_for_questions() {
    let limits =
        |left: u32| vec![("x-ratelimit-limit", "5000".to_owned()), ("x-ratelimit-remaining", left.to_string())];
    let fake = Fake::start(move |_, nth| Say::Tagged(200, json!([]), limits(1_251 - nth as u32))).await;
    let github = fake.github();
    let mut answered = 0;
    while github.pull_list(Openness::Open, 5).await.is_ok() {
        answered += 1;
    }
    assert_eq!(answered, 3, "until GitHub says that fewer than 1,250 are left");
    let limited = github.pull_list(Openness::Open, 5).await.expect_err("kept");
    assert!(matches!(&limited, SourceError::Limited { .. }), "{limited:?}");
    assert_eq!(fake.calls(), 3);
}

#[tokio::test]
async fn odd_answers_are_no_numbers_and_no_panic() {
    for say in [
        Say::Json(200, json!({"total": 1})),
        Say::Text(200, "text/html", "<html>".to_owned()),
        Say::Text(200, "application/json", "[".to_owned()),
        Say::Json(500, json!({})),
        Say::Truncated(200),
        Say::Drop,
    ] {
        let fake = Fake::always(say.clone()).await;
        let error = fake.github().pull_list(Openness::All, 5).await.expect_err("not a list");
        let expected = matches!(error, SourceError::Shape { .. } | SourceError::Unavailable { .. });
        assert!(expected && !error.to_string().contains(SECRET), "{say:?}: {error:?}");
    }
}
