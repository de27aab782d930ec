//! The connection: it comes back after every kind of end, and nothing said meanwhile is lost.

use serde_json::json;
use wakeman_discord::DiscordError;

use crate::world::{ADA, World, words};

async fn texts(world: &World, count: usize) -> Vec<String> {
    world.inbound(count).await.iter().map(|one| words(one).to_owned()).collect()
}

/// Waits for one more connection after something that ends the last.
async fn after(world: &World, deed: serde_json::Value) {
    let before = world.state().await["connections"].as_u64().unwrap();
    world.play(deed).await;
    world
        .until("back", async |world| {
            let state = world.state().await;
            (state["connections"].as_u64() > Some(before) && state["connected"] == 1).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_resumes_after_a_loss_and_hears_what_was_said_meanwhile() {
    let world = World::new().await;
    world.say("dm", "one").await;
    world.inbound(1).await;
    for (n, deed) in [json!({"do": "drop"}), json!({"do": "close", "code": 4000}), json!({"do": "reconnect"})]
        .into_iter()
        .enumerate()
    {
        world.play(deed).await;
        world.say("dm", "meanwhile").await;
        world.inbound(2 + n).await;
    }
    let state = world.state().await;
    assert_eq!((texts(&world, 4).await.len(), state["sessions"].as_u64()), (4, Some(1)), "one session all along");
    assert_eq!(world.desk.state().repeated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_over_is_followed_by_a_new_one_that_asks_what_was_missed() {
    let world = World::new().await;
    world.say("dm", "one").await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "two", "mention": true})).await;
    world.inbound(2).await;
    world.play(json!({"do": "invalidate"})).await;
    world.say("dm", "three").await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "four", "mention": true})).await;
    world.say("general", "not for us").await;
    let mut all = texts(&world, 4).await;
    all.sort_unstable();
    assert_eq!(all, ["four", "one", "three", "two"]);
    let chats: Vec<bool> = world.inbound(4).await.iter().map(|one| one.direct).collect();
    assert_eq!(chats.iter().filter(|direct| **direct).count(), 2, "what was fetched is as private as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_far_back_in_a_busy_channel_is_fetched_from_where_it_was_heard_last() {
    let mut world = World::new().await;
    let mention = async |world: &World, text: &str| {
        world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": text, "mention": true})).await
    };
    mention(&world, "one").await;
    // Heard, though none of ours: it is not fetched again.
    for n in 0..30 {
        world.say("general", &format!("among us {n}")).await;
    }
    mention(&world, "two").await;
    world.inbound(2).await;
    world.kill().await;
    world.play(json!({"do": "invalidate"})).await;
    for n in 0..150 {
        world.say("general", &format!("meanwhile {n}")).await;
        if n == 20 || n == 140 {
            mention(&world, &format!("while away {n}")).await;
        }
    }
    world.fault("GET .*/messages", "not_applied", 2).await;
    world.start().await;
    assert_eq!(texts(&world, 4).await, ["one", "two", "while away 20", "while away 140"]);
    world
        .until("level", async |world| (!world.desk.state().checkpoint.as_deref()?.contains("behind")).then_some(()))
        .await;
    let seen = world.desk.state().checkpoint.clone().unwrap();
    let last = world.seen("general").await.last().unwrap()["id"].as_str().unwrap().to_owned();
    assert!(seen.contains(&last), "the last it heard is no mention: {last} in {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_commands_nor_what_was_missed_keep_new_words_waiting() {
    let mut world = World::new().await;
    world.say("dm", "one").await;
    world.inbound(1).await;
    world.kill().await;
    world.play(json!({"do": "invalidate"})).await;
    world.say("dm", "two").await;
    world.fault("(PUT .*/commands|GET .*/messages)", "not_applied", 1_000_000).await;
    let before = world.state().await["connections"].as_u64().unwrap();
    world.start_anyhow();
    world
        .until("back", async |world| {
            (world.state().await["connections"].as_u64() > Some(before) && world.state().await["connected"] == 1)
                .then_some(())
        })
        .await;
    world.say("dm", "three").await;
    assert_eq!(texts(&world, 2).await, ["one", "three"], "what was missed follows when Discord tells it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_in_one_channel_comes_before_new_words_there_and_holds_up_no_other() {
    let mut world = World::new().await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "one", "mention": true})).await;
    world.say("dm", "two").await;
    let general = world.inbound(2).await[0].chat.clone();
    world.kill().await;
    world.play(json!({"do": "invalidate"})).await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "missed here", "mention": true})).await;
    world.say("dm", "missed there").await;
    // The first channel's page never comes; a request is given up after ten seconds.
    world.fault(&format!("GET .*{general}/messages"), "never", 1).await;
    world.start().await;
    world.say("dm", "new").await;
    let soon = tokio::time::timeout(std::time::Duration::from_secs(8), texts(&world, 4)).await;
    assert_eq!(soon.unwrap(), ["one", "two", "missed there", "new"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_session_asks_anew_for_what_the_last_one_was_still_asking_for() {
    let mut world = World::new().await;
    let mention = async |world: &World, text: &str| {
        world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": text, "mention": true})).await
    };
    mention(&world, "one").await;
    world.inbound(1).await;
    world.kill().await;
    world.play(json!({"do": "invalidate"})).await;
    world.fault("GET .*/messages", "never", 1).await;
    world.start().await;
    let met = async |world: &World| world.get("/_lab/faults").await.as_array()?.is_empty().then_some(());
    world.until("asked in vain", met).await;
    world.play(json!({"do": "invalidate"})).await;
    mention(&world, "between").await;
    let soon = tokio::time::timeout(std::time::Duration::from_secs(8), texts(&world, 2)).await;
    assert_eq!(soon.unwrap(), ["one", "between"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_without_an_answer_end_the_connection_and_health_says_so() {
    let mut world = World::quiet().await;
    world.play(json!({"do": "heartbeat", "every_ms": 20})).await;
    world.start().await;
    world
        .until("healthy", async |world| world.desk.state().health.last().is_some_and(|health| health.ok).then_some(()))
        .await;
    world.desk.state().health.clear();
    after(&world, json!({"do": "acks", "withheld": true})).await;
    let problem = world.until("unhealthy", async |world| {
        world.desk.state().health.iter().find(|health| !health.ok).map(|health| health.detail.clone())
    });
    assert_eq!(problem.await, "Discord stopped answering on the open connection; it is opened again");
    world.play(json!({"do": "acks", "withheld": false})).await;
    world.say("dm", "after all").await;
    assert_eq!(texts(&world, 1).await, ["after all"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_never_taken_up_is_not_healthy_and_asked_for_again() {
    let mut world = World::quiet().await;
    world.play(json!({"do": "heartbeat", "every_ms": 20})).await;
    world.play(json!({"do": "mute", "times": 2})).await;
    world.start_anyhow();
    let third = async |world: &World| (world.state().await["connections"].as_u64() > Some(2)).then_some(());
    world.until("asked again", third).await;
    let health = world.desk.state().health.clone();
    let before: Vec<&str> = health.iter().take_while(|one| !one.ok).map(|one| one.detail.as_str()).collect();
    assert!(before.contains(&"Discord does not take up the session"), "{health:?}");
    world.say("dm", "after all").await;
    assert_eq!(texts(&world, 1).await, ["after all"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_takes_up_the_session_of_the_last() {
    let mut world = World::new().await;
    world.say("dm", "one").await;
    world.inbound(1).await;
    world.kill().await;
    world.say("dm", "two").await;
    world.start().await;
    assert_eq!(texts(&world, 2).await, ["one", "two"]);
    assert_eq!(world.state().await["sessions"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_goes_on_elsewhere_than_at_discord_is_begun_anew() {
    let mut world = World::new().await;
    world.say("dm", "one").await;
    world.inbound(1).await;
    world.kill().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut left: serde_json::Value = serde_json::from_str(world.desk.state().checkpoint.as_deref().unwrap()).unwrap();
    // Another name than the one of the lab's address.
    left["session"]["url"] = json!(format!("ws://localhost:{}", elsewhere.local_addr().unwrap().port()));
    world.desk.state().checkpoint = Some(left.to_string());
    world.say("dm", "two").await;
    world.start().await;
    assert_eq!(texts(&world, 2).await, ["one", "two"]);
    assert_eq!(world.state().await["sessions"], 2);
    assert!(futures::FutureExt::now_or_never(elsewhere.accept()).is_none(), "nobody there was told the token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_ends_it_with_the_remedy() {
    let mut world = World::quiet().await;
    world.play(json!({"do": "token", "token": "x.y.z"})).await;
    world.start_anyhow();
    let error = world.ended().await.unwrap_err();
    assert!(matches!(error, DiscordError::Token) && error.to_string().contains("DISCORD_BOT_TOKEN"), "{error}");
    let health = world.desk.state().health.last().cloned().unwrap();
    assert!(!health.ok && health.detail.contains("DISCORD_BOT_TOKEN"), "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_content_of_messages_it_still_hears_what_is_for_it() {
    let world = World::new().await;
    after(&world, json!({"do": "close", "code": 4014})).await;
    world.play(json!({"do": "say", "user": ADA, "channel": "general", "text": "status", "mention": true})).await;
    assert_eq!(texts(&world, 1).await, ["status"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_stored_is_tried_again_and_nothing_overtakes_it() {
    let world = World::new().await;
    world.desk.state().failing = 3;
    for text in ["one", "two", "three"] {
        world.say("dm", text).await;
    }
    assert_eq!(texts(&world, 3).await, ["one", "two", "three"]);
}
