//! Interactions: a slash command, a press, a submitted modal; answered once within three seconds, then followed up.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::messages::{EPHEMERAL, fill};
use super::multipart::File;
use super::{Desk, Interaction, Said, forms};

/// The time for the first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// The time a token lives.
const TOKEN_LIFE: Duration = Duration::from_secs(900);
const LOADING: u64 = 1 << 7;

impl Desk {
    /// The first answer to an interaction.
    pub(super) fn answer(&mut self, id: u64, token: &str, body: &Value, files: &[File]) -> Result<(), Refusal> {
        let one = self.interactions.get(&id).filter(|one| one.token == token).ok_or(Refusal::UnknownInteraction)?;
        if one.answered.is_some() {
            return Err(Refusal::Acknowledged);
        }
        if one.since.elapsed() >= FIRST_ANSWER {
            return Err(Refusal::UnknownInteraction);
        }
        let one = one.clone();
        let kind = body["type"].as_u64().unwrap_or(0);
        let data = &body["data"];
        let on_message = one.kind == 3 || (one.kind == 5 && one.message.is_some());
        match kind {
            4 => {
                forms::message(data, files)?;
                let message = self.speak(&one, data, files);
                self.note(id, |one| one.original = Some(message));
            }
            5 => {
                let private = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
                let waiting = json!({"content": "", "flags": LOADING | if private { EPHEMERAL } else { 0 }});
                let message = self.speak(&one, &waiting, &[]);
                self.note(id, |one| (one.original, one.private) = (Some(message), private));
            }
            6 if on_message => self.note(id, |one| one.original = one.message),
            7 if on_message => {
                forms::fits(data)?;
                self.note(id, |one| one.original = one.message);
                if let Some(message) = one.message {
                    self.edit(one.room, message, data, files)?;
                }
            }
            9 if one.kind != 5 => {
                forms::modal(data)?;
                self.note(id, |one| one.modal = Some(data.clone()));
            }
            _ => {
                let words = "Value must be one of {4, 5, 6, 7, 9, 10, 12}.".to_owned();
                return Err(Refusal::Form("type", "BASE_TYPE_CHOICES", words));
            }
        }
        self.note(id, |one| one.answered = Some(kind));
        Ok(())
    }

    fn note(&mut self, id: u64, change: impl FnOnce(&mut Interaction)) {
        if let Some(one) = self.interactions.get_mut(&id) {
            change(one);
        }
    }

    /// A message in the room of an interaction, for one person alone if its flags say so.
    fn speak(&mut self, one: &Interaction, data: &Value, files: &[File]) -> u64 {
        let id = self.next_id();
        let mut said = Said::new(id, self.bot, self.now_ms, "");
        fill(&mut said, data, files, self);
        said.only_for = (said.flags & EPHEMERAL != 0).then_some(one.by);
        said.interaction = Some(one.id);
        self.push(one.room, said);
        id
    }

    fn by_token(&self, application: u64, token: &str) -> Result<Interaction, Refusal> {
        if application != self.bot {
            return Err(Refusal::UnknownWebhook);
        }
        let one = self.interactions.values().find(|one| one.token == token).ok_or(Refusal::UnknownWebhook)?;
        if one.since.elapsed() >= TOKEN_LIFE {
            return Err(Refusal::BadWebhookToken);
        }
        Ok(one.clone())
    }

    /// One more message after the first answer.
    pub(super) fn follow_up(
        &mut self,
        application: u64,
        token: &str,
        body: &Value,
        files: &[File],
    ) -> Result<Value, Refusal> {
        let one = self.by_token(application, token)?;
        if one.answered.is_none() {
            return Err(Refusal::UnknownWebhook);
        }
        forms::message(body, files)?;
        // The first follow-up to a deferred answer takes its place, and its privacy.
        let waiting = one.original.filter(|id| self.said(one.room, *id).is_some_and(|said| said.flags & LOADING != 0));
        if let Some(original) = waiting {
            return self.fill_original(&one, original, body, files);
        }
        let id = self.speak(&one, body, files);
        self.message(one.room, id)
    }

    /// The message that answers an interaction, edited.
    pub(super) fn edit_original(
        &mut self,
        application: u64,
        token: &str,
        which: &str,
        body: &Value,
        files: &[File],
    ) -> Result<Value, Refusal> {
        let one = self.by_token(application, token)?;
        forms::fits(body)?;
        let id = match which {
            "@original" => one.original,
            id => id.parse().ok(),
        };
        self.fill_original(&one, id.ok_or(Refusal::UnknownMessage)?, body, files)
    }

    fn fill_original(&mut self, one: &Interaction, id: u64, body: &Value, files: &[File]) -> Result<Value, Refusal> {
        let mut said = self.said(one.room, id).ok_or(Refusal::UnknownMessage)?.clone();
        fill(&mut said, body, files, self);
        said.flags &= !LOADING;
        said.edited_ms = Some(self.now_ms);
        let shown = said.only_for.is_none();
        if let Some(place) = self.said_mut(one.room, id) {
            *place = said;
        }
        if shown {
            self.tell_message(one.room, id, "MESSAGE_UPDATE");
        }
        self.message(one.room, id)
    }

    pub(super) fn original(&self, application: u64, token: &str) -> Result<Value, Refusal> {
        let one = self.by_token(application, token)?;
        self.message(one.room, one.original.ok_or(Refusal::UnknownMessage)?)
    }

    pub(super) fn delete_original(&mut self, application: u64, token: &str) -> Result<(), Refusal> {
        let one = self.by_token(application, token)?;
        let id = one.original.ok_or(Refusal::UnknownMessage)?;
        if let Some(room) = self.rooms.get_mut(&one.room) {
            room.said.retain(|said| said.id != id);
        }
        Ok(())
    }
}
