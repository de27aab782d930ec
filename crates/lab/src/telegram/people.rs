//! What people do in their chats, and what they see there.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::REACTIONS;
use super::desk::{Author, Chat, Desk, Message, Query};
use super::entities::Text;

/// Somebody writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    pub(super) user: i64,
    /// The private chat with the bot if not told.
    #[serde(default)]
    pub(super) chat: Option<i64>,
    pub(super) text: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) topic: Option<i64>,
    #[serde(default)]
    pub(super) reply_to: Option<i64>,
    /// Somebody else wrote it, they pass it on.
    #[serde(default)]
    pub(super) forwarded: bool,
    /// As an administrator in the group's name.
    #[serde(default)]
    pub(super) anonymous: bool,
}

/// Somebody presses a button: by its label, or by its data.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Press {
    pub(super) user: i64,
    #[serde(default)]
    pub(super) chat: Option<i64>,
    pub(super) message: i64,
    #[serde(default)]
    pub(super) button: Option<String>,
    #[serde(default)]
    pub(super) data: Option<String>,
}

/// Somebody reacts, or takes their reaction back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct React {
    pub(super) user: i64,
    #[serde(default)]
    pub(super) chat: Option<i64>,
    pub(super) message: i64,
    #[serde(default)]
    pub(super) emoji: Option<String>,
}

/// Somebody edits what they wrote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewrite {
    pub(super) user: i64,
    #[serde(default)]
    pub(super) chat: Option<i64>,
    pub(super) message: i64,
    pub(super) text: String,
}

/// Why a person cannot do that.
pub(super) type Refused = String;

fn no_chat(id: i64) -> Refused {
    format!("there is no chat {id}; create it with POST /_lab/telegram/chat")
}

fn no_message(chat: i64, message: i64) -> Refused {
    format!("chat {chat} has no message {message}")
}

/// The number of the message.
pub(super) fn say(desk: &mut Desk, say: Say, at: i64) -> Result<i64, Refused> {
    let id = say.chat.unwrap_or(say.user);
    if let Some(name) = say.name {
        desk.names.insert(say.user, name);
    }
    let text = Text::new(&say.text, None).map_err(|_| "the text is not one".to_owned())?;
    let chat = desk.chat(id).ok_or_else(|| no_chat(id))?;
    if say.topic.is_some_and(|topic| !chat.topics.contains(&topic)) {
        return Err(format!("chat {id} has no such topic; its topics are {:?}", chat.topics));
    }
    let author = if say.anonymous { Author::Anonymous } else { Author::Person(say.user) };
    let message = Message::new(author, at, text);
    let number =
        desk.add(id, Message { topic: say.topic, reply_to: say.reply_to, forwarded: say.forwarded, ..message });
    tell(desk, "message", id, number);
    Ok(number)
}

/// Queues a message for the bot, if it may hear it.
fn tell(desk: &mut Desk, kind: &str, chat: i64, number: i64) {
    let Some((chat, message)) = desk.chats.get(&chat).and_then(|chat| Some((chat, chat.message(number)?))) else {
        return;
    };
    if heard(desk, chat, message) {
        let told = desk.message(chat, message, true);
        desk.push(kind, told);
    }
}

/// With privacy, a bot in a group hears commands, its name, and answers to what it said.
fn heard(desk: &Desk, chat: &Chat, message: &Message) -> bool {
    let ours = |id: i64| chat.message(id).is_some_and(|message| message.author == Author::Bot);
    let text = message.text.text.to_ascii_lowercase();
    let named = text.contains(&format!("@{}", desk.manners.username.to_ascii_lowercase()));
    chat.private() || !desk.manners.privacy || named || text.starts_with('/') || message.reply_to.is_some_and(ours)
}

