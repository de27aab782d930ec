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
    let options = parts(usage).into_iter().map(|(part, required)| option(part, required)).collect();
    CreateCommand::new(word).description(short(help)).contexts(contexts).set_options(options)
}

fn short(text: &str) -> String {
    text.chars().take(WORDS_MAX).collect()
}

/// What the options of a word are called, in their order.
pub(crate) fn option_names(word: &str) -> Vec<String> {
    let usage = wakeman_present::verb_words().find(|(known, ..)| *known == word).map_or("", |(_, usage, _)| usage);
    parts(usage).into_iter().map(|(part, _)| name(part)).collect()
}

/// What follows a word, each with whether it must. Of several usages (`F-12 | P-3 done`) everything is an option that need not be there.
fn parts(usage: &str) -> Vec<(&str, bool)> {
    let alternatives = usage.split(" | ").count() > 1;
    let each = usage.split_whitespace().filter(|part| *part != "|");
    each.map(|part| {
        let inner = part.trim_start_matches('[').trim_end_matches(']');
        (inner, inner == part && !alternatives)
    })
    .collect()
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
fn option(inner: &str, required: bool) -> CreateCommandOption {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_words_usage_is_options_with_names_and_whole_choices() {
        for (word, usage, help) in wakeman_present::verb_words() {
            let command = json!(command(word, usage, help));
            let options = command["options"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = options.iter().map(|option| option["name"].as_str().unwrap()).collect();
            assert_eq!(names, option_names(word), "{word}");
            for option in &options {
                assert!(!option["name"].as_str().unwrap().is_empty(), "{word}: {option}");
                let choices = option["choices"].as_array().into_iter().flatten();
                assert!(choices.into_iter().all(|choice| choice["value"] != ""), "{word}: {option}");
            }
        }
        assert_eq!(parts("F-12 2h"), [("F-12", true), ("2h", true)]);
        assert_eq!(parts("P-3 [REASON]"), [("P-3", true), ("REASON", false)]);
        assert_eq!(parts("F-12 | P-3 done|failed"), [("F-12", false), ("P-3", false), ("done|failed", false)]);
        assert_eq!(option_names("resolve"), ["finding", "proposal", "choice"]);
    }
}
