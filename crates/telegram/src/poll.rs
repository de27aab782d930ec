//! The poll loop. An update is acknowledged only after it is kept: the offset that says so is kept in the same commit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use teloxide_core::payloads::{GetUpdates, GetUpdatesSetters};
use teloxide_core::requests::Payload;
use teloxide_core::types::AllowedUpdate;
use wakeman_types::{Channel, ErrorKind, Inbound};

use crate::api::CallError;
use crate::inbound::heard;
use crate::live::Presses;
use crate::start::{Bot, pause_ms, report, wait_of};
use crate::{Context, TelegramError};

/// What is listened to; everything else Telegram keeps to itself.
const ALLOWED: [AllowedUpdate; 4] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MessageReaction,
];
/// A report of health is due this long after the poll at the latest, in milliseconds: reports come no more often than [`REPORT_MS`].
const GRACE_MS: i64 = 10_000;
/// Longest a poll may wait, in seconds.
const POLL_SECONDS_MAX: u32 = 50;
/// Health is told again after this long even if nothing changed, in milliseconds.
const REPORT_MS: i64 = 10_000;

/// Polls for ever. Ends only when Telegram does not know the token.
pub(crate) async fn poll(context: Arc<Context>, bot: Bot, presses: Arc<Presses>) -> TelegramError {
    let mut offset = checkpoint(&context).await;
    let mut health = Health { context: &context, failures: 0, told_at: None };
    loop {
        // While it is not known to answer, one that is answered at once: `status` says so then, not half a minute later.
        let seconds = if health.is_well() { context.options.poll_seconds.min(POLL_SECONDS_MAX) } else { 0 };
        match heeding(&mut health, updates(&context, offset, seconds)).await {
            Ok(updates) => {
                let next = updates.iter().filter_map(number).max().map(|last| last + 1);
                if let (None, false) = (next, updates.is_empty()) {
                    // Nothing acknowledges them: they would come again at once, for ever.
                    tracing::error!(updates = updates.len(), "telegram.updates_without_a_number");
                    let pause = health.ill(&CallError::Doubt("its updates have no numbers".to_owned())).await;
                    context.clock.sleep(pause).await;
                    continue;
                }
                if let Some(next) = next {
                    keep(&context, &bot, &presses, &updates, next).await;
                    offset = Some(next);
                }
                health.well().await;
            }
            Err(error) if error.is_token() => {
                let detail = error.to_string();
                health.ill(&error).await;
                return TelegramError::Token { detail };
            }
            Err(error) => {
                let pause = health.ill(&error).await;
                context.clock.sleep(pause).await;
            }
        }
    }
}

/// Waits for a poll, and tells meanwhile when messages get through no more, or again.
async fn heeding<T>(health: &mut Health<'_>, poll: impl Future<Output = T>) -> T {
    tokio::pin!(poll);
    loop {
        tokio::select! {
            done = &mut poll => return done,
            () = health.context.sending.changed(&*health.context.clock) => if health.is_well() {
                health.tell().await;
            },
        }
    }
}

/// The number that acknowledges an update: one more of it must be a number too, and none below zero, which would mean "from the end".
fn number(update: &Value) -> Option<i64> {
    update["update_id"].as_i64().filter(|id| (0..i64::MAX).contains(id))
}

/// Where the last run stopped. Without that nothing may be asked for: it would be taken as new.
async fn checkpoint(context: &Context) -> Option<i64> {
    let mut failures = 0;
    loop {
        match context.gateway.checkpoint(Channel::Telegram).await {
            Ok(text) => return offset_of(text.as_deref()),
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, "telegram.checkpoint_unread");
                context.clock.sleep(pause_ms(failures)).await;
            }
        }
    }
}

/// Reads what an earlier run left; what is no number is a beginning.
fn offset_of(text: Option<&str>) -> Option<i64> {
    let offset = text.map(str::parse::<i64>)?;
    if let Err(error) = &offset {
        tracing::warn!(%error, "telegram.checkpoint_is_no_number");
    }
    offset.ok()
}