/// The id of the press.
pub(super) fn press(desk: &mut Desk, press: &Press) -> Result<String, Refused> {
    let id = press.chat.unwrap_or(press.user);
    let chat = desk.chats.get(&id).ok_or_else(|| no_chat(id))?;
    let message = chat.message(press.message).ok_or_else(|| no_message(id, press.message))?;
    let rows = message.keyboard.as_ref().and_then(|keyboard| keyboard["inline_keyboard"].as_array());
    let buttons: Vec<&Value> = rows.into_iter().flatten().filter_map(Value::as_array).flatten().collect();
    let wanted = |button: &&&Value| match &press.button {
        Some(label) => button["text"] == label.as_str(),
        None => press.data.as_deref().is_some_and(|data| button["callback_data"] == data),
    };
    // A person can press what was on their screen a moment ago: data is taken as it is.
    let data = match (buttons.iter().find(wanted), &press.data) {
        (Some(button), _) => button["callback_data"].as_str().unwrap_or_default().to_owned(),
        (None, Some(data)) if press.button.is_none() => data.clone(),
        _ => {
            let labels: Vec<&str> = buttons.iter().filter_map(|button| button["text"].as_str()).collect();
            return Err(format!("message {} has no such button; it has {labels:?}", press.message));
        }
    };
    let query = format!("{}", 4_000_000_000_000_000_000u64 + desk.queries.len() as u64);
    let told = json!({
        "id": query, "from": desk.person(press.user), "message": desk.message(chat, message, true),
        "chat_instance": format!("{}", id.unsigned_abs()), "data": data,
    });
    desk.queries.push(Query { id: query.clone(), at: Instant::now(), answer: None });
    desk.push("callback_query", told);
    Ok(query)
}

pub(super) fn react(desk: &mut Desk, react: &React, at: i64) -> Result<(), Refused> {
    if let Some(emoji) = react.emoji.as_deref().filter(|emoji| !REACTIONS.contains(emoji)) {
        return Err(format!("{emoji:?} is no reaction here; there are {REACTIONS:?}"));
    }
    let id = react.chat.unwrap_or(react.user);
    let chat = desk.chat(id).ok_or_else(|| no_chat(id))?;
    let message = chat.message_mut(react.message).ok_or_else(|| no_message(id, react.message))?;
    let old = match &react.emoji {
        Some(emoji) => message.reactions.insert(react.user, emoji.clone()),
        None => message.reactions.remove(&react.user),
    };
    let list =
        |emoji: Option<&String>| json!(emoji.iter().map(|e| json!({"type": "emoji", "emoji": e})).collect::<Vec<_>>());
    let chat_json = desk.chats.get(&id).map(|chat| chat.json(&desk.names));
    let told = json!({
        "chat": chat_json, "message_id": react.message, "user": desk.person(react.user), "date": at / 1_000,
        "old_reaction": list(old.as_ref()), "new_reaction": list(react.emoji.as_ref()),
    });
    desk.push("message_reaction", told);
    Ok(())
}

pub(super) fn rewrite(desk: &mut Desk, rewrite: Rewrite, at: i64) -> Result<(), Refused> {
    let id = rewrite.chat.unwrap_or(rewrite.user);
    let text = Text::new(&rewrite.text, None).map_err(|_| "the text is not one".to_owned())?;
    let chat = desk.chat(id).ok_or_else(|| no_chat(id))?;
    let message = chat.message_mut(rewrite.message).ok_or_else(|| no_message(id, rewrite.message))?;
    if message.author != Author::Person(rewrite.user) {
        return Err(format!("message {} is not theirs", rewrite.message));
    }
    (message.text, message.edited_at) = (text, Some(at));
    tell(desk, "edited_message", id, rewrite.message);
    Ok(())
}

/// A chat as the people in it see it.
pub(super) fn seen(desk: &Desk, id: i64) -> Result<Value, Refused> {
    let chat = desk.chats.get(&id).ok_or_else(|| no_chat(id))?;
    let messages: Vec<Value> = chat.messages.iter().map(|message| shown(desk, message)).collect();
    Ok(json!({"chat": id, "title": chat.title, "messages": messages, "typing": chat.typing}))
}

fn shown(desk: &Desk, message: &Message) -> Value {
    let from = match message.author {
        Author::Bot => json!("bot"),
        Author::Person(id) => json!(id),
        Author::Anonymous => json!("anonymous"),
    };
    let rows = message.keyboard.as_ref().map_or_else(|| json!([]), |keyboard| keyboard["inline_keyboard"].clone());
    let photo = message.photo.as_ref().map(
        |photo| json!({"width": photo.width, "height": photo.height, "bytes": photo.bytes, "file": photo.file_id}),
    );
    let reactions: Vec<Value> = message
        .reactions
        .iter()
        .map(|(by, emoji)| json!({"by": if *by == desk.bot_id { json!("bot") } else { json!(by) }, "emoji": emoji}))
        .collect();
    json!({
        "message": message.id, "from": from, "text": message.text.text, "entities": message.text.all(), "buttons": rows,
        "photo": photo, "edited": message.edited_at.is_some(), "reply_to": message.reply_to, "topic": message.topic,
        "previews": message.previews, "reactions": reactions, "asks_reply": message.asks_reply,
    })
}
