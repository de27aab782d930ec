//! Messages: said, edited, taken back, read.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::Refusal;
use super::multipart::File;
use super::render::mentioned;
use super::{Desk, Said, forms};

/// How long a nonce keeps a message from being said again.
const NONCE_FOR: Duration = Duration::from_secs(300);
/// Flag: no previews of links.
pub(super) const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Flag: one person alone sees it.
pub(super) const EPHEMERAL: u64 = 1 << 6;

impl Desk {
    /// Whether the bot may see and speak in a room.
    pub(super) fn open(&self, room: u64) -> Result<(), Refusal> {
        let room = self.rooms.get(&room).ok_or(Refusal::UnknownChannel)?;
        match (room.closed, room.with) {
            (false, _) => Ok(()),
            (true, Some(_)) => Err(Refusal::NotReachable),
            (true, None) => Err(Refusal::MissingAccess),
        }
    }

    /// The bot says something; a nonce that was used a moment ago brings back what was said with it.
    pub(super) fn say(&mut self, room: u64, body: &Value, files: &[File]) -> Result<Value, Refusal> {
        self.open(room)?;
        forms::message(body, files)?;
        let nonce = body["nonce"].as_str().map(str::to_owned).or_else(|| body["nonce"].as_u64().map(|n| n.to_string()));
        let key = nonce.filter(|_| body["enforce_nonce"] == true).map(|nonce| (room, nonce));
        let now = Instant::now();
        self.nonces.retain(|_, (_, since)| now - *since < NONCE_FOR);
        if let Some((id, _)) = key.as_ref().and_then(|key| self.nonces.get(key)) {
            return self.message(room, *id);
        }
        let reply_to = self.answered(room, body)?;
        let id = self.next_id();
        let mut said = Said::new(id, self.bot, self.now_ms, "");
        said.reply_to = reply_to;
        said.nonce = body.get("nonce").filter(|nonce| !nonce.is_null()).cloned();
        fill(&mut said, body, files, self);
        said.pings = pings(body);
        self.push(room, said);
        if let Some(key) = key {
            self.nonces.insert(key, (id, now));
        }
        self.message(room, id)
    }

    /// The message that a body answers.
    fn answered(&self, room: u64, body: &Value) -> Result<Option<u64>, Refusal> {
        let reference = &body["message_reference"];
        let Some(id) = reference["message_id"].as_str().and_then(|id| id.parse().ok()) else { return Ok(None) };
        if self.said(room, id).is_some() {
            return Ok(Some(id));
        }
        if reference["fail_if_not_exists"] == false {
            return Ok(None);
        }
        Err(Refusal::Form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message".to_owned()))
    }

    /// Puts a message into its room and tells whoever listens.
    pub(super) fn push(&mut self, room: u64, said: Said) {
        let Some(place) = self.rooms.get_mut(&room) else { return };
        let hidden = said.only_for.is_some();
        let id = said.id;
        place.said.push(said);
        if !hidden {
            self.tell_message(room, id, "MESSAGE_CREATE");
        }
    }

    /// One message.
    pub(super) fn message(&self, room: u64, id: u64) -> Result<Value, Refusal> {
        let place = self.rooms.get(&room).ok_or(Refusal::UnknownChannel)?;
        let said = place.said.iter().find(|said| said.id == id).ok_or(Refusal::UnknownMessage)?;
        Ok(self.message_value(place, said))
    }

    /// The messages of a room, newest first.
    pub(super) fn messages(&self, room: u64, query: &[(String, String)]) -> Result<Value, Refusal> {
        self.open(room)?;
        let place = self.rooms.get(&room).ok_or(Refusal::UnknownChannel)?;
        let number =
            |name: &str| query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u64>().ok());
        let limit = number("limit").unwrap_or(50);
        if !(1..=100).contains(&limit) {
            let words = "int value should be between 1 and 100.".to_owned();
            return Err(Refusal::Form("limit", "NUMBER_TYPE_MAX", words));
        }
        let fits = |said: &&Said| {
            said.only_for.is_none()
                && number("after").is_none_or(|id| said.id > id)
                && number("before").is_none_or(|id| said.id < id)
        };
        let mut found: Vec<&Said> = place.said.iter().filter(fits).collect();
        if number("after").is_some() {
            found.truncate(limit as usize);
            found.reverse();
        } else {
            found.reverse();
            found.truncate(limit as usize);
        }
        Ok(found.into_iter().map(|said| self.message_value(place, said)).collect())
    }

