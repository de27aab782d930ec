//! Comments, reruns, patches, annotations, errors, production and webhooks, against the simulated services and odd answers.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use wakeman_gateway::ports::{
    AnnotationRequest, Clock, CommentRequest, DeployHands, HandsError, PatchFile, PatchRequest, ProductHands,
    RepoHands, RunStatus, WebhookHands, WebhookRequest, WriteGate,
};
use wakeman_integrations::{Timeouts, Webhooks};
use wakeman_types::{HOUR_MS, Timestamp};

use crate::support::*;

fn patch(at: Timestamp, files: &[(&str, Option<&str>)]) -> PatchRequest {
    let file =
        |(path, text): &(&str, Option<&str>)| PatchFile { path: (*path).to_owned(), text: text.map(str::to_owned) };
    PatchRequest {
        branch: "wakeman/P-9".to_owned(),
        base: "main".to_owned(),
        files: files.iter().map(file).collect(),
        title: "Raise the limit".to_owned(),
        body: "So. <!-- wakeman-proposal: x/P-9/1 -->".to_owned(),
        at,
    }
}

#[tokio::test]
async fn a_patch_is_opened_once_and_an_interrupted_one_goes_on() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(120).await;
    let github = world.github();
    let paths = ["web/signup/form.ts".to_owned(), "web/new.ts".to_owned()];
    let before = github.files_at("main", &paths).await.expect("files");
    assert!(before[0].blob.is_some() && before[1].blob.is_none());
    assert_eq!(github.changed_since("main", &before).await.expect("a comparison"), Vec::<String>::new());

    let request = patch(now, &[("web/signup/form.ts", Some("export {};\n")), ("web/new.ts", Some("new\n"))]);
    let opened = github.open_patch(&request).await.expect("a pull request");
    let again = github.open_patch(&request).await.expect("the same one");
    assert_eq!(opened, again);
    let applied = world.applied().await;
    assert_eq!(applied.iter().filter(|call| call.as_str() == "POST /pulls").count(), 1, "{applied:?}");
    let files = github.pull_files(opened.number).await.expect("its files");
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().len(), 2);

    let other = patch(now, &[("web/signup/form.ts", Some("something else\n"))]);
    let error = github.open_patch(&other).await.expect_err("the branch holds other work");
    assert!(matches!(&error, HandsError::Permanent { reason } if reason.contains("exists with other work")), "{error}");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_refused() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(120).await;
    let error = world.github().open_patch(&patch(now, &[("web/never.ts", None)])).await.expect_err("nothing to do");
    assert!(matches!(&error, HandsError::Permanent { reason } if reason.contains("nothing to change")), "{error}");
    assert!(world.applied().await.iter().all(|call| call != "POST /pulls"));
}

/// A repository of one file, in which everything may be written but pull requests.
fn without_pulls(seen: &Seen, say: &Say) -> Say {
    let path = seen.path().strip_prefix("/repos/acme/app").unwrap_or(seen.path());
    let person = json!({"name": "Lin", "date": "2026-01-05T01:00:00Z"});
    let commit = json!({"sha": "c0", "tree": {"sha": "t0"}, "parents": [], "message": "x", "author": person});
    match (seen.method.as_str(), path) {
        ("GET", "/pulls") => Say::Json(200, json!([])),
        ("GET", "/git/ref/heads/main") => Say::Json(200, json!({"object": {"sha": "c0"}})),
        ("GET", "/git/commits/c0") => Say::Json(200, commit),
        ("GET", "/git/trees/t0") => Say::Json(200, json!({"tree": []})),
        ("POST", "/git/trees" | "/git/commits") => Say::Json(201, json!({"sha": "s1"})),
        ("POST", "/git/refs") => Say::Json(201, json!({"object": {"sha": "s1"}})),
        ("POST", "/pulls") => say.clone(),
        _ => Say::Json(404, json!({"message": "Not Found"})),
    }
}

