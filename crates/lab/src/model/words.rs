//! Which tool fits a sentence: by the words they share, rare words counting more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::request::Tool;

/// Words that say nothing about what is wanted.
const EMPTY: &str = "a an and any are as at be been but by can could did do does for from had has have hello hi how i if in into is \
    it its last me my near no not of on one or our out over please ping pong since so some thank thanks that the their them then there \
    these they this to today tuesday up us use used using was we week were what when where which while who will with would yes you your";

/// What people say, and what a tool that helps with it is likely to be about.
const KIN: &[(&str, &str)] = &[
    ("why", "cause finding change trend"),
    (
        "drop fall fell decline down low spike rise jump grow up anomaly incident alert wrong wake woke",
        "finding metric trend",
    ),
    ("many much number count rate total number visitor user conversion", "metric trend query count"),
    ("deploy ship release live production", "deployment deploy release"),
    ("merge change commit pr author wrote touch", "commit pull change"),
    ("error exception crash fail stack", "error issue"),
    ("build ci job test red workflow", "run workflow log"),
    ("flag rollout toggle experiment", "flag"),
    ("revert undo", "revert propose"),
    ("remember note", "note"),
    ("funnel step conversion", "funnel"),
];

/// The words of a text, cut to their stems.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for letter in text.chars() {
        // `readErrors` is two words.
        if letter.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(letter);
        before = letter;
    }
    let words = spaced.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    words
        .filter(|word| word.len() > 1 && !EMPTY.split(' ').any(|empty| empty == word))
        .map(|word| stem(&word))
        .collect()
}

fn stem(word: &str) -> String {
    for (end, instead) in
        [("ies", "y"), ("ing", ""), ("ment", ""), ("ped", "p"), ("ed", ""), ("es", ""), ("s", ""), ("e", "")]
    {
        if let Some(root) = word.strip_suffix(end)
            && root.len() > 2
        {
            return format!("{root}{instead}");
        }
    }
    word.to_owned()
}

/// The tools that fit `text`, best first, each with how well; those that fit not at all are left out.
pub(super) fn ranked<'a>(text: &str, tools: &'a [Tool]) -> Vec<(f64, &'a Tool)> {
    let said = stems(text);
    let mut wanted: BTreeMap<String, f64> = BTreeMap::new();
    for (words, kin) in KIN {
        if !said.is_disjoint(&stems(words)) {
            wanted.extend(stems(kin).into_iter().map(|word| (word, 0.5)));
        }
    }
    wanted.extend(said.into_iter().map(|word| (word, 1.0)));
    let known: Vec<_> = tools.iter().map(|tool| (stems(&tool.name), stems(&about(tool)))).collect();
    let rarity = |word: &String| {
        let holders = known.iter().filter(|(name, about)| name.contains(word) || about.contains(word)).count();
        (1.0 + tools.len() as f64 / holders.max(1) as f64).ln()
    };
    let score = |(name, about): &(BTreeSet<String>, BTreeSet<String>)| {
        let share = |(word, weight): (&String, &f64)| {
            let place = if name.contains(word) { 3.0 } else { f64::from(u8::from(about.contains(word))) };
            place * weight * rarity(word)
        };
        wanted.iter().map(share).sum::<f64>()
    };
    let mut ranked: Vec<_> = known.iter().map(score).zip(tools).filter(|(score, _)| *score > 0.0).collect();
    // A stable sort: tools that fit equally well stay in the request's order.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

/// A tool's description and the names and descriptions of what it takes.
fn about(tool: &Tool) -> String {
    let mut text = tool.description.clone();
    collect(&tool.schema, &mut text);
    text
}

fn collect(schema: &Value, text: &mut String) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        for (name, property) in properties {
                            text.push(' ');
                            text.push_str(name);
                            collect(property, text);
                        }
                    }
                    ("description", Value::String(words)) => {
                        text.push(' ');
                        text.push_str(words);
                    }
                    ("enum" | "items" | "anyOf" | "oneOf" | "allOf" | "$defs", more) => collect(more, text),
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, text)),
        Value::String(word) => {
            text.push(' ');
            text.push_str(word);
        }
        _ => {}
    }
}
