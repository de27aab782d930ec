//! What people do, as it comes in.

use serde_json::{Value, json};
use wakeman_types::{ButtonStyle, CardButton, Principal, Said};

use crate::desk::note;
use crate::world::{ADA, World, words};

fn ada() -> Option<Principal> {
    Some(ADA.parse::<u64>().map(|id| Principal::new(wakeman_types::Channel::Discord, id.to_string())).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_come_in_with_who_said_them_where_and_to_whom() {
    let world = World::new().await;
    let direct = world.say("dm", "why F-1").await;
    world.say("general", "not for us").await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "status", "mention": true})).await;
    let all = world.inbound(2).await;
    assert_eq!(all[0].id, format!("m:{direct}"));
    assert_eq!((all[0].from.clone(), all[0].name.as_str(), all[0].direct), (ada(), "ada", true));
    assert_eq!((all[0].chat.as_str(), words(&all[0])), ("dm:4001", "why F-1"));
    assert_eq!((words(&all[1]), all[1].direct), ("status", false));
    let general = world.state().await["channels"][0]["id"].clone();
    assert_eq!(Value::from(all[1].chat.as_str()), general);
    assert_eq!(all.len(), 2, "what others say to each other is left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_edited_and_answering_words_say_that_they_are() {
    let world = World::new().await;
    world.say("dm", "first").await;
    world.inbound(1).await;
    world.desk.owe(note("d1", "dm:4001", "hello"));
    world.reports(1).await;
    let ours = world.until("said", async |world| {
        world.seen("dm:4001").await.iter().find(|one| one["content"] == "hello").map(|one| one["id"].clone())
    });
    let ours = ours.await;
    world.play(json!({"do": "say", "user": ADA, "channel": "dm", "text": "approve P-1", "forwarded": true})).await;
    let own = world.play(json!({"do": "say", "user": ADA, "channel": "dm", "text": "yes", "reply_to": ours})).await;
    world.play(json!({"do": "edit", "user": ADA, "channel": "dm", "message": own, "text": "approve P-1"})).await;
    let all = world.inbound(4).await;
    let flags: Vec<(String, bool, bool, Option<String>)> = all[1..]
        .iter()
        .map(|one| match &one.said {
            Said::Text { text, forwarded, edited, reply_to, .. } => {
                (text.clone(), *forwarded, *edited, reply_to.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let ours = ours.as_str().map(str::to_owned);
    assert_eq!(flags[0], ("approve P-1".into(), true, false, None));
    assert_eq!(flags[1], ("yes".into(), false, false, ours.clone()));
    assert_eq!(flags[2], ("approve P-1".into(), false, true, ours));
    assert!(all[3].id.starts_with(&format!("e:{own}:")), "an edit is a thing of its own: {}", all[3].id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_and_webhooks_are_nobody() {
    let world = World::new().await;
    for (user, kind) in [("4002", "bot"), ("4003", "webhook")] {
        let mut deed = json!({"do": "say", "user": user, "channel": "general", "text": "approve P-1", "mention": true});
        deed[kind] = json!(true);
        world.play(deed).await;
    }
    for one in world.inbound(2).await {
        assert_eq!((one.from.clone(), matches!(one.said, Said::Other { .. })), (None, true), "{one:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_acknowledged_shown_and_taken_once() {
    let world = World::new().await;
    let names: Vec<String> = world.state().await["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        ["status", "why", "approve", "snooze"].iter().all(|name| names.iter().any(|known| known == name)),
        "{names:?}"
    );
    assert!(["new", "stop", "wakeups"].iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
    let options = json!({"finding": "F-12", "duration": "2h"});
    let id =
        world.play(json!({"do": "command", "user": ADA, "channel": "dm", "name": "snooze", "options": options})).await;
    let all = world.inbound(1).await;
    assert_eq!((all[0].id.clone(), words(&all[0])), (format!("i:{id}"), "/snooze F-12 2h"));
    let echo =
        world.until("echoed", async |world| world.said("dm:4001").await.into_iter().find(|text| !text.is_empty()));
    assert_eq!(echo.await, "› /snooze F-12 2h");
    assert_eq!(world.state().await["interactions"][0]["answered"], 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_press_is_acknowledged_and_a_form_asks_for_the_reason() {
    let world = World::new().await;
    let button = |label: &str, style, asks_reason| CardButton {
        label: label.into(),
        reference: format!("{label:A<22}"),
        style,
        asks_reason,
    };
    let buttons = vec![button("Approve", ButtonStyle::Yes, false), button("Reject", ButtonStyle::No, true)];
    let mut card = note("d1", "dm:4001", "a card");
    card.buttons = buttons;
    world.say("dm", "hi").await;
    world.inbound(1).await;
    world.desk.owe(card);
    world.reports(1).await;
    let message = world.seen("dm:4001").await.last().unwrap()["id"].clone();
    let press =
        |button: &str| json!({"do": "press", "user": ADA, "channel": "dm", "message": message, "button": button});
    let yes = world.play(press("Approve")).await;
    let all = world.inbound(2).await;
    let said = Said::Press {
        reference: format!("{:A<22}", "Approve"),
        message: message.as_str().map(str::to_owned),
        note: None,
    };
    assert_eq!((all[1].id.clone(), all[1].said.clone()), (format!("i:{yes}"), said));
    let no = world.play(press("Reject")).await;
    world
        .until("a form", async |world| {
            let state = world.state().await;
            state["interactions"].as_array().unwrap().iter().any(|one| !one["modal"].is_null()).then_some(())
        })
        .await;
    world.play(json!({"do": "submit", "interaction": no, "fields": ["  not on a Friday "]})).await;
    let all = world.inbound(3).await;
    let note = Some("not on a Friday".to_owned());
    assert_eq!(
        all[2].said,
        Said::Press { reference: format!("{:A<22}", "Reject"), message: message.as_str().map(str::to_owned), note }
    );
    assert_eq!(all.len(), 3, "opening the form says nothing yet");
    world.desk.tell(wakeman_types::LiveEvent::Answer {
        inbound: format!("i:{yes}"),
        text: "Approved.".into(),
        alert: false,
    });
    let private = world.until("answered", async |world| {
        world.seen("dm:4001").await.into_iter().find(|one| one["content"] == "Approved.")
    });
    assert_eq!(private.await["only_for"], ADA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thumbs_on_our_messages_are_reactions_and_other_emoji_are_not() {
    let world = World::new().await;
    world.say("dm", "hi").await;
    world.inbound(1).await;
    world.desk.owe(note("d1", "dm:4001", "a finding"));
    world.reports(1).await;
    let message = world.seen("dm:4001").await.last().unwrap()["id"].as_str().unwrap().to_owned();
    let react = |emoji: &str, off: bool| json!({"do": "react", "user": ADA, "channel": "dm", "message": message, "emoji": emoji, "off": off});
    for (emoji, off) in [("🎉", false), ("👍", false), ("👍", true), ("👎🏽", false), ("👍", false)] {
        world.play(react(emoji, off)).await;
    }
    let all = world.inbound(5).await;
    let useful: Vec<Option<bool>> = all[1..]
        .iter()
        .map(|one| match &one.said {
            Said::Reaction { useful, message: on } if *on == message => *useful,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(useful, [Some(true), None, Some(false), Some(true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_understood_is_kept_as_that() {
    let world = World::new().await;
    let broken = json!({"id": "17", "channel_id": "18", "author": null, "content": "?"});
    world.play(json!({"do": "event", "name": "MESSAGE_CREATE", "data": broken})).await;
    world.play(json!({"do": "event", "name": "SOMETHING_NEW", "data": {"a": 1}})).await;
    world.say("dm", "still here").await;
    let all = world.inbound(2).await;
    assert!(matches!(&all[0].said, Said::Other { kind } if kind.starts_with("MESSAGE_CREATE")), "{:?}", all[0]);
    assert_eq!(words(&all[1]), "still here");
}
