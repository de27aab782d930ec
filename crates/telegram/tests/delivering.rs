//! What is owed arrives: sent or edited, once, or marked where nobody can know.

use serde_json::json;
use wakeman_lab::client::FaultMode;
use wakeman_types::{ButtonStyle, CardButton, ClaimedDelivery, DeliveryReport, Finding, ProposalView, View};

use crate::{samples, support::Scene};
use std::sync::atomic::Ordering;

pub fn buttons(labels: &[&str]) -> Vec<CardButton> {
    let button = |label: &&str| CardButton {
        label: (*label).to_owned(),
        reference: format!("ref-{label}"),
        style: ButtonStyle::Plain,
        asks_reason: false,
    };
    labels.iter().map(button).collect()
}

fn sent(reference: &serde_json::Value) -> Option<DeliveryReport> {
    Some(DeliveryReport::Sent { reference: Some(reference.to_string()) })
}

#[tokio::test]
async fn a_message_is_sent_with_its_buttons_as_a_reply_without_previews() {
    let scene = Scene::start().await;
    let asked = scene.say(42, "status").await;
    let running = scene.run();
    let number = scene.gateway.owe_with(42, "see evil.example @ada", |claimed| {
        claimed.buttons = buttons(&["Useful", "Noise", "Snooze", "Why", "Propose revert of #482"]);
        claimed.reply_to = Some(asked.to_string());
    });
    scene.all_settled().await;
    let seen = &scene.seen(42).await[0];
    assert_eq!(scene.gateway.report(number), sent(&seen["message"]));
    assert_eq!((&seen["reply_to"], &seen["previews"]), (&json!(asked), &json!(false)));
    assert_eq!(seen["entities"], json!([]), "nothing in it is live");
    assert_eq!(
        seen["buttons"][1][0],
        json!({"text": "Propose revert of #482", "callback_data": "ref-Propose revert of #482"})
    );
    running.stop().await;
}

#[tokio::test]
async fn what_has_a_place_is_edited_and_what_is_gone_is_sent_anew() {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.gateway.owe_with(42, "card", |claimed| claimed.buttons = buttons(&["Approve"]));
    scene.all_settled().await;
    let first = scene.seen(42).await[0]["message"].clone();
    let edit = |text: &str| scene.gateway.owe_with(42, text, |claimed| claimed.edit = Some(first.to_string()));
    let settled = edit("approved by ada");
    scene.all_settled().await;
    let seen = scene.seen(42).await;
    assert_eq!((seen.len(), &seen[0]["text"], &seen[0]["buttons"]), (1, &json!("approved by ada"), &json!([])));
    let same = edit("approved by ada");
    scene.all_settled().await;
    assert_eq!((scene.gateway.report(settled), scene.gateway.report(same)), (sent(&first), sent(&first)));
    scene.lab.telegram("delete", &json!({"chat": 42, "message": first})).await.unwrap();
    let anew = edit("merged");
    scene.all_settled().await;
    let seen = scene.seen(42).await;
    assert_eq!((seen[0]["text"].as_str(), scene.gateway.report(anew)), (Some("merged"), sent(&seen[0]["message"])));
    running.stop().await;
}

