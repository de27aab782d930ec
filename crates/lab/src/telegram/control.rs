//! `/_lab/telegram`: to be the people whom the bot talks to.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::desk::{Chat, Desk};
use super::people::{self, Press, React, Refused, Rewrite, Say};
use crate::Lab;
use crate::control::{read, refused};

/// The routes below `/_lab/telegram`.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
        .route("/say", post(say))
        .route("/press", post(press))
        .route("/react", post(react))
        .route("/edit", post(edit))
        .route("/delete", post(delete))
        .route("/block", post(block))
        .route("/update", post(update))
        .route("/chat", get(chat).post(create))
        .route("/config", get(config).post(configure))
}

fn done(result: Result<Value, Refused>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(problem) => refused(problem),
    }
}

/// Reads an order, carries it out, and wakes the poll that waits.
fn order<T: DeserializeOwned>(
    lab: &Lab,
    body: &[u8],
    example: &str,
    act: impl FnOnce(&mut Desk, T, i64) -> Result<Value, Refused>,
) -> Response {
    let order = match read(body, example) {
        Ok(order) => order,
        Err(response) => return response,
    };
    let at = lab.world().now_ms;
    let result = act(&mut lab.telegram(), order, at);
    lab.telegram_bell.notify_waiters();
    done(result)
}

async fn say(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let example = r#"{"user": 42, "text": "/status"}"#;
    order(&lab, &body, example, |desk, say: Say, at| {
        let chat = say.chat.unwrap_or(say.user);
        people::say(desk, say, at).map(|message| json!({"chat": chat, "message": message}))
    })
}

async fn press(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let example = r#"{"user": 42, "message": 7, "button": "Approve"}"#;
    order(&lab, &body, example, |desk, press: Press, _| {
        people::press(desk, &press).map(|query| json!({"query": query}))
    })
}

async fn react(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let example = r#"{"user": 42, "message": 7, "emoji": "👎"}"#;
    order(&lab, &body, example, |desk, react: React, at| people::react(desk, &react, at).map(|()| json!({})))
}

async fn edit(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let example = r#"{"user": 42, "message": 7, "text": "rather this"}"#;
    order(&lab, &body, example, |desk, rewrite: Rewrite, at| people::rewrite(desk, rewrite, at).map(|()| json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    chat: i64,
    message: i64,
}

async fn delete(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    order(&lab, &body, r#"{"chat": 42, "message": 7}"#, |desk, delete: Delete, _| {
        let chat = desk.chat(delete.chat).ok_or_else(|| format!("there is no chat {}", delete.chat))?;
        chat.messages.retain(|message| message.id != delete.message);
        Ok(json!({}))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    user: i64,
    blocked: bool,
}

async fn block(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    order(&lab, &body, r#"{"user": 42, "blocked": true}"#, |desk, block: Block, _| {
        let chat =
            desk.chat(block.user).ok_or_else(|| "only people can block; user is a positive number".to_owned())?;
        chat.blocked = block.blocked;
        Ok(json!({}))
    })
}

/// Any update at all, for kinds that people here cannot cause.
async fn update(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    order(&lab, &body, r#"{"poll_answer": {"poll_id": "1"}}"#, |desk, update: Value, _| {
        let Some((kind, what)) = update.as_object().and_then(|update| update.iter().next()) else {
            return Err("an update is an object with its kind as the key".to_owned());
        };
        desk.push(kind, what.clone());
        Ok(json!({"update": desk.last_update}))
    })
}

#[derive(Deserialize)]
struct Which {
    id: i64,
}

async fn chat(State(lab): State<Arc<Lab>>, Query(which): Query<Which>) -> Response {
    done(people::seen(&lab.telegram(), which.id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    id: i64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    topics: Vec<i64>,
}

async fn create(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    order(&lab, &body, r#"{"id": -100200300, "title": "Watch", "topics": [5]}"#, |desk, create: Create, _| {
        if create.id >= 0 {
            return Err("groups have negative ids; private chats need not be created".to_owned());
        }
        let last_id = create.topics.iter().copied().max().unwrap_or(0);
        let Create { id, title, topics } = create;
        desk.chats.insert(id, Chat { id, title, forum: !topics.is_empty(), topics, last_id, ..Chat::default() });
        Ok(json!({"chat": id}))
    })
}

async fn config(State(lab): State<Arc<Lab>>) -> Json<Value> {
    let desk = lab.telegram();
    let answers: Vec<Value> =
        desk.queries.iter().map(|query| json!({"query": query.id, "answer": query.answer})).collect();
    Json(json!({
        "limits": desk.manners.limits, "privacy": desk.manners.privacy, "username": desk.manners.username,
        "rival_polls": desk.manners.rival_polls, "webhook": desk.manners.webhook, "commands": desk.commands,
        "pending_updates": desk.updates.len(), "last_update": desk.last_update, "presses": answers,
        "polls": desk.polls,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configure {
    limits: Option<bool>,
    privacy: Option<bool>,
    rival_polls: Option<u32>,
    username: Option<String>,
    webhook: Option<String>,
    refuse_entities: Option<String>,
}

async fn configure(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    order(&lab, &body, r#"{"limits": false, "rival_polls": 1}"#, |desk, given: Configure, _| {
        let manners = &mut desk.manners;
        manners.limits = given.limits.unwrap_or(manners.limits);
        manners.privacy = given.privacy.unwrap_or(manners.privacy);
        manners.rival_polls = given.rival_polls.unwrap_or(manners.rival_polls);
        if let Some(username) = given.username {
            manners.username = username;
        }
        if let Some(webhook) = given.webhook {
            manners.webhook = (!webhook.is_empty()).then_some(webhook);
        }
        if let Some(words) = given.refuse_entities {
            manners.refuse_entities = (!words.is_empty()).then_some(words);
        }
        // A poll that is being held loses its place to the rival at once.
        if manners.rival_polls > 0 && given.rival_polls.is_some() {
            desk.polls += 1;
            manners.rival_polls -= 1;
        }
        Ok(json!({}))
    })
}
