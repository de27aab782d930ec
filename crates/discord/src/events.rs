//! Discord's events as what was said.

use serde_json::Value;
use serenity::all::{Interaction, Message, MessageType, Reaction, ReactionType};
use wakeman_types::{Channel, Inbound, Principal, Said, Timestamp};

use crate::interactions;

/// Milliseconds between the Unix epoch and Discord's.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// Events that are of no use here.
const IDLE: &[&str] = &[
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "CHANNEL_PINS_UPDATE",
    "THREAD_CREATE",
    "THREAD_UPDATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
    "THREAD_MEMBER_UPDATE",
    "THREAD_MEMBERS_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "MESSAGE_REACTION_REMOVE_ALL",
    "MESSAGE_REACTION_REMOVE_EMOJI",
    "TYPING_START",
    "PRESENCE_UPDATE",
    "USER_UPDATE",
    "GUILD_MEMBER_ADD",
    "GUILD_MEMBER_UPDATE",
    "GUILD_MEMBER_REMOVE",
    "GUILD_EMOJIS_UPDATE",
    "GUILD_STICKERS_UPDATE",
    "GUILD_INTEGRATIONS_UPDATE",
    "INTEGRATION_CREATE",
    "INTEGRATION_UPDATE",
    "INTEGRATION_DELETE",
    "STAGE_INSTANCE_CREATE",
    "STAGE_INSTANCE_UPDATE",
    "STAGE_INSTANCE_DELETE",
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "GUILD_AUDIT_LOG_ENTRY_CREATE",
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE",
    "GUILD_SOUNDBOARD_SOUND_CREATE",
    "GUILD_SOUNDBOARD_SOUND_UPDATE",
    "GUILD_SOUNDBOARD_SOUND_DELETE",
    "VOICE_CHANNEL_STATUS_UPDATE",
    "CHANNEL_TOPIC_UPDATE",
];

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) channel: u64,
    pub(crate) message: u64,
    /// Whom we are alone with there.
    pub(crate) with: Option<u64>,
}

/// What an event comes to.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) inbound: Option<Inbound>,
    pub(crate) place: Option<Place>,
}

/// What an event is read with.
pub(crate) struct Reader<'a> {
    /// The bot.
    pub(crate) me: u64,
    pub(crate) now: Timestamp,
    pub(crate) session: &'a str,
    pub(crate) seq: u64,
}

/// The instant in an id.
pub(crate) fn instant(id: u64) -> Timestamp {
    Timestamp::from_ms(i64::try_from(id >> 22).unwrap_or(0) + EPOCH_MS)
}