async fn updates(context: &Context, offset: Option<i64>, seconds: u32) -> Result<Vec<Value>, CallError> {
    let request = GetUpdates::new().timeout(seconds).limit(100).allowed_updates(ALLOWED);
    let mut fields = serde_json::to_value(&request).map_err(|error| CallError::Doubt(error.to_string()))?;
    if let Some(offset) = offset {
        // By itself: teloxide's is of 31 bits, and one that is left out brings the same updates for ever.
        fields["offset"] = offset.into();
    }
    let result = context.api.held(GetUpdates::NAME, &fields, Duration::from_secs(u64::from(seconds))).await?;
    match result {
        Value::Array(updates) => Ok(updates),
        _ => Err(CallError::Doubt("its updates are not a list".to_owned())),
    }
}

/// Keeps a batch with the next offset, however long that takes.
async fn keep(context: &Context, bot: &Bot, presses: &Presses, updates: &[Value], next: i64) {
    let now = context.clock.now();
    let mut batch: Vec<Inbound> = Vec::with_capacity(updates.len());
    for update in updates {
        if number(update).is_none() {
            // Nobody could tell it from one that was kept before.
            tracing::warn!("telegram.update_without_a_number");
            continue;
        }
        let heard = heard(update, bot, now);
        if let Some(query) = heard.press {
            presses.note(&heard.inbound.id, query);
        }
        batch.push(heard.inbound);
    }
    let mut failures = 0;
    loop {
        match context.gateway.accept_inbound(Channel::Telegram, batch.clone(), Some(next.to_string())).await {
            Ok(accepted) => {
                let took_ms = context.clock.now().since(now);
                tracing::debug!(accepted.new, accepted.repeated, accepted.took_ms = took_ms, "telegram.accepted");
                return;
            }
            Err(error) => {
                // Telegram keeps them for a day; nothing is lost while we wait.
                failures += 1;
                if error.kind == ErrorKind::Invalid {
                    tracing::error!(%error, "telegram.refused_by_the_gateway");
                }
                let pause = pause_ms(failures);
                report(context, false, format!("what was said cannot be kept: {error}"), pause + GRACE_MS).await;
                context.clock.sleep(pause).await;
            }
        }
    }
}

/// Health is the last successful poll, as long as what is owed gets through.
struct Health<'a> {
    context: &'a Context,
    failures: u32,
    told_at: Option<i64>,
}

impl Health<'_> {
    /// Whether the last poll was answered.
    fn is_well(&self) -> bool {
        self.told_at.is_some() && self.failures == 0
    }

    async fn well(&mut self) {
        let now = self.context.clock.now().ms();
        let due = self.told_at.is_none_or(|told| now - told >= REPORT_MS);
        if self.failures > 0 || due {
            self.tell().await;
        }
        self.failures = 0;
    }

    /// Polls are answered; whether messages get through is another matter.
    async fn tell(&mut self) {
        let within_ms = i64::from(self.context.options.poll_seconds) * 1_000 + GRACE_MS;
        let trouble = self.context.sending.trouble();
        let ok = trouble.is_none();
        report(self.context, ok, trouble.unwrap_or_else(|| "polling".to_owned()), within_ms).await;
        self.told_at = Some(self.context.clock.now().ms());
    }

    /// Says what is wrong and answers how long to wait, in milliseconds.
    async fn ill(&mut self, error: &CallError) -> i64 {
        self.failures += 1;
        let pause = wait_of(error).unwrap_or(pause_ms(self.failures));
        let detail = if error.is_conflict() {
            "another program polls with this bot's token (409); stop it, or give this one a token of its own".to_owned()
        } else {
            error.to_string()
        };
        tracing::warn!(%error, poll.failures = self.failures, pause_ms = pause, "telegram.poll_failed");
        report(self.context, false, detail, pause + GRACE_MS).await;
        pause
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_can_be_acknowledged_is_a_number() {
        for (id, want) in [
            (json!(0), Some(0)),
            (json!(1_i64 << 31), Some(1 << 31)),
            (json!(i64::MAX - 1), Some(i64::MAX - 1)),
            (json!(i64::MAX), None),
            (json!(u64::MAX), None),
            (json!(-1), None),
            (json!("7"), None),
            (json!(null), None),
        ] {
            assert_eq!(number(&json!({"update_id": id})), want, "{id}");
        }
        assert_eq!(number(&json!({})), None);
    }

    #[test]
    fn an_offset_that_is_no_number_is_a_beginning() {
        let offsets = [None, Some("8"), Some("2147483653"), Some(""), Some("eight")];
        assert_eq!(offsets.map(offset_of), [None, Some(8), Some(2_147_483_653), None, None]);
    }
}
