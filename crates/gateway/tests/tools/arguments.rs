//! What a model gets wrong: told in words it can mend it by.

use serde_json::json;
use wakeman_gateway::{ports::SourceError, tools::ToolError};

use super::{Room, every_call};

#[tokio::test]
async fn wrong_arguments_are_named_with_what_is_expected() {
    let room = Room::new().await;
    let table = [
        ("findings", "{", "the arguments are not JSON"),
        ("findings", "[1]", "the arguments must be one JSON object"),
        ("findings", r#"{"limit": "ten"}"#, "`limit`: invalid type: string \"ten\", expected u64"),
        ("findings", r#"{"limit": -1}"#, "`limit`: invalid value: integer `-1`, expected u64"),
        ("findings", r#"{"limit": 1e300}"#, "`limit`: invalid type: floating point"),
        ("findings", r#"{"state": "fixed"}"#, "unknown variant `fixed`, expected one of `open`, `acknowledged`"),
        ("findings", r#"{"status": "open"}"#, "unknown field `status`, expected one of `id`, `state`, `limit`"),
        ("posthog_query", "{}", "missing field `sql`"),
        ("posthog_query", r#"{"sql": "  "}"#, "`sql`: has 2 characters; write 1 to 20000"),
        ("posthog_trends", r#"{"events": "signed_up"}"#, "`events`: invalid type: string"),
        ("posthog_trends", r#"{"events": []}"#, "`events`: name 1 to 5 events"),
        ("posthog_funnel", r#"{"steps": ["a"]}"#, "`steps`: name 2 to 10 events"),
        ("github_list", r#"{"what": "secrets"}"#, "unknown variant `secrets`"),
        ("github_list", r#"{"what": "jobs"}"#, "`run`: is missing; `what: jobs` needs it"),
        ("github_list", r#"{"what": "commits", "path": "a/../../b"}"#, "`path`: is not a name in a repository"),
        ("github_list", r#"{"what": "pulls", "state": "?"}"#, "`state`: is not one of open, closed, all"),
        ("github_read", r#"{"what": "diff"}"#, "a diff needs `number` or `ref`"),
        ("github_read", r#"{"what": "file", "ref": "a\u0000b"}"#, "`ref`: is not a name in a repository"),
        ("records", r#"{"what": "rumours"}"#, "unknown variant `rumours`, expected one of `proposals`"),
        ("finding", "{}", "there is no tool finding; did you mean findings?"),
        ("bash", "{}", "there is no tool bash; there are posthog_query"),
        ("chart", "{}", "give `finding` or `metric`"),
        ("chart", r#"{"metric": "signed_upp"}"#, "no metric signed_upp is watched; did you mean signed_up?"),
        ("findings", r#"{"id": "F-99"}"#, "there is no finding F-99; without an id there is the list"),
        ("propose", r#"{"action": "delete_repo"}"#, "unknown variant `delete_repo`, expected one of `revert_pr`"),
        ("propose", r#"{"action": "merge_pr"}"#, "`number`: is missing; merge_pr needs it"),
        ("propose", r#"{"action": "set_flag", "flag": "x", "on": true, "rollout": 7}"#, "`rollout`: is not a share"),
        ("note", r#"{"text": ""}"#, "`text`: has 0 characters; write 1 to 4000"),
    ];
    for (name, arguments, want) in table {
        let said = room.call(name, arguments).await.unwrap_err().to_string();
        assert!(said.contains(want), "{name} {arguments}: {said}");
    }
    room.nothing_was_done();
}

#[tokio::test]
async fn nothing_at_all_counts_as_an_empty_object() {
    let room = Room::new().await;
    for nothing in ["", "  ", "null", "{}"] {
        room.call("findings", nothing).await.unwrap();
    }
}

#[tokio::test]
async fn a_huge_limit_is_the_largest_there_is() {
    let room = Room::new().await;
    room.ask("github_list", json!({"what": "commits", "limit": u64::MAX})).await;
    room.ask("github_list", json!({"what": "deployments", "limit": 100_000})).await;
    room.ask("posthog_errors", json!({"days": 1e300})).await;
    let asked = room.readers.asked.lock().unwrap().clone();
    assert_eq!(asked[..2], ["commits None 100", "deployments 20"]);
    assert_eq!(asked[2], format!("errors -{} None", 365_i64 * 86_400_000));
}

#[tokio::test]
async fn arguments_without_end_are_not_read() {
    let room = Room::new().await;
    let said = room.call("note", &format!(r#"{{"text": "{}"}}"#, "a".repeat(1 << 20))).await.unwrap_err();
    assert_eq!(said.to_string(), "the arguments have 1048588 bytes; at most 524288 are read");
}

#[tokio::test]
async fn an_error_never_repeats_what_could_command() {
    let room = Room::new().await;
    let said = room.call("findings", "{\"state\": \"\\u001b[31m\\u202e\"}").await.unwrap_err().to_string();
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
    let said = room.call("\u{1b}]0;x\u{7}\u{202e}", "{}").await.unwrap_err().to_string();
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
}

#[tokio::test]
async fn a_source_that_fails_leaves_it_unknown_and_never_zero() {
    let room = Room::new().await;
    let outside = |name: &str| ["posthog_", "github_", "vercel_"].iter().any(|prefix| name.starts_with(prefix));
    let limited = SourceError::Limited { reason: "429, throttled".to_owned(), wait_ms: Some(62_000) };
    room.readers.fail(limited);
    for (name, arguments) in every_call().into_iter().filter(|(name, _)| outside(name)) {
        let error = room.call(name, &arguments.to_string()).await.unwrap_err();
        let ToolError::Unknown { source_name, reason } = error else { panic!("{name}: {error}") };
        assert!(name.starts_with(&source_name.to_lowercase()), "{name}: {source_name}");
        assert_eq!(reason, "429, throttled");
    }
    let (reason, remedy) = ("400, Unable to resolve field: foo".to_owned(), "check the query".to_owned());
    room.readers.fail(SourceError::Rejected { reason, remedy });
    let said = room.refused("posthog_query", json!({"sql": "SELECT foo FROM events"})).await;
    assert_eq!(said, "PostHog refused it: 400, Unable to resolve field: foo; check the query");
}