impl Reader<'_> {
    /// Reads an event; what is not understood is kept as that, never dropped without a word.
    pub(crate) fn read(&self, kind: &str, data: Value) -> Heard {
        match kind {
            "MESSAGE_CREATE" => self.parsed(kind, data, |message| self.message(&message, None)),
            // Links that got a preview are no edit.
            "MESSAGE_UPDATE" if data["edited_timestamp"].is_null() => Heard::default(),
            "MESSAGE_UPDATE" => self.parsed(kind, data, |message: Message| {
                let edited = message.edited_timestamp.map_or(0, |at| at.timestamp_millis());
                self.message(&message, Some(edited))
            }),
            "MESSAGE_REACTION_ADD" => self.parsed(kind, data, |one| self.reaction(&one, true)),
            "MESSAGE_REACTION_REMOVE" => self.parsed(kind, data, |one| self.reaction(&one, false)),
            "INTERACTION_CREATE" => self.parsed(kind, data, |one| self.interaction(&one)),
            kind if IDLE.contains(&kind) || kind.starts_with("VOICE_") => Heard::default(),
            kind => {
                tracing::info!(kind, "discord: an event that is not known");
                Heard::default()
            }
        }
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, kind: &str, data: Value, read: impl FnOnce(T) -> Heard) -> Heard {
        let channel = data["channel_id"].as_str().unwrap_or("unknown").to_owned();
        match serde_json::from_value(data) {
            Ok(value) => read(value),
            Err(error) => {
                tracing::warn!(kind, %error, "discord: an event was not understood");
                let id = format!("x:{}:{}", self.session, self.seq);
                let said = Said::Other { kind: format!("{kind}, not understood") };
                let (name, chat) = (String::new(), channel);
                let inbound = Inbound { id, from: None, name, chat, direct: false, at: self.now, said };
                Heard { inbound: Some(inbound), place: None }
            }
        }
    }

    /// A message; `edited`: when, if it was said differently before.
    pub(crate) fn message(&self, message: &Message, edited: Option<i64>) -> Heard {
        let (author, id, channel) = (message.author.id.get(), message.id.get(), message.channel_id.get());
        let place = Place { channel, message: id, with: None };
        if author == self.me {
            return Heard { inbound: None, place: Some(place) };
        }
        let direct = message.guild_id.is_none();
        let reply_to = message.message_reference.as_ref().filter(|_| message.message_snapshots.is_empty());
        let reply_to = reply_to.and_then(|reference| reference.message_id).map(|id| id.to_string());
        let to_us = message.referenced_message.as_ref().is_some_and(|answered| answered.author.id.get() == self.me);
        let named = message.mentions.iter().any(|user| user.id.get() == self.me);
        if !direct && !named && !to_us {
            // What others say to each other is not ours to keep, only how far we have heard.
            return Heard { inbound: None, place: Some(place) };
        }
        let person = !message.author.bot && message.webhook_id.is_none();
        let with = (direct && person).then_some(author);
        let forwarded = message.message_snapshots.first();
        let text = forwarded.map_or(message.content.as_str(), |snapshot| snapshot.content.as_str());
        let said = match (person, message.kind) {
            (false, _) => Said::Other { kind: "a bot's message".to_owned() },
            (true, MessageType::Regular | MessageType::InlineReply) => Said::Text {
                text: self.without_us(text),
                message: id.to_string(),
                reply_to,
                addressed: true,
                forwarded: forwarded.is_some(),
                edited: edited.is_some(),
            },
            (true, kind) => Said::Other { kind: format!("a message of kind {kind:?}") },
        };
        let inbound = Inbound {
            id: edited.map_or_else(|| format!("m:{id}"), |at| format!("e:{id}:{at}")),
            from: person.then(|| Principal::new(Channel::Discord, author.to_string())),
            name: message.author.global_name.clone().unwrap_or_else(|| message.author.name.clone()),
            chat: chat(channel, with),
            direct,
            at: instant(id),
            said,
        };
        Heard { inbound: Some(inbound), place: Some(Place { with, ..place }) }
    }

    /// A text without our name before it.
    fn without_us(&self, text: &str) -> String {
        let me = self.me;
        let bare = text.replace(&format!("<@{me}>"), " ").replace(&format!("<@!{me}>"), " ");
        if bare.len() == text.len() { text.to_owned() } else { bare.trim().to_owned() }
    }

    fn reaction(&self, one: &Reaction, on: bool) -> Heard {
        let Some(user) = one.user_id.map(|id| id.get()).filter(|id| *id != self.me) else { return Heard::default() };
        let ReactionType::Unicode(emoji) = &one.emoji else { return Heard::default() };
        // With or without a tone of skin.
        let useful = match emoji.chars().next() {
            Some('👍') => true,
            Some('👎') => false,
            _ => return Heard::default(),
        };
        let author = one.message_author_id.map_or(self.me, |id| id.get());
        let bot = one.member.as_ref().is_some_and(|member| member.user.bot);
        if author != self.me || bot {
            return Heard::default();
        }
        let direct = one.guild_id.is_none();
        let inbound = Inbound {
            // Put on, off and on again are three things; a session tells each once.
            id: format!("r:{}:{}", self.session, self.seq),
            from: Some(Principal::new(Channel::Discord, user.to_string())),
            name: one.member.as_ref().map(|member| member.user.name.clone()).unwrap_or_default(),
            chat: chat(one.channel_id.get(), direct.then_some(user)),
            direct,
            at: self.now,
            said: Said::Reaction { message: one.message_id.to_string(), useful: on.then_some(useful) },
        };
        Heard { inbound: Some(inbound), place: None }
    }

    fn interaction(&self, one: &Interaction) -> Heard {
        let (id, user, channel, direct) = match one {
            Interaction::Command(one) => (one.id, &one.user, one.channel_id, one.guild_id.is_none()),
            Interaction::Component(one) => (one.id, &one.user, one.channel_id, one.guild_id.is_none()),
            Interaction::Modal(one) => (one.id, &one.user, one.channel_id, one.guild_id.is_none()),
            _ => return Heard::default(),
        };
        let Some(said) = interactions::read(one).and_then(|done| done.said) else { return Heard::default() };
        let with = direct.then(|| user.id.get());
        let inbound = Inbound {
            id: format!("i:{id}"),
            from: (!user.bot).then(|| Principal::new(Channel::Discord, user.id.to_string())),
            name: user.global_name.clone().unwrap_or_else(|| user.name.clone()),
            chat: chat(channel.get(), with),
            direct,
            at: instant(id.get()),
            said,
        };
        let place = Place { channel: channel.get(), message: 0, with };
        Heard { inbound: Some(inbound), place: Some(place) }
    }
}

fn chat(channel: u64, with: Option<u64>) -> String {
    with.map_or_else(|| channel.to_string(), |user| format!("dm:{user}"))
}
