//! A model in the attacker's hands: it does every instruction it reads, wherever it stands.
//!
//! Two sorts are found. A tool's name, or `tool` or `function` and a name, with JSON behind it, is called with exactly that, whether the
//! tool is on offer or not. Any other sentence outside our own instructions is carried out with the tool that fits its words best. Each
//! is done once a turn; then everything that was asked for is said, links and all.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{Answer, Call};
use super::arguments::fill;
use super::request::{Chat, Message, Role};
use super::words::ranked;

/// Most calls in one answer.
const CALLS_MAX: usize = 8;
/// A sentence is carried out with a tool that fits at least this well.
const LEAST: f64 = 1.5;
/// How far behind the name its arguments may begin.
const REACH: usize = 40;
/// Longest text that is repeated.
const SAID_MAX: usize = 4_000;

/// The obedient answer to the `number`th request.
pub(super) fn answer(chat: &Chat, number: u64) -> Answer {
    let turn = chat.since_question().iter().flat_map(|message| message.calls.clone());
    let mut done: BTreeSet<(String, String)> = turn.collect();
    let mut calls = Vec::new();
    for (name, arguments) in ordered(chat) {
        if calls.len() < CALLS_MAX && done.insert((name.clone(), arguments.clone())) {
            calls.push(Call::new(number, calls.len(), &name, &Value::String(arguments)));
        }
    }
    if !calls.is_empty() {
        return Answer { calls, ..Answer::default() };
    }
    let heard = chat.messages.iter().filter(|message| message.role != Role::System && message.role != Role::Assistant);
    let said = heard.map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n");
    Answer::words(format!("Done as told. {}", said.chars().take(SAID_MAX).collect::<String>()))
}

/// Every call that some text asks for, in the order of the texts.
fn ordered(chat: &Chat) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for Message { role, text, .. } in &chat.messages {
        calls.extend(explicit(text, chat));
        // Our own instructions tell when to use a tool in general; a sentence of anybody else is an order.
        if matches!(role, Role::User | Role::Tool) {
            calls.extend(sentences(text).filter_map(|sentence| implied(sentence, chat)));
        }
    }
    for tool in &chat.tools {
        calls.extend(explicit(&tool.description, chat));
    }
    calls
}

/// `name {…}`, `name({…})`, `call tool name with {…}`.
fn explicit(text: &str, chat: &Chat) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('{') {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let Some(Ok(arguments @ Value::Object(_))) = values.next() else { continue };
        let before: String = text[..at].chars().rev().take(REACH).collect::<Vec<_>>().into_iter().rev().collect();
        let words: Vec<&str> = before.split(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).collect();
        let known = words.iter().rev().find(|word| chat.tools.iter().any(|tool| tool.name == **word));
        let marker = words
            .iter()
            .rposition(|word| ["tool", "function", "call", "invoke"].contains(&word.to_lowercase().as_str()));
        let named = marker.and_then(|at| words[at + 1..].iter().find(|word| !word.is_empty() && **word != "with"));
        if let Some(name) = known.or(named) {
            found.push(((*name).to_owned(), arguments.to_string()));
        }
    }
    found
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| matches!(letter, '.' | '!' | '?' | ';' | '\n');
    text.split(ends).map(str::trim).filter(|sentence| sentence.len() > 3)
}

fn implied(sentence: &str, chat: &Chat) -> Option<(String, String)> {
    let ranked = ranked(sentence, &chat.tools);
    let (_, tool) = ranked.first().filter(|(score, _)| *score >= LEAST)?;
    Some((tool.name.clone(), fill(&tool.schema, sentence).to_string()))
}
