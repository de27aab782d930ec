//! Who the bot is, and what Telegram is told of it.

use teloxide_core::payloads::{DeleteWebhook, GetMe, SetMyCommands};
use teloxide_core::types::{BotCommand, Me};
use wakeman_types::{Channel, FrontendHealth};

use crate::api::CallError;
use crate::{Context, TelegramError};

/// Longest pause between tries, in milliseconds.
const PAUSE_MS_MAX: i64 = 30_000;
/// Longest description of a command, in characters.
const DESCRIPTION_LEN_MAX: usize = 256;

/// The bot as others address it.
#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(crate) id: u64,
    /// In small letters, without `@`.
    pub(crate) username: String,
}

/// A pause that doubles with each failure, in milliseconds: a quarter of a second after the first, which is mostly one lost connection.
pub(crate) fn pause_ms(failures: u32) -> i64 {
    (125i64 << failures.min(10)).min(PAUSE_MS_MAX)
}

/// Reports how the adapter is doing. That this fails changes nothing here.
pub(crate) async fn report(context: &Context, ok: bool, detail: String, within_ms: i64) {
    let health = FrontendHealth { ok, detail, within_ms };
    if let Err(error) = context.gateway.report_health(Channel::Telegram, health).await {
        tracing::debug!(%error, "telegram.report_failed");
    }
}

/// Asks who the bot is until Telegram answers, takes away a webhook, which would keep updates from a poll, and registers the verbs.
pub(crate) async fn introduce(context: &Context) -> Result<Bot, TelegramError> {
    let mut failures = 0;
    let me = loop {
        match context.api.call(&GetMe::new()).await {
            Ok(me) => break me,
            Err(error) if error.is_token() => {
                let detail = error.to_string();
                report(context, false, format!("{detail}; copy the token again from @BotFather"), PAUSE_MS_MAX * 2)
                    .await;
                return Err(TelegramError::Token { detail });
            }
            Err(error) => {
                failures += 1;
                let pause = wait_of(&error).unwrap_or(pause_ms(failures));
                report(context, false, error.to_string(), pause + PAUSE_MS_MAX).await;
                tracing::warn!(%error, pause_ms = pause, "telegram.unreachable");
                context.clock.sleep(pause).await;
            }
        }
    };
    quietly("deleteWebhook", context.api.call(&DeleteWebhook::new()).await);
    quietly("setMyCommands", context.api.call(&SetMyCommands::new(commands())).await);
    Ok(bot(&me))
}

/// What Telegram asked to wait, in milliseconds.
pub(crate) fn wait_of(error: &CallError) -> Option<i64> {
    match error {
        CallError::Wait { ms } => Some(*ms),
        _ => None,
    }
}

fn quietly<T>(method: &str, result: Result<T, CallError>) {
    if let Err(error) = result {
        tracing::warn!(%error, method, "telegram.call_failed");
    }
}

fn bot(me: &Me) -> Bot {
    Bot { id: me.user.id.0, username: me.user.username.clone().unwrap_or_default().to_lowercase() }
}

/// The operator's words, for Telegram to complete.
fn commands() -> Vec<BotCommand> {
    let command = |(word, usage, help): (&str, &str, &str)| {
        let usage = if usage.is_empty() { String::new() } else { format!("{usage}: ") };
        BotCommand::new(word, format!("{usage}{help}").chars().take(DESCRIPTION_LEN_MAX).collect::<String>())
    };
    wakeman_present::chat_words().map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_commands_that_telegram_takes() {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        for command in commands() {
            assert!(command.command.chars().all(letter) && (1..=32).contains(&command.command.len()), "{command:?}");
            assert!((3..=DESCRIPTION_LEN_MAX).contains(&command.description.chars().count()), "{command:?}");
        }
        for word in ["status", "new", "stop", "help"] {
            assert!(commands().iter().any(|command| command.command == word), "{word}");
        }
    }

    #[test]
    fn pauses_grow_to_half_a_minute() {
        assert_eq!([0, 1, 3, 6, 40].map(pause_ms), [125, 250, 1_000, 8_000, 30_000]);
    }
}
