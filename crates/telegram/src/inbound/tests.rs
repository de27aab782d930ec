//! What each kind of update comes to.

use serde_json::json;

use super::*;

fn bot() -> Bot {
    Bot { id: 77, username: "watch_bot".into() }
}

fn told(update: Value) -> Inbound {
    heard(&update, &bot(), Timestamp::from_ms(9_000)).inbound
}

fn message(chat: Value, text: &str, more: Value) -> Inbound {
    let mut message = json!({
        "message_id": 5, "date": 1, "chat": chat, "text": text,
        "from": {"id": 42, "is_bot": false, "first_name": "Ada", "last_name": "L"},
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    told(json!({"update_id": 9, "message": message}))
}

fn private() -> Value {
    json!({"id": 42, "type": "private", "first_name": "Ada"})
}

fn group() -> Value {
    json!({"id": -100, "type": "supergroup", "title": "Watch", "is_forum": true})
}

fn said(inbound: &Inbound) -> (&str, bool, bool, Option<&str>) {
    match &inbound.said {
        Said::Text { text, addressed, forwarded, reply_to, .. } => (text, *addressed, *forwarded, reply_to.as_deref()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_private_message_is_from_its_writer_and_to_us() {
    let inbound = message(private(), "why did sign-ups drop", json!({}));
    assert_eq!(inbound.id, "u:9");
    assert_eq!(inbound.from.as_ref().unwrap().to_string(), "telegram:42");
    assert_eq!((inbound.name.as_str(), inbound.chat.as_str(), inbound.direct), ("Ada L", "42", true));
    assert_eq!(inbound.at, Timestamp::from_ms(1_000));
    assert_eq!(said(&inbound), ("why did sign-ups drop", true, false, None));
}

#[test]
fn in_a_group_our_name_a_command_to_us_and_a_reply_are_to_us() {
    let entity = |kind: &str, length: usize| json!({"entities": [{"type": kind, "offset": 0, "length": length}]});
    let reply = |from: u64| {
        let from = json!({"id": from, "is_bot": true, "first_name": "x"});
        json!({"reply_to_message": {"message_id": 3, "date": 1, "chat": group(), "text": "x", "from": from}})
    };
    for (text, more, want) in [
        ("status", json!({}), ("status", false, false, None)),
        ("@watch_bot status", entity("mention", 10), ("status", true, false, None)),
        ("@Watch_Bot: status", entity("mention", 10), ("status", true, false, None)),
        ("@other_bot status", entity("mention", 10), ("@other_bot status", false, false, None)),
        ("/ack@watch_bot F-1", entity("bot_command", 14), ("/ack F-1", true, false, None)),
        ("/ack@other_bot F-1", entity("bot_command", 14), ("/ack@other_bot F-1", false, false, None)),
        ("/ack F-1", entity("bot_command", 4), ("/ack F-1", false, false, None)),
        ("because", reply(77), ("because", true, false, Some("3"))),
        ("because", reply(78), ("because", false, false, Some("3"))),
    ] {
        assert_eq!(said(&message(group(), text, more)), want, "{text}");
    }
}

#[test]
fn a_topic_is_a_chat_of_its_own_and_its_first_message_is_no_reply() {
    let opened = json!({"message_id": 7, "date": 1, "chat": group(), "from": {"id": 77, "is_bot": true, "first_name": "x"},
        "forum_topic_created": {"name": "Alerts", "icon_color": 7_322_096}});
    let topic = json!({"message_thread_id": 7, "is_topic_message": true, "reply_to_message": opened});
    let inbound = message(group(), "status", topic);
    assert_eq!(inbound.chat, "-100/7");
    assert_eq!(said(&inbound), ("status", false, false, None));
}

#[test]
fn nobody_in_particular_is_nobody() {
    let anonymous =
        json!({"sender_chat": group(), "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"}});
    assert_eq!(message(group(), "/approve P-1", anonymous).from, None);
    let channel = json!({"sender_chat": {"id": -200, "type": "channel", "title": "News"}});
    assert_eq!(message(group(), "yes", channel).from, None, "a channel's words, whoever stands as the writer");
    let robot = json!({"from": {"id": 5, "is_bot": true, "first_name": "R"}});
    assert_eq!(message(group(), "yes", robot).from, None);
}

#[test]
fn passed_on_and_offered_words_are_marked() {
    let origin = json!({"forward_origin": {"type": "hidden_user", "sender_user_name": "X", "date": 1}});
    assert!(said(&message(private(), "yes", origin)).2);
    let offered = json!({"via_bot": {"id": 5, "is_bot": true, "first_name": "R"}});
    assert!(said(&message(private(), "yes", offered)).2);
    let edited =
        told(json!({"update_id": 9, "edited_message": {"message_id": 5, "date": 1, "edit_date": 2, "chat": private(),
        "text": "yes", "from": {"id": 42, "is_bot": false, "first_name": "Ada"}}}));
    assert!(matches!(edited.said, Said::Text { edited: true, .. }));
}

#[test]
fn a_press_bears_the_buttons_data_and_the_real_presser() {
    let update = json!({"update_id": 9, "callback_query": {"id": "777", "chat_instance": "1", "data": "ref",
        "from": {"id": 43, "is_bot": false, "first_name": "Grace"},
        "message": {"message_id": 5, "date": 1, "chat": group(), "text": "card"}}});
    let heard = heard(&update, &bot(), Timestamp::from_ms(9_000));
    assert_eq!(heard.press.as_deref(), Some("777"));
    assert_eq!(heard.inbound.from.unwrap().to_string(), "telegram:43");
    let want = Said::Press { reference: "ref".into(), message: Some("5".into()), note: None };
    assert_eq!((heard.inbound.said, heard.inbound.chat.as_str()), (want, "-100"));
    let old = json!({"update_id": 9, "callback_query": {"id": "777", "chat_instance": "1", "data": "ref",
        "from": {"id": 43, "is_bot": false, "first_name": "Grace"},
        "message": {"message_id": 5, "date": 0, "chat": group()}}});
    assert!(matches!(told(old).said, Said::Press { .. }), "of a message that Telegram no longer shows us");
}

#[test]
fn thumbs_are_feedback_and_other_reactions_are_not() {
    let update = |old: &[&str], new: &[&str]| {
        let list = |all: &[&str]| json!(all.iter().map(|e| json!({"type": "emoji", "emoji": e})).collect::<Vec<_>>());
        json!({"update_id": 9, "message_reaction": {"chat": group(), "message_id": 5, "date": 1,
            "user": {"id": 42, "is_bot": false, "first_name": "Ada"}, "old_reaction": list(old), "new_reaction": list(new)}})
    };
    let reaction = |useful| Said::Reaction { message: "5".into(), useful };
    assert_eq!(told(update(&[], &["👍"])).said, reaction(Some(true)));
    assert_eq!(told(update(&["👍"], &["👎"])).said, reaction(Some(false)));
    assert_eq!(told(update(&["👎"], &[])).said, reaction(None));
    assert_eq!(told(update(&[], &["🔥"])).said, Said::Other { kind: "message_reaction".into() });
}

#[test]
fn what_is_not_understood_is_kept_as_that() {
    for (update, kind) in [
        (json!({"update_id": 9, "telepathy": {"x": 1}}), "telepathy"),
        (json!({"update_id": 9, "message": {"message_id": "five"}}), "message"),
        (
            json!({"update_id": 9, "message": {"message_id": 5, "date": 1, "chat": private(), "hologram": {}}}),
            "message",
        ),
        (json!({"update_id": 9}), ""),
    ] {
        let inbound = told(update);
        assert_eq!((inbound.id.as_str(), inbound.said), ("u:9", Said::Other { kind: kind.into() }));
    }
}