#[tokio::test]
async fn a_text_whose_entities_are_refused_arrives_bare_sent_and_edited() {
    let scene = Scene::start().await;
    let running = scene.run();
    for words in [
        "can't parse entities: Can't find end of the entity starting at byte offset 6",
        "can't parse MessageEntity: Unsupported type specified",
        "ENTITY_BOUNDS_INVALID",
    ] {
        scene.set(json!({"refuse_entities": words})).await;
        let finding = |claimed: &mut ClaimedDelivery| {
            let finding = Finding { series: Vec::new(), ..samples::finding() };
            claimed.delivery.view = View::Finding(Box::new(samples::asked(finding)));
            claimed.buttons = buttons(&["Useful"]);
        };
        let number = scene.gateway.owe_with(42, "", finding);
        scene.all_settled().await;
        let seen = scene.seen(42).await.pop().unwrap();
        assert_eq!(scene.gateway.report(number), sent(&seen["message"]), "{words}");
        assert_eq!((&seen["entities"], &seen["buttons"][0][0]["text"]), (&json!([]), &json!("Useful")), "{words}");
        let edited = scene.gateway.owe_with(42, "", |claimed| {
            claimed.delivery.view = View::Proposal(Box::new(ProposalView { proposal: samples::proposal() }));
            claimed.edit = Some(seen["message"].to_string());
        });
        scene.all_settled().await;
        assert_eq!(scene.gateway.report(edited), sent(&seen["message"]), "{words}");
        let now = scene.seen(42).await.pop().unwrap();
        assert_eq!((&now["message"], &now["entities"]), (&seen["message"], &json!([])), "{words}");
        assert_ne!(now["text"], seen["text"], "{words}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_topic_is_answered_in_the_topic() {
    let scene = Scene::start().await;
    scene.lab.telegram("chat", &json!({"id": -100, "title": "Watch", "topics": [5]})).await.unwrap();
    let running = scene.run();
    let number = scene.gateway.owe_with(-100, "in the topic", |claimed| claimed.delivery.chat = "-100/5".to_owned());
    let nowhere = scene.gateway.owe_with(-100, "nowhere", |claimed| claimed.delivery.chat = "local".to_owned());
    scene.all_settled().await;
    assert_eq!(scene.seen(-100).await[0]["topic"], 5);
    assert!(matches!(scene.gateway.report(number), Some(DeliveryReport::Sent { .. })));
    assert!(matches!(scene.gateway.report(nowhere), Some(DeliveryReport::Failed { .. })));
    running.stop().await;
}

#[tokio::test]
async fn the_topics_of_a_group_share_what_telegram_allows_the_group() {
    let scene = Scene::start().await;
    scene.lab.telegram("chat", &json!({"id": -100, "title": "Watch", "topics": [5, 6]})).await.unwrap();
    let running = scene.run();
    let begun = scene.now();
    for i in 0..30 {
        let chat = format!("-100/{}", 5 + i % 2);
        scene.gateway.owe_with(-100, &format!("text {i}"), |claimed| claimed.delivery.chat = chat);
    }
    scene.all_settled().await;
    assert_eq!(scene.seen(-100).await.len(), 30);
    let took_ms = scene.now().since(begun);
    assert!(took_ms >= 35_000, "eighteen at most at once, then eighteen a minute: {took_ms} ms");
    running.stop().await;
}

#[tokio::test]
async fn a_long_message_comes_in_parts_and_goes_on_where_it_was_interrupted() {
    let scene = Scene::start().await;
    let text: String = (0..400).map(|i| format!("line {i} of a long answer\n")).collect();
    // The second part is refused until the lease is nearly over.
    let running = scene.run();
    let number = scene.gateway.owe_with(42, &text, |claimed| claimed.buttons = buttons(&["Why"]));
    scene.all_settled().await;
    let parts = scene.seen(42).await;
    assert!(parts.len() >= 3, "{}", parts.len());
    let whole: Vec<&str> = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
    let lines = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&whole.join("\n")), lines(&text));
    assert_eq!((&parts[0]["buttons"][0][0]["text"], &parts[1]["buttons"]), (&json!("Why"), &json!([])));
    let at = |parts: &[serde_json::Value]| parts.iter().map(|part| part["message"].to_string()).collect::<Vec<_>>();
    let references = at(&parts);
    assert_eq!(scene.gateway.report(number), Some(DeliveryReport::SentInParts { references: references.clone() }));
    // Edited, every part stays where it is, and what is too much goes.
    let shorter: String = (0..200).map(|i| format!("line {i} of another answer\n")).collect();
    scene.gateway.owe_with(42, &shorter, |claimed| {
        (claimed.edit, claimed.edit_more) = (Some(references[0].clone()), references[1..].to_vec());
    });
    scene.all_settled().await;
    scene.until("tidy", async || at(&scene.seen(42).await) == references[..2]).await;
    assert_eq!(lines(&scene.seen_texts(42).await.join("\n")), lines(&shorter));
    running.stop().await;
}

/// A picture that the bot sent.
async fn picture(scene: &Scene, chat: i64) -> String {
    let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &100u32.to_be_bytes(), &100u32.to_be_bytes()].concat();
    let head = "--b\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n";
    let file = "\r\n--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"c.png\"\r\n\r\n";
    let body = [format!("{head}{chat}{file}").as_bytes(), &png, b"\r\n--b--\r\n"].concat();
    let request = reqwest::Client::new().post(format!("{}/bot77:secret/sendPhoto", scene.lab.service_url("telegram")));
    let answer = request.header("content-type", "multipart/form-data; boundary=b").body(body).send().await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["result"]["message_id"].as_i64().unwrap_or_else(|| panic!("{answer}")).to_string()
}

#[tokio::test]
async fn what_is_too_long_under_a_picture_follows_it_as_a_message() {
    let scene = Scene::start().await;
    scene.say(42, "hello").await;
    let running = scene.run();
    scene.until("heard", async || !scene.gateway.inbox().is_empty()).await;
    let photo = picture(&scene, 42).await;
    let edit = |text: &str, at: &str| {
        scene.gateway.owe_with(42, text, |claimed| {
            (claimed.edit, claimed.buttons) = (Some(at.to_owned()), buttons(&["Why"]));
        })
    };
    edit("short", &photo);
    scene.all_settled().await;
    assert_eq!((scene.seen(42).await.len(), scene.seen_texts(42).await[0].as_str()), (1, "short"));
    let long = "word ".repeat(300).trim().to_owned();
    let number = edit(&long, &photo);
    scene.all_settled().await;
    let seen = scene.seen(42).await;
    assert_eq!((seen.len(), &seen[1]["text"]), (2, &json!(long)), "nothing is dropped");
    assert_eq!(seen[1]["reply_to"].to_string(), photo);
    assert_eq!((&seen[0]["buttons"], &seen[1]["buttons"][0][0]["text"]), (&json!([]), &json!("Why")));
    assert_eq!(scene.gateway.report(number), sent(&seen[1]["message"]), "it is edited there from now on");
    running.stop().await;
}

