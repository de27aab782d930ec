//! What people say reaches the gateway, once.

use serde_json::json;
use wakeman_lab::client::FaultMode;
use wakeman_telegram::TelegramError;
use wakeman_types::{LiveEvent, Said};

use crate::support::Scene;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn what_is_said_is_kept_with_the_offset_in_its_order() {
    let scene = Scene::start().await;
    let running = scene.run();
    for text in ["one", "two", "three"] {
        scene.say(42, text).await;
    }
    scene.until("three texts", async || scene.gateway.texts() == ["one", "two", "three"]).await;
    let last = scene.lab.telegram_config().await.unwrap()["last_update"].as_i64().unwrap();
    assert_eq!(scene.gateway.checkpoint_now(), Some((last + 1).to_string()));
    running.stop().await;
    // What is said meanwhile waits at Telegram.
    scene.say(42, "four").await;
    let running = scene.run();
    scene.until("the fourth", async || scene.gateway.texts().len() == 4).await;
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_could_not_be_kept() {
    let scene = Scene::start().await;
    scene.gateway.fail_accept.store(3, Ordering::SeqCst);
    scene.say(42, "kept in the end").await;
    let running = scene.run();
    scene.until("kept", async || scene.gateway.texts() == ["kept in the end"]).await;
    assert!(scene.gateway.health().iter().any(|health| !health.ok && health.detail.contains("the disk is full")));
    running.stop().await;
}

#[tokio::test]
async fn an_update_that_was_kept_is_not_taken_again_after_a_crash() {
    let scene = Scene::start().await;
    scene.gateway.answering();
    // Kept, but the adapter never hears of it, and dies.
    scene.gateway.lose_accept.store(1, Ordering::SeqCst);
    scene.say(42, "once").await;
    let running = scene.run();
    scene.until("kept", async || !scene.gateway.texts().is_empty()).await;
    running.kill().await;
    let running = scene.run();
    scene.say(42, "after").await;
    scene.until("both", async || scene.gateway.texts() == ["once", "after"]).await;
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, ["re: once", "re: after"]);
    running.stop().await;
}

#[tokio::test]
async fn answers_that_are_lost_late_or_refused_lose_nothing() {
    let scene = Scene::start().await;
    for (mode, times) in [(FaultMode::ReplyLost, 2), (FaultMode::NotApplied, 2), (FaultMode::Throttled, 1)] {
        scene.fault("getupdates", mode, times).await;
    }
    let running = scene.run();
    for i in 0..20 {
        scene.say(42, &format!("text {i}")).await;
    }
    scene.until("all", async || scene.gateway.texts().len() == 20).await;
    let want: Vec<String> = (0..20).map(|i| format!("text {i}")).collect();
    assert_eq!(scene.gateway.texts(), want);
    running.stop().await;
}

#[tokio::test]
async fn another_poller_is_named_as_what_it_is_and_outlived() {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.until("polling", async || scene.gateway.health().last().is_some_and(|health| health.ok)).await;
    scene.set(json!({"rival_polls": 3})).await;
    scene
        .until("the conflict is told", async || {
            scene.gateway.health().iter().any(|health| !health.ok && health.detail.contains("another program polls"))
        })
        .await;
    scene.say(42, "still here").await;
    scene.until("it polls again", async || scene.gateway.texts() == ["still here"]).await;
    scene.until("well again", async || scene.gateway.health().last().is_some_and(|health| health.ok)).await;
    running.stop().await;
}

#[tokio::test]
async fn that_telegram_answers_is_known_long_before_a_poll_is_over() {
    let scene = Scene::start().await;
    scene.fault("getupdates", FaultMode::NotApplied, 1).await;
    // Longer than `until` waits.
    let running = scene.run_polling("77:secret", &scene.lab.service_url("telegram"), 50);
    scene.until("ill", async || scene.gateway.health().iter().any(|health| !health.ok)).await;
    scene.until("well again", async || scene.gateway.health().last().is_some_and(|health| health.ok)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_webhook_is_taken_away_and_verbs_are_registered() {
    let scene = Scene::start().await;
    scene.set(json!({"webhook": "https://old.example/hook"})).await;
    let running = scene.run();
    scene.say(42, "hello").await;
    scene.until("heard", async || scene.gateway.texts() == ["hello"]).await;
    let commands = scene.lab.telegram_config().await.unwrap()["commands"].clone();
    assert!(commands.as_array().unwrap().iter().any(|command| command["command"] == "approve"), "{commands}");
    running.stop().await;
}

#[tokio::test]
async fn a_token_that_telegram_refuses_ends_it_with_the_remedy() {
    let scene = Scene::start().await;
    let error = scene.run_with("nonsense", &scene.lab.service_url("telegram")).ended().await;
    assert!(matches!(error, TelegramError::Token { .. }));
    assert!(error.to_string().contains("@BotFather") && !error.to_string().contains("nonsense"), "{error}");
    let error = scene.run_with("77:secret", "telegram.example").ended().await;
    assert!(error.to_string().contains("write it like https://api.telegram.org"), "{error}");
}

#[tokio::test]
async fn kinds_nobody_knows_are_kept_as_that() {
    let scene = Scene::start().await;
    scene.say(42, "first").await;
    let running = scene.run();
    scene.until("the first", async || !scene.gateway.inbox().is_empty()).await;
    scene.lab.telegram("update", &json!({"message": {"message_id": "no number"}})).await.unwrap();
    scene.say(42, "last").await;
    scene.until("the last", async || scene.gateway.texts() == ["first", "last"]).await;
    let kinds: Vec<Said> = scene.gateway.inbox().into_iter().map(|inbound| inbound.said).collect();
    assert_eq!(kinds[1], Said::Other { kind: "message".into() });
    running.stop().await;
}

#[tokio::test]
async fn a_press_is_kept_and_its_answer_shown() {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.gateway.owe_with(42, "card", |claimed| claimed.buttons = crate::delivering::buttons(&["Approve", "Reject"]));
    scene.all_settled().await;
    let message = scene.seen(42).await[0]["message"].clone();
    scene
        .lab
        .telegram("press", &json!({"user": 43, "chat": 42, "message": message, "button": "Approve"}))
        .await
        .unwrap();
    scene.lab.telegram("react", &json!({"user": 42, "message": message, "emoji": "👎"})).await.unwrap();
    scene.until("both", async || scene.gateway.inbox().len() == 2).await;
    let inbox = scene.gateway.inbox();
    assert_eq!(inbox[0].from.as_ref().unwrap().to_string(), "telegram:43");
    let want = Said::Press { reference: "ref-Approve".into(), message: Some(message.to_string()), note: None };
    assert_eq!(inbox[0].said, want);
    assert_eq!(inbox[1].said, Said::Reaction { message: message.to_string(), useful: Some(false) });
    let text = "Only ada can approve this.".to_owned();
    scene.gateway.tell(LiveEvent::Answer { inbound: inbox[0].id.clone(), text: text.clone(), alert: true });
    scene
        .until("answered", async || {
            scene.lab.telegram_config().await.unwrap()["presses"][0]["answer"] == json!({"text": text, "alert": true})
        })
        .await;
    running.stop().await;
}
