//! What makes a chat feel alive: typing, a text as it grows, the answer to a press.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use teloxide_core::payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters};
use teloxide_core::types::CallbackQueryId;
use wakeman_types::{Channel, LiveEvent};

use crate::start::pause_ms;
use crate::worker::{Chats, Job};
use crate::{Context, TelegramError};

/// Presses remembered until they are answered; Telegram takes no answer to an old one.
const PRESSES_MAX: usize = 512;
/// Longest answer to a press, in characters.
const ANSWER_LEN_MAX: usize = 200;

/// Under which id Telegram wants the answer to a press.
#[derive(Default)]
pub(crate) struct Presses(Mutex<VecDeque<(String, String)>>);

impl Presses {
    /// Remembers a press.
    pub(crate) fn note(&self, inbound: &str, query: String) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() == PRESSES_MAX {
            open.pop_front();
        }
        open.push_back((inbound.to_owned(), query));
    }

    fn take(&self, inbound: &str) -> Option<String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(known, _)| known == inbound)?;
        open.remove(at).map(|(_, query)| query)
    }
}

/// Follows the gateway's live events for ever.
pub(crate) async fn live(context: Arc<Context>, chats: Arc<Chats>) -> TelegramError {
    let mut failures = 0;
    loop {
        match context.gateway.live(Channel::Telegram).await {
            Ok(mut events) => {
                while let Some(event) = events.next().await {
                    failures = 0;
                    take(&context, &chats, event);
                }
            }
            Err(error) => tracing::debug!(%error, "telegram.live_unavailable"),
        }
        failures += 1;
        context.clock.sleep(pause_ms(failures)).await;
    }
}

fn take(context: &Arc<Context>, chats: &Chats, event: LiveEvent) {
    match event {
        LiveEvent::Typing { chat } => chats.send(&chat, Job::Typing),
        LiveEvent::Text { chat, key, reply_to, text } => chats.send(&chat, Job::Live { key, reply_to, text }),
        LiveEvent::Answer { inbound, text, alert } => {
            if let Some(query) = chats.presses().take(&inbound) {
                tokio::spawn(answer(Arc::clone(context), query, text, alert));
            }
        }
    }
}

/// An answer that comes too late is worth nothing: it is tried once.
async fn answer(context: Arc<Context>, query: String, text: String, alert: bool) {
    let mut request = AnswerCallbackQuery::new(CallbackQueryId(query)).show_alert(alert);
    if !text.is_empty() {
        request = request.text(text.chars().take(ANSWER_LEN_MAX).collect::<String>());
    }
    if let Err(error) = context.api.call(&request).await {
        tracing::debug!(%error, "telegram.press_not_answered");
    }
}