#[tokio::test]
async fn what_telegram_asks_to_wait_is_waited_and_costs_nothing() {
    let scene = Scene::start().await;
    scene.fault("sendmessage", FaultMode::Throttled, 2).await;
    let running = scene.run();
    scene.gateway.owe(42, "patience");
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, ["patience"]);
    running.stop().await;
}

#[tokio::test]
async fn a_send_in_doubt_is_repeated_marked_and_an_edit_unmarked() {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.fault("sendmessage", FaultMode::ReplyLost, 1).await;
    scene.gateway.owe(42, "did it arrive");
    scene.all_settled().await;
    let seen = scene.seen_texts(42).await;
    assert_eq!(seen, ["did it arrive", "Sent again: an earlier try may have arrived.\ndid it arrive"]);
    let first = scene.seen(42).await[0]["message"].to_string();
    scene.fault("editmessagetext", FaultMode::ReplyLost, 1).await;
    scene.fault("editmessagetext", FaultMode::NotApplied, 1).await;
    scene.gateway.owe_with(42, "it did", |claimed| claimed.edit = Some(first));
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await[0], "it did");
    running.stop().await;
}

#[tokio::test]
async fn an_edit_that_never_gets_through_while_others_do_is_given_up() {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.gateway.owe(42, "first");
    scene.all_settled().await;
    let place = scene.seen(42).await[0]["message"].to_string();
    scene.fault("editmessagetext", FaultMode::NotApplied, 10_000).await;
    let stuck = scene.gateway.owe_with(42, "second", |claimed| claimed.edit = Some(place));
    while scene.gateway.report(stuck).is_none() {
        let other = scene.gateway.owe(43, "others get through");
        scene.until("another", async || scene.gateway.report(other).is_some()).await;
    }
    let Some(DeliveryReport::Failed { reason }) = scene.gateway.report(stuck) else { panic!("it was made") };
    assert_eq!(
        reason,
        "Telegram did not answer: it answered 502; this message failed every time although others get through"
    );
    running.stop().await;
}

#[tokio::test]
async fn that_nothing_can_be_sent_is_told_although_polls_are_answered() {
    let scene = Scene::start().await;
    let running = scene.run_polling("77:secret", &scene.lab.service_url("telegram"), 50);
    let last = || scene.gateway.health().last().map(|health| (health.ok, health.detail.clone()));
    scene.until("well", async || last() == Some((true, "polling".to_owned()))).await;
    scene.fault("sendmessage", FaultMode::NotApplied, 3).await;
    scene.gateway.owe(42, "not yet");
    let cannot = "cannot send: Telegram did not answer: it answered 502";
    scene.until("told", async || last() == Some((false, cannot.to_owned()))).await;
    scene.until("well again", async || last() == Some((true, "polling".to_owned()))).await;
    scene.all_settled().await;
    running.stop().await;
}

#[tokio::test]
async fn a_confirmation_that_is_not_written_is_told_again() {
    let scene = Scene::start().await;
    scene.gateway.fail_confirm.store(2, Ordering::SeqCst);
    let running = scene.run();
    scene.gateway.owe(42, "once");
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, ["once"]);
    running.stop().await;
}

#[tokio::test]
async fn who_blocked_the_bot_is_told_as_that_and_the_others_get_theirs() {
    let scene = Scene::start().await;
    scene.lab.telegram("block", &json!({"user": 42, "blocked": true})).await.unwrap();
    let running = scene.run();
    let blocked = scene.gateway.owe(42, "hello");
    scene.gateway.owe(43, "hello");
    scene.all_settled().await;
    let Some(DeliveryReport::Failed { reason }) = scene.gateway.report(blocked) else { panic!("it was sent") };
    assert!(reason.contains("bot was blocked by the user"), "{reason}");
    assert_eq!(scene.seen_texts(43).await, ["hello"]);
    running.stop().await;
}

#[tokio::test]
async fn one_chat_that_must_wait_keeps_no_other_waiting_and_the_pace_is_kept() {
    let scene = Scene::start().await;
    let running = scene.run();
    for i in 0..30 {
        scene.gateway.owe(42, &format!("text {i}"));
    }
    scene.gateway.owe(43, "quick");
    scene.until("the other chat", async || scene.seen_texts(43).await == ["quick"]).await;
    assert!(scene.seen(42).await.len() < 30, "three at once, then one a second");
    scene.all_settled().await;
    let want: Vec<String> = (0..30).map(|i| format!("text {i}")).collect();
    assert_eq!(scene.seen_texts(42).await, want);
    running.stop().await;
}