#[tokio::test]
async fn a_branch_whose_pull_request_is_refused_is_named_with_what_to_do_about_it() {
    let error = |words: &str| json!({"message": words});
    for (say, wanted) in [
        (
            Say::Json(403, error("Resource not accessible by personal access token")),
            "delete it there, nothing uses it again",
        ),
        (Say::Json(422, error("Validation Failed")), "delete it there, nothing uses it again"),
        (Say::Json(429, error("slow down")), "its branch wakeman/P-9 is on GitHub already"),
    ] {
        let answer = say.clone();
        let fake = Fake::start(move |seen, _| without_pulls(seen, &answer)).await;
        let end = fake.github().open_patch(&patch(Timestamp(0), &[("web/new.ts", Some("new\n"))])).await;
        let error = end.expect_err("it may not be opened");
        let reason = match &error {
            HandsError::Permanent { reason } | HandsError::NotDone { reason, .. } => reason,
            other => panic!("{say:?}: {other:?}"),
        };
        assert!(reason.contains("wakeman/P-9") && reason.ends_with(wanted), "{say:?}: {reason}");
    }
    // Before the branch is made there is nothing to name.
    let none = Fake::always(Say::Json(403, error("no"))).await;
    let early = none.github().open_patch(&patch(Timestamp(0), &[("web/new.ts", Some("new\n"))])).await;
    assert!(!early.expect_err("nothing may be done").to_string().contains("delete it"));
}

#[tokio::test]
async fn a_comment_is_found_again_by_its_marker() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(120).await;
    let github = world.github();
    let marker = "wakeman-proposal: x/P-9/1";
    let since = now.plus_ms(-HOUR_MS);
    assert_eq!(github.comment_by_marker(482, marker, since).await.expect("a list"), None);
    let request = CommentRequest { number: 482, body: format!("It broke sign-ups.\n<!-- {marker} -->") };
    let made = github.comment(&request).await.expect("a comment");
    assert_eq!(github.comment_by_marker(482, marker, since).await.expect("a list"), Some(made));
    let gone =
        github.comment(&CommentRequest { number: 9_999, body: "x".to_owned() }).await.expect_err("no such topic");
    assert!(matches!(gone, HandsError::Permanent { .. }));
}

#[tokio::test]
async fn a_failed_run_is_started_again_and_not_while_it_runs() {
    let world = World::shipped("red-main").await;
    world.at_minute(80).await;
    let github = world.github();
    let since = world.start.plus_ms(-HOUR_MS);
    let polled =
        wakeman_gateway::ports::CodeSource::poll(&github, wakeman_gateway::ports::CodeRequest { since, round: 0 });
    let runs = polled.await.expect("a poll").runs;
    let failed = runs.iter().find(|run| run.status == RunStatus::Failed).expect("a failed run").id;
    let before = github.run(failed).await.expect("a run");
    assert_eq!((before.attempt, before.status), (1, RunStatus::Failed));
    github.rerun_failed_jobs(failed).await.expect("started");
    assert_eq!(github.run(failed).await.expect("a run").attempt, 2);
    let running = github.rerun_failed_jobs(failed).await.expect_err("it runs");
    assert!(matches!(running, HandsError::Permanent { .. }), "{running}");
    world.at_minute(90).await;
    assert_eq!(github.run(failed).await.expect("a run").status, RunStatus::Passed);
}

