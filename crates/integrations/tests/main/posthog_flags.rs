//! Flags are set absolutely, guarded by the version that was shown.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wakeman_gateway::ports::{FlagFacts, FlagHands, HandsError, LastEdit};
use wakeman_types::Timestamp;

use crate::support::*;

fn flag(version: u64, active: bool, percent: u32) -> Value {
    json!({
        "id": 7, "key": "checkout-fast", "active": active, "version": version, "deleted": false, "name": "Fast checkout",
        "filters": {"groups": [{"properties": [], "rollout_percentage": percent}], "payloads": {}},
        "last_modified_by": {"first_name": "Alan"}, "updated_at": "2026-01-05T07:52:00Z"
    })
}

/// A PostHog with one flag that behaves.
async fn posthog_with(start: Value) -> Fake {
    let state = Arc::new(Mutex::new(start));
    Fake::start(move |seen, _| {
        let mut state = state.lock().expect("the flag");
        if seen.method == "PATCH" {
            for (key, value) in seen.body.as_object().expect("an object") {
                if ["active", "filters"].contains(&key.as_str()) {
                    state[key] = value.clone();
                }
            }
            state["version"] = json!(state["version"].as_u64().unwrap_or(0) + 1);
        }
        if seen.path().ends_with("/feature_flags/") {
            return Say::Json(200, json!({"count": 1, "next": null, "results": [state.clone()]}));
        }
        Say::Json(200, state.clone())
    })
    .await
}

fn edits(fake: &Fake) -> Vec<Value> {
    fake.seen().into_iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.body).collect()
}

#[tokio::test]
async fn a_flag_is_found_by_its_exact_key() {
    let fake = Fake::start(|seen, _| {
        let named = |key: &str, deleted: bool| {
            let mut flag = flag(12, true, 5);
            flag["key"] = json!(key);
            flag["deleted"] = json!(deleted);
            flag
        };
        let host = seen.header("host").unwrap_or_default();
        match seen.target.contains("offset=100") {
            false => Say::Json(
                200,
                json!({
                    "next": format!("http://{host}/api/projects/1/feature_flags/?offset=100"),
                    "results": [named("checkout-fast-2", false), named("checkout-fast", true)]
                }),
            ),
            true => Say::Json(200, json!({"next": null, "results": [named("checkout-fast", false)]})),
        }
    })
    .await;
    let posthog = fake.posthog();
    let facts = posthog.flag("checkout-fast").await.expect("a flag");
    assert_eq!(facts, FlagFacts { id: 7, key: "checkout-fast".into(), version: 12, active: true, rollout: Some(0.05) });
    let Err(HandsError::Permanent { reason }) = posthog.flag("other").await else { panic!("there is no such flag") };
    assert!(reason.contains("there is no flag with this key"), "{reason}");
}

#[tokio::test]
async fn a_flag_is_set_once_with_its_version() {
    let fake = posthog_with(flag(12, true, 50)).await;
    let posthog = fake.posthog();
    let facts = posthog.set_flag(7, 12, false, None).await.expect("off");
    assert_eq!((facts.active, facts.version, facts.rollout), (false, 13, Some(0.5)));
    let sent = edits(&fake);
    assert_eq!(sent.len(), 1);
    assert_eq!((&sent[0]["active"], &sent[0]["version"]), (&json!(false), &json!(12)));
    assert!(sent[0].get("filters").is_none(), "what is not changed is not sent");

    // The same order again, as after a lost answer: the flag is one version on and as wanted.
    let again = posthog.set_flag(7, 12, false, None).await.expect("still off");
    assert_eq!((again.version, edits(&fake).len()), (13, 1));
    // And a wish that is already true is not sent either.
    posthog.set_flag(7, 13, false, Some(0.5)).await.expect("already so");
    assert_eq!(edits(&fake).len(), 1);
}

#[tokio::test]
async fn a_rollout_keeps_everything_else_of_the_filters() {
    let fake = posthog_with(flag(12, true, 50)).await;
    let facts = fake.posthog().set_flag(7, 12, true, Some(0.05)).await.expect("5 %");
    assert_eq!(facts.rollout, Some(0.05));
    let sent = edits(&fake);
    assert_eq!(sent[0]["filters"], json!({"groups": [{"properties": [], "rollout_percentage": 5}], "payloads": {}}));

    let mut several = flag(12, true, 50);
    several["filters"]["groups"] = json!([{"rollout_percentage": 1}, {"rollout_percentage": 2}]);
    let fake = posthog_with(several).await;
    let Err(HandsError::Permanent { reason }) = fake.posthog().set_flag(7, 12, true, Some(0.05)).await else {
        panic!("no single rollout")
    };
    assert!(reason.contains("several conditions"), "{reason}");
    assert_eq!(edits(&fake).len(), 0);
}

