//! What is answered when nobody ordered anything: a plain analyst that looks things up before it speaks.

use super::answer::{Answer, Call};
use super::arguments::fill;
use super::request::Chat;
use super::words::ranked;

/// Most tools asked at once.
const CALLS_MAX: usize = 3;
/// A tool that fits this much of what the best one does is asked too.
const NEARLY: f64 = 0.8;
/// A tool that fits less is not asked.
const LEAST: f64 = 1.0;
/// Longest quotation of one tool's answer.
const QUOTE_MAX: usize = 280;

/// The analyst's answer to the `number`th request.
pub(super) fn answer(chat: &Chat, number: u64) -> Answer {
    let results = chat.results();
    if results.is_empty() && !chat.tools.is_empty() {
        let calls = calls(chat, number);
        if !calls.is_empty() {
            return Answer { calls, ..Answer::default() };
        }
    }
    if let Some(schema) = &chat.output {
        let known = results.last().map_or(chat.question(), |(_, text)| text);
        return Answer::words(fill(schema, &quote(known)).to_string());
    }
    match results.as_slice() {
        [] => Answer::words(format!("Noted: \"{}\" None of the tools fits that.", quote(chat.question()))),
        results => Answer::words(prose(chat.question(), results)),
    }
}

fn calls(chat: &Chat, number: u64) -> Vec<Call> {
    let question = chat.question();
    let ranked = ranked(question, &chat.tools);
    let best = ranked.first().map_or(0.0, |(score, _)| *score);
    let fits = ranked.iter().filter(|(score, _)| *score >= LEAST && *score >= best * NEARLY).take(CALLS_MAX);
    fits.enumerate().map(|(at, (_, tool))| Call::new(number, at, &tool.name, &fill(&tool.schema, question))).collect()
}

fn prose(question: &str, results: &[(&str, &str)]) -> String {
    let told = results.iter().map(|(name, text)| format!("{name} says: \"{}\"", quote(text)));
    format!("On \"{}\": {}", quote(question), told.collect::<Vec<_>>().join(" · "))
}

/// The beginning of a text on one line.
fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTE_MAX {
        return line;
    }
    line.chars().take(QUOTE_MAX).chain(['…']).collect()
}