#[tokio::test]
async fn annotations_and_errors_are_set_and_found_again() {
    let world = World::shipped("bad-merge").await;
    let now = world.at_minute(150).await;
    let posthog = world.posthog();
    let marker = "wakeman-proposal: x/P-9/1";
    assert_eq!(posthog.annotation_by_marker(marker).await.expect("a list"), None);
    let request = AnnotationRequest { content: format!("flag off ({marker})"), at: now };
    let made = posthog.annotate(&request).await.expect("an annotation");
    assert_eq!(posthog.annotation_by_marker(marker).await.expect("a list"), Some(made));

    let since = now.plus_ms(-3 * HOUR_MS);
    let errors = wakeman_gateway::ports::ProductSource::errors(&posthog, since).await.expect("errors");
    let id = errors.first().expect("the sign-up error").id.clone();
    assert_eq!(posthog.error(&id).await.expect("an error").status, "active");
    assert_eq!(posthog.set_error_status(&id, "suppressed").await.expect("set").status, "suppressed");
    assert_eq!(posthog.error(&id).await.expect("an error").status, "suppressed");
    assert!(matches!(posthog.error("0-0").await, Err(HandsError::Permanent { .. })));
}

#[tokio::test]
async fn production_goes_back_and_forward_and_a_repeat_changes_nothing() {
    let world = World::shipped("vercel-rollback").await;
    world.at_minute(120).await;
    let vercel = world.vercel();
    let live = vercel.production().await.expect("production").expect("a deployment");
    assert!(live.ready && live.sha.is_some());
    let before = vercel.candidates().await.expect("candidates").into_iter().next().expect("an earlier deployment");
    assert!(before.candidate && before.id != live.id && before.created_at < live.created_at);
    for _ in 0..2 {
        vercel.rollback(&before.id).await.expect("rolled back");
        assert_eq!(vercel.production().await.expect("production").expect("one").id, before.id);
    }
    vercel.promote(&live.id).await.expect("promoted");
    assert_eq!(vercel.production().await.expect("production").expect("one").id, live.id);
    let missing = vercel.rollback("dpl_nothing").await.expect_err("no such deployment");
    assert!(matches!(missing, HandsError::Permanent { .. }), "{missing}");
}

#[tokio::test]
async fn only_an_answer_that_says_no_is_a_no() {
    let error = |status: u16| Say::Json(status, json!({"error": {"code": "x", "message": "no"}, "message": "no"}));
    for (say, kind) in [
        (error(400), "Permanent"),
        (error(403), "Permanent"),
        (error(404), "Permanent"),
        (error(409), "Permanent"),
        (error(429), "NotDone"),
        (error(500), "InDoubt"),
        (error(504), "InDoubt"),
        (Say::Drop, "InDoubt"),
        (Say::Hang, "InDoubt"),
    ] {
        let fake = Fake::always(say.clone()).await;
        let vercel = || vercel(&fake.address, StillClock::new());
        let hooks = webhooks(&fake.address, StillClock::new());
        let comment = CommentRequest { number: 1, body: "x".to_owned() };
        let annotation = AnnotationRequest { content: "x".to_owned(), at: Timestamp(0) };
        let post = post_to("ops");
        let ends = [
            ("rollback", vercel().rollback("dpl_1").await.err()),
            ("promote", vercel().promote("dpl_1").await.err()),
            ("rerun", hasty_github(&fake.address).rerun_failed_jobs(7).await.err()),
            ("comment", hasty_github(&fake.address).comment(&comment).await.err()),
            ("annotate", hasty_posthog(&fake.address).annotate(&annotation).await.err()),
            ("error", hasty_posthog(&fake.address).set_error_status("e1", "resolved").await.err()),
            ("post", hooks.post(&post).await.err()),
        ];
        for (call, end) in ends {
            let text = format!("{:?}", end.expect(call));
            assert!(text.starts_with(kind), "{call} {say:?}: {text}");
        }
        assert_eq!(fake.calls(), 7, "each was sent once: {say:?}");
    }
}

/// Two targets at one host.
fn webhooks(address: &str, clock: Arc<StillClock>) -> Webhooks {
    let timeouts = Timeouts { answer: Duration::from_millis(600), ..Timeouts::default() };
    let targets = ["ops", "chat"].map(|name| (name.to_owned(), format!("{address}/{name}/secret")));
    Webhooks::new(targets, timeouts, (clock, WriteGate::default())).expect("an adapter")
}