#[tokio::test]
async fn a_changed_flag_is_not_touched_and_the_editor_is_named() {
    let fake = posthog_with(flag(14, true, 50)).await;
    let Err(HandsError::Precondition { reason }) = fake.posthog().set_flag(7, 12, false, None).await else {
        panic!("it changed")
    };
    assert_eq!(
        reason,
        "flag checkout-fast changed since it was shown (version 12 → 14, by Alan at 2026-01-05T07:52:00Z); it is now on at 50 %"
    );
    // One version on, but not as wanted: that was somebody else.
    let fake = posthog_with(flag(13, true, 50)).await;
    assert!(matches!(fake.posthog().set_flag(7, 12, false, None).await, Err(HandsError::Precondition { .. })));
    assert_eq!(edits(&fake).len(), 0);
}

#[tokio::test]
async fn the_editor_is_looked_up_where_the_flag_does_not_say() {
    let fake = Fake::start(|seen, _| {
        if seen.path().ends_with("/activity/") {
            let newest = json!({"user": {"first_name": "Grace"}, "created_at": "2026-01-05T07:53:00Z"});
            return Say::Json(200, json!({"results": [newest], "next": null}));
        }
        let mut flag = flag(14, true, 50);
        flag["last_modified_by"] = Value::Null;
        Say::Json(200, flag)
    })
    .await;
    let Err(HandsError::Precondition { reason }) = fake.posthog().set_flag(7, 12, false, None).await else {
        panic!("it changed")
    };
    assert!(reason.contains("by Grace at 2026-01-05T07:53:00Z"), "{reason}");
    let edit = fake.posthog().last_edit(7).await;
    let at = Timestamp::from_ms(NOW.ms() - 7 * 60_000);
    assert_eq!(edit, LastEdit { by: Some("Grace".to_owned()), at: Some(at) });
    let silent = Fake::always(Say::Json(500, json!({}))).await;
    assert_eq!(silent.posthog().last_edit(7).await, LastEdit::default(), "what cannot be told is left out");
}

#[tokio::test]
async fn a_faster_editor_and_a_change_request_are_told_apart() {
    let refusing = |status: u16, body: Value| async move {
        let reads = Mutex::new(0);
        Fake::start(move |seen, _| {
            if seen.method == "PATCH" {
                return Say::Json(status, body.clone());
            }
            let mut reads = reads.lock().expect("a count");
            *reads += 1;
            Say::Json(200, flag(if *reads > 1 { 13 } else { 12 }, true, 50))
        })
        .await
    };
    let conflict = json!({"type": "server_error", "code": "conflict", "detail": "The feature flag was updated by alan@x since you started editing it. Please refresh and try again."});
    let fake = refusing(409, conflict).await;
    let Err(HandsError::Precondition { reason }) = fake.posthog().set_flag(7, 12, false, None).await else {
        panic!("somebody was faster")
    };
    assert!(reason.contains("version 12 → 13"), "{reason}");

    for (status, body) in [
        (409, json!({"code": "approval_required", "detail": "This change requires approval."})),
        (409, json!({"code": "x", "detail": "A change request was created."})),
        (202, json!({"change_request_id": "cr_1", "status": "pending"})),
        (200, json!({"change_request": {"id": "cr_1"}})),
    ] {
        let fake = refusing(status, body.clone()).await;
        let Err(HandsError::Permanent { reason }) = fake.posthog().set_flag(7, 12, false, None).await else {
            panic!("{body}")
        };
        assert!(reason.contains("approve it there"), "{reason}");
    }
}

#[tokio::test]
async fn a_rollout_outside_zero_to_one_is_never_sent() {
    let fake = posthog_with(flag(12, true, 50)).await;
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(fake.posthog().set_flag(7, 12, true, Some(share)).await, Err(HandsError::Permanent { .. })));
    }
    assert_eq!(fake.calls(), 0);
}
