//! Many messages, many faults, and deaths at every step.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use wakeman_lab::client::FaultMode;
use wakeman_types::DeliveryReport;

use crate::support::Scene;

const AGAIN: &str = "Sent again: an earlier try may have arrived.\n";

/// Every text was taken once, and every answer stands there once, or again with a mark.
async fn check(scene: &Scene, chats: &[i64], each: usize) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for text in scene.gateway.texts() {
        *taken.entry(text).or_default() += 1;
    }
    assert_eq!(taken.len(), chats.len() * each, "nothing is lost");
    assert!(taken.values().all(|times| *times == 1), "nothing is taken twice");
    for chat in chats {
        let seen = scene.seen_texts(*chat).await;
        for i in 0..each {
            let answer = format!("re: {chat} says {i}");
            let plain = seen.iter().filter(|text| **text == answer).count();
            let marked = seen.iter().filter(|text| text.strip_prefix(AGAIN) == Some(answer.as_str())).count();
            assert!(plain <= 1 && plain + marked >= 1, "{answer}: {plain} plain, {marked} marked");
        }
    }
    for number in 0..scene.gateway.owed() {
        assert!(matches!(scene.gateway.report(number), Some(DeliveryReport::Sent { .. })), "{number}");
    }
}

#[tokio::test]
async fn a_day_of_messages_with_a_fault_in_ten_loses_and_doubles_nothing() {
    let scene = Scene::start().await;
    scene.gateway.answering();
    let chats: Vec<i64> = (1_000..1_025).collect();
    let running = scene.run();
    for i in 0..20 {
        for chat in &chats {
            scene.say(*chat, &format!("{chat} says {i}")).await;
        }
        if i % 2 == 0 {
            scene.fault("sendmessage", FaultMode::Throttled, 1).await;
            scene.fault("sendmessage", FaultMode::ReplyLost, 1).await;
            scene.fault("getupdates", FaultMode::NotApplied, 1).await;
            scene.fault("getupdates", FaultMode::ReplyLost, 1).await;
            scene.set(serde_json::json!({"rival_polls": 1})).await;
        }
    }
    scene.until("all heard", async || scene.gateway.texts().len() == 500).await;
    scene.all_settled().await;
    check(&scene, &chats, 20).await;
    running.stop().await;
}

#[tokio::test]
async fn killed_at_any_moment_it_goes_on_where_it_was() {
    let scene = Scene::start().await;
    scene.gateway.answering();
    let chats = [7, 8];
    for round in 0..12 {
        let running = scene.run();
        for chat in chats {
            scene.say(chat, &format!("{chat} says {round}")).await;
        }
        // Each round dies a little later: before it hears, while it keeps, while it sends, before it confirms.
        let before = scene.gateway.settled();
        match round % 4 {
            0 => tokio::task::yield_now().await,
            1 => scene.until("heard", async || scene.gateway.texts().len() >= round).await,
            2 => {
                scene.gateway.fail_confirm.store(1, Ordering::SeqCst);
                scene.until("not confirmed", async || scene.gateway.fail_confirm.load(Ordering::SeqCst) == 0).await;
            }
            _ => scene.until("one more settled", async || scene.gateway.settled() > before).await,
        }
        running.kill().await;
    }
    let running = scene.run();
    scene.until("all heard", async || scene.gateway.texts().len() == 24).await;
    scene.all_settled().await;
    check(&scene, &chats, 12).await;
    running.stop().await;
}