fn post_to(name: &str) -> WebhookRequest {
    WebhookRequest { name: name.to_owned(), payload: json!({"a": 1}), key: "k".to_owned() }
}

#[tokio::test]
async fn a_host_that_says_later_gets_no_write_until_then() {
    let later = |status| Say::Tagged(status, json!({"message": "slow down"}), vec![("retry-after", "30".to_owned())]);
    let until = NOW.plus_ms(30_000);
    for (host, status) in
        [("github", 403), ("github", 429), ("posthog", 429), ("vercel", 429), ("ops", 403), ("ops", 429)]
    {
        let say = later(status);
        let fake = Fake::start(move |_, n| if n == 0 { say.clone() } else { Say::Json(500, json!({})) }).await;
        let clock = StillClock::new();
        let (github, posthog) = (github(&fake.address, clock.clone()), posthog(&fake.address, clock.clone(), 1.0));
        let (vercel, hooks) = (vercel(&fake.address, clock.clone()), webhooks(&fake.address, clock.clone()));
        let write = async |nth: usize| match host {
            "github" => github.rerun_failed_jobs(7).await.err(),
            "posthog" => posthog.set_error_status("e1", "resolved").await.err(),
            "vercel" => vercel.promote("dpl_1").await.err(),
            // Another address of the same host.
            _ => hooks.post(&post_to(["ops", "chat"][nth % 2])).await.err(),
        };
        for (nth, at) in [NOW, NOW.plus_ms(1), until.plus_ms(-1)].into_iter().enumerate() {
            clock.put(at);
            let end = write(nth).await;
            let Some(HandsError::NotDone { not_before: Some(told), .. }) = end else { panic!("{host}: {end:?}") };
            assert_eq!((told, fake.calls()), (until, 1), "{host} {status}: nothing more was sent");
        }
        clock.put(until);
        let end = write(0).await;
        assert!(matches!(end, Some(HandsError::InDoubt { .. })), "{host}: {end:?}");
        assert_eq!(fake.calls(), 2, "{host}");
    }
}

#[tokio::test]
async fn posts_to_one_host_are_paced_like_every_other_write() {
    let fake = Fake::always(Say::Json(204, json!({}))).await;
    let clock = StillClock::new();
    let hooks = webhooks(&fake.address, clock.clone());
    for nth in 0..12 {
        hooks.post(&post_to(["ops", "chat"][nth % 2])).await.expect("posted");
    }
    assert_eq!((fake.calls(), clock.now()), (12, NOW.plus_ms(2_000)), "ten at once, then one a second");
}

#[tokio::test]
async fn a_webhook_posts_its_payload_to_the_configured_address_and_nowhere_else() {
    let elsewhere = Fake::always(Say::Json(200, json!({}))).await;
    let to = elsewhere.address.clone();
    let fake = Fake::start(move |_, n| match n {
        0 => Say::Json(204, json!({})),
        _ => Say::Tagged(307, json!({}), vec![("location", to.clone())]),
    })
    .await;
    let hooks = webhooks(&fake.address, StillClock::new());
    assert_eq!(hooks.target("ops"), Some(fake.address.clone()), "the path may be secret");
    assert_eq!(hooks.target("other"), None);
    let post = WebhookRequest { name: "ops".to_owned(), payload: json!({"text": "back"}), key: "x/P-9/1".to_owned() };
    assert_eq!(hooks.post(&post).await, Ok(204));
    let seen = fake.seen();
    assert_eq!((seen[0].target.as_str(), seen[0].header("idempotency-key")), ("/ops/secret", Some("x/P-9/1")));
    let redirected = hooks.post(&post).await.expect_err("a redirect is not followed");
    assert!(matches!(redirected, HandsError::Permanent { .. }), "{redirected}");
    assert_eq!(elsewhere.calls(), 0);
    let other = WebhookRequest { name: "other".to_owned(), ..post };
    assert!(matches!(hooks.post(&other).await, Err(HandsError::Permanent { .. })));
}
