//! What people do: they speak, edit, react, type commands, press buttons and fill in modals.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Desk, Interaction, Person, Said};

/// Something a person says.
#[derive(Debug, Clone, Default)]
pub(super) struct Speech {
    pub(super) text: String,
    pub(super) reply_to: Option<u64>,
    pub(super) forwarded: bool,
    pub(super) webhook: bool,
}

impl Desk {
    /// Makes a person known, by another name if they have one already.
    pub(super) fn meet(&mut self, id: u64, name: Option<&str>, bot: bool) {
        let known = self.people.entry(id).or_insert_with(|| Person { id, name: format!("user{id}"), bot });
        known.bot |= bot;
        if let Some(name) = name {
            known.name = name.to_owned();
        }
    }

    /// A person says something; the message's id.
    pub(super) fn person_says(&mut self, room: u64, by: u64, speech: Speech) -> u64 {
        let id = self.next_id();
        let mut said = Said::new(id, by, self.now_ms, if speech.forwarded { "" } else { &speech.text });
        said.reply_to = speech.reply_to;
        said.webhook = speech.webhook;
        said.snapshot = speech.forwarded.then_some(speech.text);
        self.push(room, said);
        id
    }

    /// A person edits what they said.
    pub(super) fn person_edits(&mut self, room: u64, message: u64, text: &str) -> bool {
        let now_ms = self.now_ms;
        let Some(said) = self.said_mut(room, message) else { return false };
        text.clone_into(&mut said.content);
        said.edited_ms = Some(now_ms);
        self.tell_message(room, message, "MESSAGE_UPDATE");
        true
    }

    /// A person puts an emoji on a message, or takes it off.
    pub(super) fn person_reacts(&mut self, room: u64, by: u64, message: u64, emoji: &str, off: bool) -> bool {
        let Some(said) = self.said_mut(room, message) else { return false };
        let one = (by, emoji.to_owned());
        said.reactions.retain(|other| *other != one);
        if !off {
            said.reactions.push(one);
        }
        let author = said.by.to_string();
        let mut event = json!({
            "user_id": by.to_string(), "channel_id": room.to_string(), "message_id": message.to_string(), "burst": false,
            "emoji": {"id": null, "name": emoji}, "type": 0, "message_author_id": author,
        });
        if self.rooms.get(&room).is_some_and(|room| room.with.is_none()) {
            event["guild_id"] = json!(self.guild.to_string());
            event["member"] = self.member(Some(&self.person(by)));
        }
        self.tell_room(room, if off { "MESSAGE_REACTION_REMOVE" } else { "MESSAGE_REACTION_ADD" }, event);
        true
    }

    fn interact(&mut self, kind: u64, room: u64, by: u64, data: Value, message: Option<u64>) -> u64 {
        let id = self.next_id();
        // Long and hard to guess, as the real ones.
        let token = format!("aW50ZXJhY3Rpb24{id:x}{:x}", self.next_id().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let one = Interaction {
            id,
            token,
            kind,
            room,
            by,
            data,
            message,
            since: Instant::now(),
            answered: None,
            original: None,
            modal: None,
            private: false,
        };
        let event = self.interaction_value(&one);
        self.interactions.insert(id, one);
        self.tell_all("INTERACTION_CREATE", &event);
        id
    }

    /// A person types a command that the bot registered; its number, or why it cannot be typed.
    pub(super) fn person_commands(
        &mut self,
        room: u64,
        by: u64,
        name: &str,
        given: &[(String, Value)],
    ) -> Result<u64, String> {
        let command = self.commands.iter().find(|command| command["name"] == name);
        let command = command.ok_or_else(|| format!("the bot has no command {name:?}"))?.clone();
        let known = command["options"].as_array().cloned().unwrap_or_default();
        let mut options = Vec::new();
        for (key, value) in given {
            let option = known.iter().find(|option| option["name"] == **key);
            let option = option.ok_or_else(|| format!("the command {name:?} has no option {key:?}"))?;
            let choices = option["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !choices.is_empty() && !choices.iter().any(|choice| choice["value"] == *value) {
                return Err(format!("{value} is not among the choices of {key:?}"));
            }
            options.push(json!({"name": key, "type": option["type"], "value": value}));
        }
        let missing = |option: &&Value| {
            option["required"] == true && !given.iter().any(|(key, _)| option["name"] == *key.as_str())
        };
        if let Some(option) = known.iter().find(missing) {
            return Err(format!("the command {name:?} needs the option {}", option["name"]));
        }
        let data = json!({"id": command["id"], "name": name, "type": 1, "options": options});
        Ok(self.interact(2, room, by, data, None))
    }

    /// A person presses a button by what it says or by its id.
    pub(super) fn person_presses(&mut self, room: u64, by: u64, message: u64, button: &str) -> Result<u64, String> {
        let said = self.said(room, message).ok_or("there is no such message")?;
        let all = said.components.as_array().into_iter().flatten();
        let mut all = all.flat_map(|row| row["components"].as_array().into_iter().flatten());
        let found = all.find(|one| one["label"] == button || one["custom_id"] == button);
        let found = found.ok_or_else(|| format!("the message has no button {button:?}"))?;
        if found["disabled"] == true {
            return Err(format!("the button {button:?} is disabled"));
        }
        let data = json!({"custom_id": found["custom_id"], "component_type": 2});
        Ok(self.interact(3, room, by, data, Some(message)))
    }

    /// A person fills in the modal that an interaction opened, the fields in their order.
    pub(super) fn person_submits(&mut self, interaction: u64, fields: &[String]) -> Result<u64, String> {
        let one = self.interactions.get(&interaction).ok_or("there is no such interaction")?.clone();
        let modal = one.modal.ok_or("the interaction opened no modal")?;
        let mut given = fields.iter();
        let rows = modal["components"].as_array().into_iter().flatten().map(|row| {
            let inputs = row["components"].as_array().into_iter().flatten().map(|input| {
                json!({"type": 4, "custom_id": input["custom_id"], "value": given.next().cloned().unwrap_or_default()})
            });
            json!({"type": 1, "components": inputs.collect::<Vec<_>>()})
        });
        let data = json!({"custom_id": modal["custom_id"], "components": rows.collect::<Vec<_>>()});
        Ok(self.interact(5, one.room, one.by, data, one.message))
    }
}
