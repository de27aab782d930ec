//! What an update means.

use serde_json::Value;
use teloxide_core::types::{
    CallbackQuery, Message, MessageEntity, MessageEntityKind, MessageReactionUpdated, ReactionType, Update, UpdateKind,
    User,
};
use wakeman_types::{Channel, Inbound, Principal, Said, Timestamp};

use crate::chat::Address;
use crate::start::Bot;

/// Accounts in whose name Telegram passes on what somebody else did: anonymous administrators, channels, and its own service.
const NOBODY: [u64; 3] = [1_087_968_824, 136_817_688, 777_000];
/// A name is kept up to this many characters.
const NAME_LEN_MAX: usize = 64;

/// One update, and the press it is if it is one.
pub(crate) struct Heard {
    pub(crate) inbound: Inbound,
    /// The id under which Telegram wants an answer.
    pub(crate) press: Option<String>,
}

/// What an update says. One that is not understood is kept as that: it must not be asked for again.
pub(crate) fn heard(value: &Value, bot: &Bot, now: Timestamp) -> Heard {
    let id = value["update_id"].as_i64().unwrap_or_default();
    let kind = || {
        let keys = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        keys.filter(|key| *key != "update_id").collect::<Vec<_>>().join(" ")
    };
    let other = || Inbound {
        id: format!("u:{id}"),
        from: None,
        name: String::new(),
        chat: String::new(),
        direct: false,
        at: now,
        said: Said::Other { kind: kind().chars().take(NAME_LEN_MAX).collect() },
    };
    let readable = match u32::try_from(id) {
        Ok(_) => value.to_string(),
        // Only its number is more than teloxide takes.
        Err(_) => {
            let mut value = value.clone();
            value["update_id"] = 0.into();
            value.to_string()
        }
    };
    // From a text: teloxide reads the kind of an update from borrowed keys only.
    let update = match serde_json::from_str::<Update>(&readable) {
        Ok(update) => update,
        Err(error) => {
            tracing::warn!(update.id = id, update.kind = kind(), %error, "telegram.update_not_understood");
            return Heard { inbound: other(), press: None };
        }
    };
    match update.kind {
        UpdateKind::Message(message) => {
            Heard { inbound: text(id, &message, bot, false).unwrap_or_else(other), press: None }
        }
        UpdateKind::EditedMessage(message) => {
            Heard { inbound: text(id, &message, bot, true).unwrap_or_else(other), press: None }
        }
        UpdateKind::CallbackQuery(query) => {
            Heard { inbound: press(id, &query, now).unwrap_or_else(other), press: Some(query.id.0) }
        }
        UpdateKind::MessageReaction(change) => {
            Heard { inbound: reaction(id, &change).unwrap_or_else(other), press: None }
        }
        _ => Heard { inbound: other(), press: None },
    }
}

fn principal(user: &User) -> Option<Principal> {
    let somebody = !user.is_bot && !NOBODY.contains(&user.id.0);
    somebody.then(|| Principal::new(Channel::Telegram, user.id.0.to_string()))
}

fn name(user: Option<&User>) -> String {
    user.map(User::full_name).unwrap_or_default().chars().take(NAME_LEN_MAX).collect()
}

fn text(id: i64, message: &Message, bot: &Bot, edited: bool) -> Option<Inbound> {
    let words = message.text().or_else(|| message.caption())?;
    let entities = message.entities().or_else(|| message.caption_entities()).unwrap_or_default();
    let topic = message.thread_id.filter(|_| message.is_topic_message);
    // In a topic everything replies to the message that opened it; that is no reply.
    let replied = message.reply_to_message().filter(|replied| topic.is_none_or(|topic| topic.0 != replied.id));
    let to_us = replied.is_some_and(|replied| replied.from.as_ref().is_some_and(|from| from.id.0 == bot.id));
    let (spoken, named) = without_our_name(words, entities, bot);
    let direct = message.chat.is_private();
    // Whoever speaks in the name of a chat proves nothing about themselves.
    let user = message.from.as_ref().filter(|_| message.sender_chat.is_none());
    Some(Inbound {
        id: format!("u:{id}"),
        from: user.and_then(principal),
        name: name(message.from.as_ref()),
        chat: Address::name(message.chat.id, topic),
        direct,
        at: Timestamp::from_secs(message.date.timestamp()),
        said: Said::Text {
            text: spoken,
            message: message.id.0.to_string(),
            reply_to: replied.map(|replied| replied.id.0.to_string()),
            addressed: direct || named || to_us,
            // What another bot offered to say was not typed by them either.
            forwarded: message.forward_origin().is_some() || message.via_bot.is_some(),
            edited,
        },
    })
}

/// The words without `@us` at their beginning and in a command, and whether we were named at all.
fn without_our_name(words: &str, entities: &[MessageEntity], bot: &Bot) -> (String, bool) {
    let units: Vec<u16> = words.encode_utf16().collect();
    let part = |entity: &MessageEntity| {
        let range = units.get(entity.offset..entity.offset + entity.length)?;
        String::from_utf16(range).ok()
    };
    let ours = format!("@{}", bot.username);
    let is_ours = |text: &str| bot.username.len() > 1 && text.to_lowercase() == ours;
    let mut named = false;
    let mut spoken = words.to_owned();
    for entity in entities {
        let Some(text) = part(entity) else { continue };
        match &entity.kind {
            MessageEntityKind::Mention if is_ours(&text) => {
                named = true;
                if entity.offset == 0 {
                    spoken = words[text.len()..].trim_start_matches([' ', ',', ':']).to_owned();
                }
            }
            MessageEntityKind::BotCommand => {
                let name = text.find('@').map(|at| (at, &text[at..])).filter(|(_, name)| is_ours(name));
                if let (Some((at, _)), 0) = (name, entity.offset) {
                    named = true;
                    spoken = format!("{}{}", &text[..at], &words[text.len()..]);
                }
            }
            MessageEntityKind::TextMention { user } if user.id.0 == bot.id => named = true,
            _ => {}
        }
    }
    (spoken, named)
}

fn press(id: i64, query: &CallbackQuery, now: Timestamp) -> Option<Inbound> {
    let message = query.message.as_ref()?;
    let topic = message.regular_message().and_then(|message| message.thread_id.filter(|_| message.is_topic_message));
    Some(Inbound {
        id: format!("u:{id}"),
        from: principal(&query.from),
        name: name(Some(&query.from)),
        chat: Address::name(message.chat().id, topic),
        direct: message.chat().is_private(),
        // Telegram does not say when.
        at: now,
        said: Said::Press { reference: query.data.clone()?, message: Some(message.id().0.to_string()), note: None },
    })
}

/// 👍 and 👎 say something of use; other reactions are none of ours.
fn reaction(id: i64, change: &MessageReactionUpdated) -> Option<Inbound> {
    let useful = |reactions: &[ReactionType]| {
        reactions.iter().find_map(|reaction| match reaction {
            ReactionType::Emoji { emoji } if emoji == "👍" => Some(true),
            ReactionType::Emoji { emoji } if emoji == "👎" => Some(false),
            _ => None,
        })
    };
    let (old, new) = (useful(&change.old_reaction), useful(&change.new_reaction));
    let user = change.user()?;
    if old == new {
        return None;
    }
    Some(Inbound {
        id: format!("u:{id}"),
        from: principal(user),
        name: name(Some(user)),
        chat: Address::name(change.chat.id, None),
        direct: change.chat.is_private(),
        at: Timestamp::from_secs(change.date.timestamp()),
        said: Said::Reaction { message: change.message_id.0.to_string(), useful: new },
    })
}

#[cfg(test)]
mod tests;
