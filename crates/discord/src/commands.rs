//! The operator's words as slash commands.

use reqwest::Method;
use serde_json::{Value, json};
use serenity::all::{CommandOptionType, CreateCommand, CreateCommandOption, InteractionContext};

use crate::backoff::Backoff;
use crate::rest::{Ask, RestError, id_of};
use crate::{Adapter, DiscordError};

/// The longest description.
const WORDS_MAX: usize = 100;

/// What is one text because it can be said in several ways.
const WORDS: &str = "words";
/// Every word as a command, with what follows it as options.
pub(crate) fn all() -> Vec<CreateCommand> {
    wakeman_present::chat_words().map(|(word, usage, help)| command(word, usage, help)).collect()
}

fn command(word: &str, usage: &str, help: &str) -> CreateCommand {
    let contexts = vec![InteractionContext::Guild, InteractionContext::BotDm];
    let options = match one_text(usage) {
        Some(required) => {
            let described = short(&format!("like {}", usage.trim_start_matches('[').trim_end_matches(']')));
            vec![CreateCommandOption::new(CommandOptionType::String, WORDS, described).required(required)]
        }
        None => parts(usage).into_iter().map(|(part, required)| option(part, required)).collect(),
    };
    CreateCommand::new(word).description(short(help)).contexts(contexts).set_options(options)
}

fn short(text: &str) -> String {
    text.chars().take(WORDS_MAX).collect()
}

/// What the options of a word are called, in their order.
pub(crate) fn option_names(word: &str) -> Vec<String> {
    let usage = wakeman_present::chat_words().find(|(known, ..)| *known == word).map_or("", |(_, usage, _)| usage);
    if one_text(usage).is_some() {
        return vec![WORDS.to_owned()];
    }
    parts(usage).into_iter().map(|(part, _)| name(part)).collect()
}

/// Whether what follows a word is one text, and if so whether it must be there: of several usages (`F-12 | P-3 done`) no option stands
/// alone.
fn one_text(usage: &str) -> Option<bool> {
    usage.contains(" | ").then(|| !usage.starts_with('['))
}

/// What follows a word, each with whether it must.
fn parts(usage: &str) -> Vec<(&str, bool)> {
    let each = usage.split_whitespace().map(|part| {
        let inner = part.trim_start_matches('[').trim_end_matches(']');
        (inner, inner == part)
    });
    each.collect()
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

/// Registers the commands once, until Discord took them; nothing waits for that.
pub(crate) async fn serve(adapter: &Adapter) -> Result<(), DiscordError> {
    let mut tries = Backoff::new(&adapter.options);
    while let Err(error) = register(adapter).await {
        match error {
            RestError::Token => return Err(DiscordError::Token),
            RestError::Refused { .. } => {
                tracing::error!(%error, "discord: the commands are not taken; words can be typed all the same");
                return Ok(());
            }
            _ => tries.wait(error.retry_after()).await,
        }
    }
    Ok(())
}

/// Without what says nothing: keys that are `null`, `false`, empty or about types that an option does not have.
fn lean(value: Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Array(items) => items.into_iter().map(lean).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, lean(value))).filter(|(_, value)| says(value)).collect()
        }
        other => other,
    }
}

async fn register(adapter: &Adapter) -> Result<(), RestError> {
    let application = adapter.rest.ask(Ask::new(Method::GET, "/oauth2/applications/@me", None)).await?;
    let application = id_of(&application)?;
    adapter.chats.set_application(application);
    let path = format!("/applications/{application}/commands");
    adapter.rest.ask(Ask::new(Method::PUT, path, Some(lean(json!(all()))))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_words_usage_is_options_with_names_and_whole_choices() {
        for (word, usage, help) in wakeman_present::chat_words() {
            let command = json!(command(word, usage, help));
            let options = command["options"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = options.iter().map(|option| option["name"].as_str().unwrap()).collect();
            assert_eq!(names, option_names(word), "{word}");
            let unlike: std::collections::BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(unlike.len(), names.len(), "{word}: Discord takes no name twice: {names:?}");
            for option in &options {
                assert!(!option["name"].as_str().unwrap().is_empty(), "{word}: {option}");
                let choices = option["choices"].as_array().into_iter().flatten();
                assert!(choices.into_iter().all(|choice| choice["value"] != ""), "{word}: {option}");
            }
        }
        let told = lean(json!(all())).to_string();
        for nothing in ["null", "[]", "{}", "nsfw", "channel_types", "min_value"] {
            assert!(!told.contains(nothing), "{nothing}: {told}");
        }
        assert!(told.contains("\"required\":true") && told.contains("\"choices\""), "{told}");
        assert_eq!(parts("F-12 2h"), [("F-12", true), ("2h", true)]);
        assert_eq!(parts("P-3 [REASON]"), [("P-3", true), ("REASON", false)]);
        assert_eq!([option_names("resolve"), option_names("wakeups")], [[WORDS], [WORDS]]);
        assert_eq!([one_text("F-12 | P-3 done"), one_text("[pause ID | add WHEN: WHAT]")], [Some(true), Some(false)]);
        assert_eq!(option_names("feedback"), ["finding", "choice"]);
    }
}
