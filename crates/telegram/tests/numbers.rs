//! Updates whose numbers are not what Telegram's are: each is taken once or left out, and none is asked for again without a pause.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::Scene;

/// A Telegram that gives the updates it is told to give.
#[derive(Default)]
struct Scripted {
    updates: Mutex<Vec<Value>>,
    polls: Mutex<Vec<Option<i64>>>,
    more: Notify,
}

fn says(update_id: Value, text: &str) -> Value {
    let somebody = json!({"id": 42, "is_bot": false, "first_name": "Ada"});
    let chat = json!({"id": 42, "type": "private", "first_name": "Ada"});
    json!({"update_id": update_id,
        "message": {"message_id": 1, "date": 1_767_600_000, "from": somebody, "chat": chat, "text": text}})
}

impl Scripted {
    async fn serve() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let scripted = Arc::new(Self::default());
        let at = Arc::clone(&scripted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&at).answer(stream));
            }
        });
        (scripted, url)
    }

    fn give(&self, updates: impl IntoIterator<Item = Value>) {
        self.updates.lock().unwrap().extend(updates);
        self.more.notify_waiters();
    }

    fn polls(&self) -> Vec<Option<i64>> {
        self.polls.lock().unwrap().clone()
    }

    /// One request on a connection of its own.
    async fn answer(self: Arc<Self>, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, body) = loop {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let lower = head.to_lowercase();
            let length = lower.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
            if body.len() >= length.parse::<usize>().unwrap() {
                break (head.to_owned(), body.to_owned());
            }
        };
        let result = if head.to_lowercase().contains("/getupdates") {
            self.poll(&serde_json::from_str(&body).unwrap()).await
        } else if head.to_lowercase().contains("/getme") {
            json!({"id": 77, "is_bot": true, "first_name": "W", "username": "w_bot", "can_join_groups": true,
                "can_read_all_group_messages": false, "supports_inline_queries": false,
                "can_connect_to_business": false, "has_main_web_app": false})
        } else {
            json!(true)
        };
        let answer = json!({"ok": true, "result": result}).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
    }

    /// What is not acknowledged; held while there is nothing.
    async fn poll(&self, asked: &Value) -> Value {
        let offset = asked["offset"].as_i64();
        self.polls.lock().unwrap().push(offset);
        loop {
            let more = self.more.notified();
            let waits = |update: &&Value| update["update_id"].as_i64().is_none_or(|id| Some(id) >= offset);
            let left: Vec<Value> = self.updates.lock().unwrap().iter().filter(waits).cloned().collect();
            if !left.is_empty() {
                return json!(left);
            }
            more.await;
        }
    }
}

#[tokio::test]
async fn updates_with_numbers_of_any_size_are_taken_once() {
    let scene = Scene::start().await;
    let (telegram, url) = Scripted::serve().await;
    telegram.give([says(json!((1_i64 << 31) + 5), "one"), says(json!(1_i64 << 40), "two")]);
    let running = scene.run_with("77:secret", &url);
    scene.until("both", async || scene.gateway.texts() == ["one", "two"]).await;
    let next = (1_i64 << 40) + 1;
    scene.until("acknowledged", async || telegram.polls().last() == Some(&Some(next))).await;
    assert_eq!(scene.gateway.checkpoint_now(), Some(next.to_string()));
    telegram.give([says(json!(next), "three")]);
    scene.until("the third", async || scene.gateway.texts() == ["one", "two", "three"]).await;
    running.stop().await;
}

#[tokio::test]
async fn updates_without_a_number_are_left_out_and_not_asked_for_without_a_pause() {
    let scene = Scene::start().await;
    let (telegram, url) = Scripted::serve().await;
    let nobody = says(json!(null), "no number");
    telegram.give([nobody, says(json!("7"), "a text"), says(json!(i64::MAX), "none after it")]);
    let running = scene.run_with("77:secret", &url);
    let ill = || {
        let health = scene.gateway.health();
        health.iter().filter(|health| !health.ok && health.detail.contains("its updates have no numbers")).count()
    };
    scene.until("told of four times", async || ill() >= 4).await;
    let (polls, told) = (telegram.polls().len(), ill());
    assert!(polls <= told + 1, "each poll is followed by a pause: {polls} polls, {told} times told");
    assert!(scene.gateway.inbox().is_empty() && scene.gateway.checkpoint_now().is_none());
    telegram.give([says(json!(8), "fine")]);
    scene.until("the one with a number", async || scene.gateway.texts() == ["fine"]).await;
    assert_eq!(scene.gateway.checkpoint_now().as_deref(), Some("9"));
    running.stop().await;
}