    /// The bot edits one of its messages: what a body names is replaced, the rest stays.
    pub(super) fn edit(&mut self, room: u64, id: u64, body: &Value, files: &[File]) -> Result<Value, Refusal> {
        self.open(room)?;
        forms::fits(body)?;
        let (bot, now_ms) = (self.bot, self.now_ms);
        let mut said = self.said(room, id).ok_or(Refusal::UnknownMessage)?.clone();
        if said.by != bot {
            return Err(Refusal::NotTheAuthor);
        }
        fill(&mut said, body, files, self);
        if said.content.trim().is_empty() && said.attachments.is_empty() && said.embeds == json!([]) {
            return Err(Refusal::Empty);
        }
        said.edited_ms = Some(now_ms);
        if let Some(place) = self.said_mut(room, id) {
            *place = said;
        }
        self.tell_message(room, id, "MESSAGE_UPDATE");
        self.message(room, id)
    }

    pub(super) fn delete(&mut self, room: u64, id: u64) -> Result<(), Refusal> {
        self.open(room)?;
        self.said(room, id).ok_or(Refusal::UnknownMessage)?;
        if let Some(place) = self.rooms.get_mut(&room) {
            place.said.retain(|said| said.id != id);
        }
        let guild = self.rooms.get(&room).is_some_and(|room| room.with.is_none()).then(|| self.guild.to_string());
        let event = json!({"id": id.to_string(), "channel_id": room.to_string(), "guild_id": guild});
        self.tell_room(room, "MESSAGE_DELETE", event);
        Ok(())
    }
}

/// Puts what a body names into a message.
pub(super) fn fill(said: &mut Said, body: &Value, files: &[File], desk: &mut Desk) {
    if let Some(content) = body.get("content") {
        said.content = content.as_str().unwrap_or_default().to_owned();
    }
    for (key, field) in [("components", &mut said.components), ("embeds", &mut said.embeds)] {
        if let Some(list) = body.get(key) {
            *field = if list.is_null() { json!([]) } else { list.clone() };
        }
    }
    if let Some(flags) = body["flags"].as_u64() {
        said.flags = flags;
    }
    if let Some(kept) = body.get("attachments").and_then(Value::as_array) {
        let ids: Vec<&str> = kept.iter().filter_map(|one| one["id"].as_str()).collect();
        said.attachments.retain(|one| one["id"].as_str().is_some_and(|id| ids.contains(&id)));
    }
    for file in files {
        let number = file.field.trim_start_matches("files[").trim_end_matches(']');
        let told = body["attachments"].as_array().into_iter().flatten().find(|one| {
            one["id"].as_str() == Some(number) || one["id"].as_u64().is_some_and(|id| id.to_string() == number)
        });
        let description = told.map_or(Value::Null, |told| told["description"].clone());
        let id = desk.next_id();
        said.attachments.push(json!({
            "id": id.to_string(), "filename": file.name, "size": file.bytes.len(), "content_type": file.kind,
            "url": format!("https://cdn.invalid/{id}/{}", file.name), "description": description,
            "proxy_url": format!("https://media.invalid/{id}/{}", file.name), "ephemeral": false,
        }));
    }
}

/// Who is notified by a message of the bot's: what its text names, unless `allowed_mentions` says otherwise.
fn pings(body: &Value) -> Vec<String> {
    let content = body["content"].as_str().unwrap_or_default();
    let allowed = &body["allowed_mentions"];
    let may = |kind: &str| match allowed.get("parse") {
        _ if allowed.is_null() => true,
        Some(parse) => parse.as_array().is_some_and(|list| list.iter().any(|one| one == kind)),
        None => false,
    };
    let mut found = Vec::new();
    if may("users") {
        found.extend(mentioned(content).into_iter().map(|id| id.to_string()));
    }
    if may("everyone") && (content.contains("@everyone") || content.contains("@here")) {
        found.push("everyone".to_owned());
    }
    found
}
