//! Every way a service can fail, and what it must come to for a reader and for hands.

use serde_json::json;
use wakeman_gateway::ports::{
    CodeRequest, CodeSource, FlagHands, HandsError, IssueRequest, ProductSource, RepoHands, SourceError,
};
use wakeman_integrations::{BuildError, Github, Posthog};

use crate::support::*;

fn variant(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    assert!(!text.contains(SECRET), "a credential in an error: {text}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

fn html(status: u16) -> Say {
    Say::Text(status, "text/html; charset=utf-8", "<!doctype html><title>Sign in</title>".to_owned())
}

/// What is said, and what a reader and a call with an effect make of it.
fn table() -> Vec<(&'static str, Say, &'static str, &'static str)> {
    let words =
        json!({"type": "x", "code": "x", "detail": format!("no, {SECRET}"), "message": format!("no, {SECRET}")});
    vec![
        ("400", Say::Json(400, words.clone()), "Rejected", "Permanent"),
        ("401", Say::Json(401, words.clone()), "Denied", "Permanent"),
        ("403", Say::Json(403, words.clone()), "Denied", "Permanent"),
        ("404", Say::Json(404, words.clone()), "Rejected", "Permanent"),
        ("422", Say::Json(422, words.clone()), "Rejected", "Permanent"),
        ("429", Say::Json(429, words.clone()), "Limited", "NotDone"),
        ("500", Say::Json(500, words.clone()), "Unavailable", "InDoubt"),
        ("502 as a page", html(502), "Unavailable", "InDoubt"),
        ("503", Say::Json(503, words), "Unavailable", "InDoubt"),
        ("a page", html(200), "Shape", "InDoubt"),
        ("a page that calls itself JSON", Say::Text(200, "application/json", "<html>".into()), "Shape", "InDoubt"),
        ("nothing", Say::Text(200, "application/json", String::new()), "Shape", "InDoubt"),
        ("no fields", Say::Json(200, json!({})), "Shape", "InDoubt"),
        ("cut off", Say::Truncated(200), "Unavailable", "InDoubt"),
        ("cut off, with bad news", Say::Truncated(502), "Unavailable", "InDoubt"),
        ("dropped", Say::Drop, "Unavailable", "InDoubt"),
        (
            "a redirect",
            Say::Tagged(302, json!({}), vec![("location", "http://127.0.0.1:1/".into())]),
            "Rejected",
            "Permanent",
        ),
    ]
}

#[tokio::test]
async fn posthog_reads_come_to_the_right_error() {
    for (name, say, want, _) in table() {
        let fake = Fake::always(say).await;
        let error = fake.posthog().errors(NOW).await.expect_err(name);
        assert_eq!(variant(&error), want, "{name}: {error}");
        assert_eq!(fake.calls(), 1, "{name}: a source's call is not repeated");
    }
}

/// A flag that can be read and whose edit then fails.
#[tokio::test]
async fn posthog_effects_come_to_the_right_error() {
    let flag =
        json!({"id": 7, "key": "f", "active": true, "version": 3, "filters": {"groups": [{"rollout_percentage": 50}]}});
    for (name, say, _, want) in table() {
        let flag = flag.clone();
        let fake = Fake::start(move |seen, _| match seen.method.as_str() {
            "GET" => Say::Json(200, flag.clone()),
            _ => say.clone(),
        })
        .await;
        let error = fake.posthog().set_flag(7, 3, false, None).await.expect_err(name);
        assert_eq!(variant(&error), want, "{name}: {error}");
        let edits = fake.seen().iter().filter(|seen| seen.method == "PATCH").count();
        assert_eq!(edits, 1, "{name}: an edit is sent once");
    }
}

#[tokio::test]
async fn github_reads_come_to_the_right_error() {
    for (name, say, want, _) in table() {
        let fake = Fake::always(say).await;
        let request = CodeRequest { since: NOW, round: 1 };
        let error = fake.github().poll(request).await.expect_err(name);
        assert_eq!(variant(&error), want, "{name}: {error}");
        assert_eq!(fake.calls(), 1, "{name}: a source's call is not repeated");
    }
}

#[tokio::test]
async fn github_effects_come_to_the_right_error() {
    for (name, say, _, want) in table() {
        let fake = Fake::always(say).await;
        let issue = IssueRequest { title: "t".into(), body: "b".into() };
        let error = fake.github().open_issue(&issue).await.expect_err(name);
        assert_eq!(variant(&error), want, "{name}: {error}");
        assert_eq!(fake.calls(), 1, "{name}: an effect is sent once");
    }
}

#[tokio::test]
async fn reads_inside_hands_never_leave_a_doubt() {
    for (name, say, _, want) in table() {
        let fake = Fake::always(say).await;
        let want = if want == "Permanent" && !["401", "403"].contains(&name) { "Permanent" } else { "NotDone" };
        let error = fake.github().branch_head("main").await.expect_err(name);
        assert_eq!(variant(&error), want, "GitHub, {name}: {error}");
        let error = fake.posthog().flag("f").await.expect_err(name);
        assert_eq!(variant(&error), want, "PostHog, {name}: {error}");
    }
}

#[tokio::test]
async fn silence_is_a_doubt_only_after_something_was_sent() {
    let fake = Fake::start(|seen, _| {
        let flag = json!({"id": 7, "key": "f", "active": true, "version": 3, "filters": {}});
        if seen.method == "GET" && seen.path().contains("feature_flags") { Say::Json(200, flag) } else { Say::Hang }
    })
    .await;
    let (hasty_posthog, hasty_github) = (hasty_posthog(&fake.address), hasty_github(&fake.address));
    let error = hasty_posthog.errors(NOW).await.expect_err("no answer");
    assert_eq!(error, SourceError::Unavailable { reason: "no answer within 0.1 s".into() });
    let request = CodeRequest { since: NOW, round: 1 };
    assert_eq!(variant(&hasty_github.poll(request).await.expect_err("no answer")), "Unavailable");
    assert_eq!(variant(&hasty_posthog.set_flag(7, 3, false, None).await.expect_err("no answer")), "InDoubt");
    let issue = IssueRequest { title: "t".into(), body: "b".into() };
    assert_eq!(variant(&hasty_github.open_issue(&issue).await.expect_err("no answer")), "InDoubt");

    let nobody = nobody().await;
    let (posthog, github) = (posthog(&nobody, StillClock::new(), 1.0), github(&nobody, StillClock::new()));
    assert_eq!(variant(&posthog.errors(NOW).await.expect_err("nobody there")), "Unavailable");
    assert_eq!(variant(&posthog.set_flag(7, 3, false, None).await.expect_err("nobody there")), "NotDone");
    assert_eq!(variant(&github.open_issue(&issue).await.expect_err("nobody there")), "NotDone");
}

fn fail_limited(status: u16, headers: Vec<(&'static str, String)>, detail: &str) -> Say {
    Say::Tagged(
        status,
        json!({"type": "throttled_error", "code": "throttled", "detail": detail, "message": detail}),
        headers,
    )
}

#[tokio::test]
async fn posthog_says_how_long_to_wait_in_three_ways() {
    let table = [
        (fail_limited(429, vec![("retry-after", "7".into())], "Expected available in 62 seconds."), Some(7_000)),
        (fail_limited(429, vec![], "Request was throttled. Expected available in 62 seconds."), Some(62_000)),
        (fail_limited(429, vec![], "Too many concurrent queries."), None),
    ];
    for (say, wait_ms) in table {
        let fake = Fake::always(say).await;
        let error = fake.posthog().server_now().await.expect_err("throttled");
        assert_eq!(error, SourceError::Limited { reason: "429, throttled".into(), wait_ms });
    }
}

#[tokio::test]
async fn a_github_limit_pauses_the_token() {
    let fake = Fake::always(fail_limited(403, vec![("retry-after", "30".into())], "secondary rate limit")).await;
    let clock = StillClock::new();
    let github = github(&fake.address, clock.clone());
    let issue = IssueRequest { title: "t".into(), body: "b".into() };
    let until = NOW.plus_ms(30_000);
    for round in 0..2 {
        let Err(HandsError::NotDone { not_before, .. }) = github.open_issue(&issue).await else {
            panic!("round {round}")
        };
        assert_eq!(not_before, Some(until), "round {round}");
    }
    let polled = github.poll(CodeRequest { since: NOW, round: 0 }).await.expect_err("paused");
    assert_eq!(polled.wait_ms(), Some(30_000));
    assert_eq!(fake.calls(), 1, "nothing is sent while it is paused");
    clock.put(until);
    assert!(github.open_issue(&issue).await.is_err());
    assert_eq!(fake.calls(), 2, "and it goes on afterwards");
}

#[tokio::test]
async fn credentials_go_where_they_belong_and_redirects_are_not_followed() {
    let elsewhere = Fake::always(Say::Json(200, json!({}))).await;
    let location = format!("{}/api/", elsewhere.address);
    let fake = Fake::always(Say::Tagged(307, json!({}), vec![("location", location)])).await;
    let SourceError::Rejected { remedy, .. } = fake.posthog().errors(NOW).await.expect_err("a redirect") else {
        panic!("a redirect is a wrong setting")
    };
    assert!(remedy.contains("posthog.host"), "{remedy}");
    assert!(fake.github().poll(CodeRequest { since: NOW, round: 1 }).await.is_err());
    assert_eq!(elsewhere.calls(), 0);
    for seen in fake.seen() {
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let body = format!("{{\"results\": [\"{}\"]}}", "x".repeat(33 * 1024 * 1024));
    let fake = Fake::always(Say::Text(200, "application/json", body)).await;
    let want = SourceError::Shape { reason: "an answer of more than 32 MiB".into() };
    assert_eq!(fake.posthog().errors(NOW).await.expect_err("too long"), want);
    assert_eq!(fake.github().poll(CodeRequest { since: NOW, round: 1 }).await.expect_err("too long"), want);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let clock = StillClock::new();
    let text = |result: Result<Posthog, BuildError>| result.err().map(|error| error.to_string()).unwrap_or_default();
    for host in ["eu.posthog.com", "ftp://eu.posthog.com", "https://", "https://me:pw@eu.posthog.com", "https://x/?a=b"]
    {
        let mut options = posthog_options("http://x", clock.clone());
        options.host = host.into();
        assert!(text(Posthog::new(options)).starts_with("posthog.host"), "{host}");
    }
    for project in ["", "a b", "1/../2"] {
        let mut options = posthog_options("http://x", clock.clone());
        options.project_id = project.into();
        assert!(text(Posthog::new(options)).starts_with("POSTHOG_PROJECT_ID"), "{project}");
    }
    for share in [0.0, -1.0, 1.5, f64::NAN] {
        let mut options = posthog_options("http://x", clock.clone());
        options.rate_share = share;
        assert!(text(Posthog::new(options)).starts_with("posthog.rateShare"), "{share}");
    }
    let mut options = posthog_options("http://x", clock.clone());
    options.key = "phx_1\n".to_owned().into();
    let said = text(Posthog::new(options));
    assert!(said.starts_with("POSTHOG_API_KEY") && !said.contains("phx_1"), "{said}");

    let text = |result: Result<Github, BuildError>| result.err().map(|error| error.to_string()).unwrap_or_default();
    for repository in ["app", "acme/app/x", "acme/", "acme/..", "acme/a b"] {
        let mut options = github_options("http://x", clock.clone());
        options.repository = repository.into();
        assert!(text(Github::new(options)).starts_with("github.repository"), "{repository}");
    }
    let mut options = github_options("http://x", clock.clone());
    options.default_branch = " ".into();
    assert!(text(Github::new(options)).starts_with("github.defaultBranch"));
}

#[tokio::test]
async fn at_most_two_queries_are_under_way() {
    let fake = Fake::always(Say::Hang).await;
    let posthog = std::sync::Arc::new(fake.posthog());
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let posthog = posthog.clone();
        asked.spawn(async move { posthog.server_now().await });
    }
    while fake.calls() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.calls(), 2, "one of the team's three places is left for its people");
}
