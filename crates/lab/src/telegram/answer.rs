//! Answers to presses, reactions, typing and the list of commands.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::Refusal;
use super::params::Params;
use crate::Lab;

/// How long a press may be answered. Real time counts, not the lab's.
const QUERY_LIFETIME: Duration = Duration::from_secs(30);
/// Longest answer to a press, characters.
const ANSWER_LEN_MAX: usize = 200;
/// What a chat may be told that the bot is doing.
const ACTIONS: [&str; 6] =
    ["typing", "upload_photo", "upload_document", "choose_sticker", "find_location", "record_voice"];
/// Some of the reactions there are.
pub(super) const REACTIONS: [&str; 16] =
    ["👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩", "👀", "🙏"];

/// `answerCallbackQuery`.
pub(super) fn callback_query(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("callback_query_id").unwrap_or_default();
    let text = params.text("text").unwrap_or_default();
    if text.chars().count() > ANSWER_LEN_MAX {
        return Err(Refusal::bad("MESSAGE_TOO_LONG"));
    }
    let mut desk = lab.telegram();
    let query = desk.queries.iter_mut().find(|query| query.id == id);
    let query = query.filter(|query| query.answer.is_none() && query.at.elapsed() < QUERY_LIFETIME);
    let query =
        query.ok_or_else(|| Refusal::bad("query is too old and response timeout expired or query ID is invalid"))?;
    query.answer = Some(json!({"text": text, "alert": params.flag("show_alert")}));
    Ok(json!(true))
}

/// `sendChatAction`.
pub(super) fn chat_action(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let action = params.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::bad("wrong parameter action in request"));
    }
    let id = params.number("chat_id")?.ok_or_else(|| Refusal::bad("chat_id is empty"))?;
    let mut desk = lab.telegram();
    let chat = desk.chat(id).ok_or_else(|| Refusal::bad("chat not found"))?;
    if chat.blocked {
        return Err(Refusal::blocked());
    }
    chat.typing += 1;
    Ok(json!(true))
}

/// `setMessageReaction`.
pub(super) fn reaction(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let id = params.number("chat_id")?.ok_or_else(|| Refusal::bad("chat_id is empty"))?;
    let number = params.number("message_id")?.unwrap_or(0);
    let wanted = params.json("reaction")?;
    let emoji = wanted.as_ref().and_then(|list| list.get(0)?.get("emoji")?.as_str().map(str::to_owned));
    if emoji.as_deref().is_some_and(|emoji| !REACTIONS.contains(&emoji)) {
        return Err(Refusal::bad("REACTION_INVALID"));
    }
    let mut desk = lab.telegram();
    let bot = desk.bot_id;
    let message = desk.chat(id).and_then(|chat| chat.message_mut(number));
    let message = message.ok_or_else(|| Refusal::bad("message to react not found"))?;
    match emoji {
        Some(emoji) => drop(message.reactions.insert(bot, emoji)),
        None => drop(message.reactions.remove(&bot)),
    }
    Ok(json!(true))
}

/// `setMyCommands`.
pub(super) fn set_commands(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let commands = params.json("commands")?.unwrap_or_else(|| json!([]));
    let list = commands.as_array().ok_or_else(|| Refusal::bad("expected an Array of BotCommand"))?;
    if list.len() > 100 {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in list {
        let word = command["command"].as_str().unwrap_or_default();
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&word.len()) || !word.chars().all(letter) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&command["description"].as_str().unwrap_or_default().chars().count()) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    lab.telegram().commands = commands;
    Ok(json!(true))
}
