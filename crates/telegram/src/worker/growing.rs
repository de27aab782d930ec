//! A message that grows while an answer is written: sent once, edited from then on, at most once a second.

use std::sync::Arc;

use teloxide_core::payloads::{EditMessageText, EditMessageTextSetters};
use teloxide_core::types::MessageId;
use wakeman_present::telegram::TelegramText;
use wakeman_types::Channel;

use super::{Worker, locked};
use crate::api::CallError;
use crate::render::{entities, no_previews};

/// Between two edits, in milliseconds.
const EDIT_MS: i64 = 1_000;
/// Texts that grow in one chat at a time; the oldest gives way.
const GROWING_MAX: usize = 8;
/// After a call that did not get through, in milliseconds.
const PAUSE_MS: i64 = 2_000;

/// One text under way.
pub(super) struct Growing {
    key: String,
    reply_to: Option<String>,
    text: TelegramText,
    /// What Telegram shows.
    shown: TelegramText,
    reference: Option<MessageId>,
    /// It cannot be shown any more; what is owed in the end comes all the same.
    over: bool,
}

impl Growing {
    fn waits(&self) -> bool {
        !self.over && self.text != self.shown && !self.text.text.trim().is_empty()
    }
}

impl Worker {
    /// Takes more of a text. It is shown when there is time for it.
    pub(super) fn show(&mut self, key: String, reply_to: Option<String>, text: String) {
        // Only what fits one message is shown while it grows.
        let text = wakeman_present::telegram::text(&text).into_iter().next().unwrap_or_default();
        match self.growing.iter_mut().find(|growing| growing.key == key) {
            Some(growing) => growing.text = text,
            None => {
                if self.growing.len() == GROWING_MAX {
                    self.growing.remove(0);
                }
                let shown = TelegramText::default();
                self.growing.push(Growing { key, reply_to, text, shown, reference: None, over: false });
            }
        }
    }

    /// Its text is owed now: it grows no more. Where it stands.
    pub(super) fn grown(&mut self, key: &str) -> Option<String> {
        let at = self.growing.iter().position(|growing| growing.key == key)?;
        self.growing.remove(at).reference.map(|reference| reference.0.to_string())
    }

    /// In how many milliseconds something is to be shown.
    pub(super) fn growth_in_ms(&mut self) -> Option<i64> {
        self.growing.iter().find(|growing| growing.waits())?;
        let now = self.context.clock.now().ms();
        // One message stays free for what is owed.
        let wait = locked(&self.budget).wait_ms(1, now).max(locked(&self.shared.all).wait_ms(5, now));
        Some(wait.max(self.grown_at_ms + EDIT_MS - now).max(0))
    }

    /// Shows what waits longest.
    pub(super) async fn grow(&mut self) {
        let Some(at) = self.growing.iter().position(Growing::waits) else { return };
        let now = self.context.clock.now().ms();
        self.grown_at_ms = now;
        locked(&self.budget).take();
        locked(&self.shared.all).take();
        let text = self.growing[at].text.clone();
        let outcome = match self.growing[at].reference {
            Some(reference) => self.edit_growing(reference, &text).await.map(|()| reference),
            None => self.send_growing(at, &text).await,
        };
        let first = self.growing[at].reference.is_none();
        match outcome {
            Ok(reference) => {
                self.growing[at].reference = Some(reference);
                self.growing[at].shown = text;
                if first {
                    let key = self.growing[at].key.clone();
                    self.placed(&key, reference).await;
                }
            }
            Err(CallError::Wait { ms }) => locked(&self.budget).quiet(now + ms),
            Err(CallError::Unreachable(_)) => locked(&self.budget).quiet(now + PAUSE_MS),
            // A second message would be worse than none: what is owed in the end is sent as its own.
            Err(CallError::Doubt(_)) if first => self.growing[at].over = true,
            Err(CallError::Doubt(_)) => locked(&self.budget).quiet(now + PAUSE_MS),
            Err(CallError::Moved(_) | CallError::Refused { .. }) => self.growing[at].over = true,
        }
        let moved = self.growing.remove(at);
        self.growing.push(moved);
    }

    async fn send_growing(&self, at: usize, text: &TelegramText) -> Result<MessageId, CallError> {
        let request = self.message(text, self.growing[at].reply_to.as_deref());
        let Some(request) = request else {
            return Err(CallError::Refused { code: 400, description: "no chat of Telegram's".to_owned() });
        };
        self.context.api.call(&request).await.map(|message| message.id)
    }

    async fn edit_growing(&self, reference: MessageId, text: &TelegramText) -> Result<(), CallError> {
        let Some(address) = self.address else { return Ok(()) };
        let request = EditMessageText::new(address.chat, reference, text.text.clone())
            .entities(entities(text))
            .link_preview_options(no_previews());
        match self.context.api.call(&request).await {
            Ok(_) => Ok(()),
            Err(error) if error.says("message is not modified") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tells the gateway where the text stands, so that another run edits it.
    async fn placed(&self, key: &str, reference: MessageId) {
        let gateway = Arc::clone(&self.context.gateway);
        let reference = reference.0.to_string();
        if let Err(error) = gateway.placed(Channel::Telegram, &self.name, key, &reference).await {
            tracing::warn!(%error, "telegram.placed_not_kept");
        }
    }
}
