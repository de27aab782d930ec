//! A text that grows is one message, and its end always arrives.

use serde_json::json;
use wakeman_lab::client::FaultMode;
use wakeman_types::LiveEvent;

use crate::support::Scene;

fn grown(text: &str) -> LiveEvent {
    LiveEvent::Text { chat: "42".into(), key: "turn:1".into(), reply_to: None, text: text.to_owned() }
}

async fn scene() -> (Scene, crate::support::Running) {
    let scene = Scene::start().await;
    let running = scene.run();
    scene.until("it listens", async || scene.gateway.listened_to()).await;
    (scene, running)
}

#[tokio::test]
async fn a_further_part_in_doubt_comes_again_marked_and_nothing_else_moves() {
    let (scene, running) = scene().await;
    scene.gateway.tell(grown("line 0"));
    scene.until("placed", async || !scene.gateway.placed_at().is_empty()).await;
    let whole: String = (0..400).map(|i| format!("line {i} of a long answer\n")).collect();
    // The first part is an edit of what grew, the second is sent.
    scene.fault("sendmessage", FaultMode::ReplyLost, 1).await;
    scene.gateway.owe_with(42, &whole, |claimed| claimed.delivery.key = Some("turn:1".into()));
    scene.all_settled().await;
    let seen = scene.seen_texts(42).await;
    let mark = "Sent again: an earlier try may have arrived.";
    let again = seen.iter().position(|text| text.starts_with(mark)).unwrap();
    assert!(
        seen[again].ends_with(&seen[1]) || seen[again + 1] == seen[1],
        "the part that may be there already: {seen:?}"
    );
    let mut rest: Vec<String> = seen.clone();
    rest.remove(1);
    let lines = rest.join("\n").lines().filter(|line| line.starts_with("line")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines, whole.lines().collect::<Vec<_>>(), "without the copy every line is there once");
    running.stop().await;
}

#[tokio::test]
async fn it_is_sent_once_edited_seldom_and_ended_by_what_is_owed() {
    let (scene, running) = scene().await;
    let words: Vec<String> = (0..300).map(|i| format!("word{i}")).collect();
    scene.gateway.tell(LiveEvent::Typing { chat: "42".into() });
    for i in 1..=words.len() {
        scene.gateway.tell(grown(&words[..i].join(" ")));
        tokio::task::yield_now().await;
    }
    scene.until("it is shown", async || !scene.seen(42).await.is_empty()).await;
    scene.until("placed", async || !scene.gateway.placed_at().is_empty()).await;
    let reference = scene.seen(42).await[0]["message"].to_string();
    assert_eq!(scene.gateway.placed_at(), [("42".to_owned(), "turn:1".to_owned(), reference.clone())]);
    let whole = words.join(" ");
    scene.gateway.owe_with(42, &whole, |claimed| {
        (claimed.delivery.key, claimed.edit) = (Some("turn:1".into()), Some(reference));
    });
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, [whole]);
    let calls = scene.lab.effects().await.unwrap();
    assert!(calls.len() < 30, "{} calls for 300 words", calls.len());
    assert_eq!(scene.lab.telegram_chat(42).await.unwrap()["typing"], 1);
    running.stop().await;
}

#[tokio::test]
async fn where_the_place_was_not_kept_the_end_is_still_an_edit() {
    let (scene, running) = scene().await;
    scene.gateway.tell(grown("It fell"));
    scene.until("it is shown", async || !scene.seen(42).await.is_empty()).await;
    scene.gateway.owe_with(42, "It fell because of #482.", |claimed| claimed.delivery.key = Some("turn:1".into()));
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, ["It fell because of #482."]);
    running.stop().await;
}

#[tokio::test]
async fn a_growing_text_in_doubt_grows_no_more_and_its_end_comes_by_itself() {
    let (scene, running) = scene().await;
    scene.fault("sendmessage", FaultMode::ReplyLost, 1).await;
    scene.gateway.tell(grown("It fell"));
    scene.until("it is shown", async || !scene.seen(42).await.is_empty()).await;
    scene.gateway.tell(grown("It fell because"));
    scene.gateway.owe_with(42, "It fell because of #482.", |claimed| claimed.delivery.key = Some("turn:1".into()));
    scene.all_settled().await;
    assert_eq!(scene.seen_texts(42).await, ["It fell", "It fell because of #482."]);
    running.stop().await;
}

#[tokio::test]
async fn nothing_that_grows_is_live() {
    let (scene, running) = scene().await;
    scene.gateway.tell(grown("ask @ada, see https://evil.example/x or /approve P-1"));
    scene.until("it is shown", async || !scene.seen(42).await.is_empty()).await;
    assert_eq!(scene.seen(42).await[0]["entities"], json!([]));
    running.stop().await;
}
