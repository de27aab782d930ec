//! The operator's words as slash commands.

use reqwest::Method;
use serde_json::json;
use serenity::all::{CommandOptionType, CreateCommand, CreateCommandOption, InteractionContext};

use crate::Adapter;
use crate::backoff::Backoff;
use crate::rest::{Ask, RestError};

/// The longest description.
const WORDS_MAX: usize = 100;

/// Every word as a command, with what follows it as options.
pub(crate) fn all() -> Vec<CreateCommand> {
    wakeman_present::verb_words().map(|(word, usage, help)| command(word, usage, help)).collect()
}

fn command(word: &str, usage: &str, help: &str) -> CreateCommand {
    let contexts = vec![InteractionContext::Guild, InteractionContext::BotDm];
    let options = usage.split_whitespace().map(option).collect();
    CreateCommand::new(word).description(short(help)).contexts(contexts).set_options(options)
}

fn short(text: &str) -> String {
    text.chars().take(WORDS_MAX).collect()
}

/// What the options of a word are called, in their order.
pub(crate) fn option_names(word: &str) -> Vec<String> {
    let usage = wakeman_present::verb_words().find(|(known, ..)| *known == word).map_or("", |(_, usage, _)| usage);
    usage.split_whitespace().map(|part| name(part.trim_start_matches('[').trim_end_matches(']'))).collect()
}

/// What an option is called.
fn name(inner: &str) -> String {
    match inner {
        _ if inner.starts_with("F-") => "finding".to_owned(),
        _ if inner.starts_with("P-") => "proposal".to_owned(),
        _ if inner.starts_with(|c: char| c.is_ascii_digit()) => "duration".to_owned(),
        _ if inner.contains('|') => "choice".to_owned(),
        _ => inner.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase(),
    }
}

/// What follows a word: `F-12`, `[STATE]`, `useful|noise`.
fn option(part: &str) -> CreateCommandOption {
    let inner = part.trim_start_matches('[').trim_end_matches(']');
    let required = inner == part;
    let choices: Vec<&str> = match inner {
        "MODE" => vec!["observe", "propose", "execute"],
        "STATE" => Vec::new(),
        _ if inner.contains('|') => inner.split('|').collect(),
        _ => Vec::new(),
    };
    let name = name(inner);
    let described = if choices.is_empty() { format!("like {inner}") } else { choices.join(", ") };
    let option = CreateCommandOption::new(CommandOptionType::String, name, short(&described)).required(required);
    choices.into_iter().fold(option, |option, choice| option.add_string_choice(choice, choice))
}

/// Registers the commands, until Discord took them.
pub(crate) async fn register(adapter: &Adapter) {
    let path = format!("/applications/{}/commands", adapter.chats.application());
    let mut tries = Backoff::new(&adapter.options);
    while let Err(error) = adapter.rest.ask(Ask::new(Method::PUT, path.clone(), Some(json!(all())))).await {
        if matches!(error, RestError::Refused { .. } | RestError::Token) {
            tracing::error!(%error, "discord: the commands are not taken; words can be typed all the same");
            return;
        }
        tries.wait(error.retry_after()).await;
    }
}
