use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::people::Speech;
use super::{Desk, Scenario, forms};

const HEAD: &str = "[scenario]\nname = \"test\"\nseed = 1\nstart = \"2026-01-05T08:00:00Z\"\nhours = 1\nstep_minutes = 5\nwarmup_hours = 1\n[[metric]]\nname = \"m\"\nkind = \"count\"\nlevel = 1\nnoise = \"poisson\"\n";
const ADA: u64 = 4001;

fn desk() -> (Desk, u64) {
    let mut desk = Desk::new(&Scenario::parse(HEAD).unwrap());
    desk.meet(ADA, Some("ada"), false);
    let room = desk.direct_room(ADA);
    (desk, room)
}

fn button(id: &str) -> Value {
    json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "Why", "custom_id": id}]}])
}

#[tokio::test(start_paused = true)]
async fn a_message_must_have_the_shape_discord_asks_for() {
    let (mut desk, room) = desk();
    let form = |answer: Result<Value, Refusal>| match answer {
        Err(Refusal::Form(place, code, _)) => (place.to_owned(), code.to_owned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(desk.say(room, &json!({"content": " "}), &[]), Err(Refusal::Empty));
    let long = json!({"content": "🟠".repeat(1001)});
    assert_eq!(form(desk.say(room, &long, &[])), ("content".into(), "BASE_TYPE_MAX_LENGTH".into()));
    let answer = desk.say(room, &json!({"content": "a", "nonce": "x".repeat(26)}), &[]);
    assert_eq!(form(answer), ("nonce".into(), "BASE_TYPE_MAX_LENGTH".into()));
    let twice = json!([{"type": 1, "components": [button("a")[0]["components"][0], button("a")[0]["components"][0]]}]);
    let answer = desk.say(room, &json!({"content": "a", "components": twice}), &[]);
    assert_eq!(form(answer).1, "COMPONENT_CUSTOM_ID_DUPLICATED");
    let answer = desk.say(room, &json!({"content": "a", "message_reference": {"message_id": "1"}}), &[]);
    assert_eq!(form(answer).1, "REPLIES_UNKNOWN_MESSAGE");
    assert_eq!(desk.say(9, &json!({"content": "a"}), &[]), Err(Refusal::UnknownChannel));
    assert_eq!(desk.edit(room, 9, &json!({"content": "a"}), &[]), Err(Refusal::UnknownMessage));
    let hers = desk.person_says(room, ADA, Speech { text: "hi".into(), ..Speech::default() });
    assert_eq!(desk.edit(room, hers, &json!({"content": "a"}), &[]), Err(Refusal::NotTheAuthor));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_enforced_says_a_thing_once_for_minutes() {
    let (mut desk, room) = desk();
    let body = json!({"content": "a", "nonce": "n1", "enforce_nonce": true});
    let first = desk.say(room, &body, &[]).unwrap();
    assert_eq!(desk.say(room, &body, &[]).unwrap()["id"], first["id"]);
    assert_ne!(
        desk.say(room, &json!({"content": "a", "nonce": "n1"}), &[]).unwrap()["id"],
        first["id"],
        "not enforced"
    );
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_ne!(desk.say(room, &body, &[]).unwrap()["id"], first["id"], "forgotten");
}

#[tokio::test(start_paused = true)]
async fn who_is_notified_is_what_allowed_mentions_leave() {
    let (mut desk, room) = desk();
    let mut said = |body: Value| {
        let id = desk.say(room, &body, &[]).unwrap()["id"].as_str().unwrap().parse().unwrap();
        desk.said(room, id).unwrap().pings.clone()
    };
    assert_eq!(said(json!({"content": "<@4001> @everyone"})), ["4001", "everyone"]);
    assert!(said(json!({"content": "<@4001> @everyone", "allowed_mentions": {"parse": []}})).is_empty());
    assert_eq!(said(json!({"content": "<@!4001> @here", "allowed_mentions": {"parse": ["users"]}})), ["4001"]);
}

#[tokio::test(start_paused = true)]
async fn an_interaction_is_answered_once_and_within_three_seconds() {
    let (mut desk, room) = desk();
    let shown = desk.say(room, &json!({"content": "a", "components": button("b1")}), &[]).unwrap();
    let shown: u64 = shown["id"].as_str().unwrap().parse().unwrap();
    let press = desk.person_presses(room, ADA, shown, "Why").unwrap();
    let token = desk.interactions[&press].token.clone();
    let app = desk.bot;
    let later = json!({"content": "b"});
    assert_eq!(desk.follow_up(app, &token, &later, &[]), Err(Refusal::UnknownWebhook), "not answered yet");
    assert_eq!(desk.answer(press, "wrong", &json!({"type": 6}), &[]), Err(Refusal::UnknownInteraction));
    assert_eq!(desk.answer(press, &token, &json!({"type": 6}), &[]), Ok(()));
    assert_eq!(desk.answer(press, &token, &json!({"type": 6}), &[]), Err(Refusal::Acknowledged));
    let private = desk.follow_up(app, &token, &json!({"content": "only you", "flags": 64}), &[]).unwrap();
    let id = private["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(desk.said(room, id).unwrap().only_for, Some(ADA));
    let late = desk.person_presses(room, ADA, shown, "b1").unwrap();
    let token = desk.interactions[&late].token.clone();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(desk.answer(late, &token, &json!({"type": 6}), &[]), Err(Refusal::UnknownInteraction));
}

#[tokio::test(start_paused = true)]
async fn a_deferred_answer_is_filled_by_the_first_follow_up_and_a_modal_is_submitted() {
    let (mut desk, room) = desk();
    desk.commands =
        vec![json!({"id": "1", "name": "why", "options": [{"name": "finding", "type": 3, "required": true}]})];
    assert!(desk.person_commands(room, ADA, "why", &[]).unwrap_err().contains("needs"));
    let asked = desk.person_commands(room, ADA, "why", &[("finding".into(), json!("F-1"))]).unwrap();
    let token = desk.interactions[&asked].token.clone();
    desk.answer(asked, &token, &json!({"type": 5, "data": {"flags": 64}}), &[]).unwrap();
    let waiting = desk.interactions[&asked].original.unwrap();
    let filled = desk.follow_up(desk.bot, &token, &json!({"content": "because"}), &[]).unwrap();
    assert_eq!(filled["id"], waiting.to_string());
    assert_eq!(desk.said(room, waiting).unwrap().only_for, Some(ADA));

    let opened = desk.person_commands(room, ADA, "why", &[("finding".into(), json!("F-2"))]).unwrap();
    let token = desk.interactions[&opened].token.clone();
    let input = json!({"type": 4, "custom_id": "reason", "style": 2, "label": "Why not"});
    let modal = json!({"custom_id": "m1", "title": "Reject", "components": [{"type": 1, "components": [input]}]});
    desk.answer(opened, &token, &json!({"type": 9, "data": modal}), &[]).unwrap();
    let submitted = desk.person_submits(opened, &["too late".to_owned()]).unwrap();
    let data = &desk.interactions[&submitted].data;
    assert_eq!(
        (&data["custom_id"], &data["components"][0]["components"][0]["value"]),
        (&json!("m1"), &json!("too late"))
    );
}

#[tokio::test(start_paused = true)]
async fn commands_have_options_that_discord_tells_apart() {
    let option =
        |name: &str, required: bool| json!({"type": 3, "name": name, "description": "d", "required": required});
    let refused =
        |options: Vec<Value>| match forms::commands(&[json!({"name": "a", "description": "d", "options": options})]) {
            Ok(()) => None,
            Err(Refusal::Form(_, code, _)) => Some(code),
            Err(other) => panic!("{other:?}"),
        };
    assert_eq!(refused(vec![option("one", true), option("two-2_ä", false)]), None);
    for (options, code) in [
        (vec![option("id", false), option("id", false)], "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"),
        (vec![option("Id", false)], "STRING_TYPE_REGEX"),
        (vec![option("a b", false)], "STRING_TYPE_REGEX"),
        (vec![option(&"x".repeat(33), false)], "STRING_TYPE_REGEX"),
        (vec![option("one", false), option("two", true)], "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"),
        ((0..26).map(|n| option(&format!("n{n}"), false)).collect(), "BASE_TYPE_MAX_LENGTH"),
    ] {
        assert_eq!(refused(options), Some(code));
    }
}
