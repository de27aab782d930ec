//! Discord's JSON: messages, people, channels, interactions. Everything a strict client asks for is there.

use serde_json::{Value, json};

use super::{Desk, Interaction, Person, Room, Said};
use crate::time::utc;

/// A file of 25 MB may be uploaded.
const ATTACHMENT_BYTES_MAX: u64 = 26_214_400;
/// All of a member's permissions here.
const PERMISSIONS: &str = "2222085186636352";

/// An instant as Discord writes it.
pub(super) fn instant(ms: i64) -> String {
    utc(ms).format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

pub(super) fn user(person: &Person) -> Value {
    json!({
        "id": person.id.to_string(), "username": person.name, "global_name": person.name, "discriminator": "0",
        "avatar": null, "bot": person.bot, "system": false, "banner": null, "accent_color": null, "public_flags": 0,
        "avatar_decoration_data": null, "collectibles": null, "primary_guild": null,
    })
}

impl Desk {
    pub(super) fn bot_user(&self) -> Value {
        let mut value = user(&self.person(self.bot));
        for (key, field) in
            [("mfa_enabled", json!(true)), ("verified", json!(true)), ("email", Value::Null), ("flags", json!(0))]
        {
            value[key] = field;
        }
        value
    }

    /// A member of the guild; in messages without the person, in interactions with.
    pub(super) fn member(&self, person: Option<&Person>) -> Value {
        let mut member = json!({
            "roles": [], "joined_at": instant(super::EPOCH_MS), "nick": null, "avatar": null, "banner": null,
            "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
            "communication_disabled_until": null,
        });
        if let Some(person) = person {
            member["user"] = user(person);
            member["permissions"] = json!(PERMISSIONS);
            member["guild_id"] = json!(self.guild.to_string());
        }
        member
    }

    pub(super) fn room_value(&self, room: &Room) -> Value {
        let last = room.said.last().map(|said| said.id.to_string());
        match room.with {
            Some(with) => json!({
                "id": room.id.to_string(), "type": 1, "last_message_id": last, "flags": 0,
                "recipients": [user(&self.person(with))],
            }),
            None => json!({
                "id": room.id.to_string(), "type": 0, "last_message_id": last, "flags": 0, "name": room.name,
                "guild_id": self.guild.to_string(), "position": 0, "permission_overwrites": [], "nsfw": false,
                "parent_id": null, "topic": null, "rate_limit_per_user": 0,
            }),
        }
    }

    pub(super) fn guild_value(&self) -> Value {
        let rooms: Vec<Value> =
            self.rooms.values().filter(|room| room.with.is_none()).map(|room| self.room_value(room)).collect();
        let mut guild = json!({
            "id": self.guild.to_string(), "name": "acme", "icon": null, "splash": null, "discovery_splash": null,
            "owner_id": self.bot.to_string(), "afk_channel_id": null, "afk_timeout": 300, "verification_level": 0,
            "default_message_notifications": 1, "explicit_content_filter": 0, "roles": [], "emojis": [],
            "features": [], "mfa_level": 0, "application_id": null, "system_channel_id": null,
            "system_channel_flags": 0, "rules_channel_id": null, "vanity_url_code": null, "description": null,
            "banner": null, "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
        });
        let more = json!({
            "public_updates_channel_id": null, "nsfw_level": 0, "premium_progress_bar_enabled": false, "stickers": [],
            "joined_at": instant(super::EPOCH_MS), "large": false, "unavailable": false, "member_count": 2,
            "voice_states": [], "members": [self.member(Some(&self.person(self.bot)))], "channels": rooms,
            "threads": [], "presences": [], "stage_instances": [], "guild_scheduled_events": [],
            "safety_alerts_channel_id": null, "max_members": 500_000,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            guild[key] = value.clone();
        }
        guild
    }

    /// A message as a request for it is answered.
    pub(super) fn message_value(&self, room: &Room, said: &Said) -> Value {
        let mentions: Vec<Value> = mentioned(&said.content).into_iter().map(|id| user(&self.person(id))).collect();
        let mut value = json!({
            "id": said.id.to_string(), "channel_id": room.id.to_string(), "type": if said.reply_to.is_some() { 19 } else { 0 },
            "author": user(&self.person(said.by)), "content": said.content, "timestamp": instant(said.at_ms),
            "edited_timestamp": said.edited_ms.map(instant), "tts": false, "pinned": false, "flags": said.flags,
            "mention_everyone": said.pings.iter().any(|ping| ping == "everyone"), "mentions": mentions,
            "mention_roles": [], "attachments": said.attachments, "embeds": said.embeds,
            "components": said.components, "reactions": self.reactions(said),
        });
        if let Some(nonce) = &said.nonce {
            value["nonce"] = nonce.clone();
        }
        if said.webhook {
            value["webhook_id"] = json!(said.by.to_string());
        }
        if let Some(answered) = said.reply_to {
            value["message_reference"] = self.reference(room, 0, answered);
            let full = room.said.iter().find(|other| other.id == answered && other.reply_to.is_none());
            value["referenced_message"] = full.map_or(Value::Null, |full| self.message_value(room, full));
        }
        if let Some(text) = &said.snapshot {
            value["message_reference"] = self.reference(room, 1, said.id);
            value["message_snapshots"] = json!([{"message": {
                "content": text, "timestamp": instant(said.at_ms), "edited_timestamp": null, "flags": 0, "type": 0,
                "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [],
            }}]);
        }
        value
    }

    fn reference(&self, room: &Room, kind: u64, message: u64) -> Value {
        let guild = room.with.is_none().then(|| self.guild.to_string());
        json!({"type": kind, "message_id": message.to_string(), "channel_id": room.id.to_string(), "guild_id": guild})
    }

    fn reactions(&self, said: &Said) -> Vec<Value> {
        let mut names: Vec<&String> = said.reactions.iter().map(|(_, emoji)| emoji).collect();
        names.sort_unstable();
        names.dedup();
        let count = |emoji: &String| said.reactions.iter().filter(|(_, other)| other == emoji).count();
        let one = |emoji: &String| {
            let count = count(emoji);
            json!({
                "emoji": {"id": null, "name": emoji}, "count": count, "count_details": {"burst": 0, "normal": count},
                "me": false, "me_burst": false, "burst_colors": [],
            })
        };
        names.into_iter().map(one).collect()
    }

    /// A message as an event tells it: with the guild and the member where there is one.
    pub(super) fn message_event(&self, room: &Room, said: &Said) -> Value {
        let mut value = self.message_value(room, said);
        if room.with.is_none() {
            value["guild_id"] = json!(self.guild.to_string());
            if !said.webhook {
                value["member"] = self.member(None);
            }
        }
        value
    }

    /// An interaction as an event tells it.
    pub(super) fn interaction_value(&self, one: &Interaction) -> Value {
        let person = self.person(one.by);
        let room = self.rooms.get(&one.room);
        let direct = room.is_some_and(|room| room.with.is_some());
        let mut value = json!({
            "id": one.id.to_string(), "application_id": self.bot.to_string(), "type": one.kind, "version": 1,
            "token": one.token, "channel_id": one.room.to_string(), "data": one.data, "locale": "en-US",
            "app_permissions": PERMISSIONS, "entitlements": [], "attachment_size_limit": ATTACHMENT_BYTES_MAX,
            "authorizing_integration_owners": {}, "context": if direct { 1 } else { 0 },
            "channel": room.map(|room| self.room_value(room)),
        });
        if direct {
            value["user"] = user(&person);
        } else {
            value["member"] = self.member(Some(&person));
            value["guild_id"] = json!(self.guild.to_string());
            value["guild_locale"] = json!("en-US");
        }
        let shown = one.message.and_then(|id| Some(self.message_value(room?, self.said(one.room, id)?)));
        if let Some(message) = shown {
            value["message"] = message;
        }
        value
    }
}

/// Whom a text names.
pub(super) fn mentioned(content: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for piece in content.split("<@").skip(1) {
        let id = piece.split('>').next().map(|id| id.trim_start_matches('!'));
        let id = id.filter(|_| piece.contains('>')).and_then(|id| id.parse().ok());
        if let Some(id) = id.filter(|id| !found.contains(id)) {
            found.push(id);
        }
    }
    found
}
