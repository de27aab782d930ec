//! Answers without a model: what a verb would show, the finding that is meant, or a plain statement. From the record only.

use wakeman_present::{RenderContext, Verb, VerbError, doc, parse_verb, plain, verb_words};
use wakeman_store::ListQuery;
use wakeman_types::{Finding, FindingNews, FindingView, View};

use crate::core::Core;

/// Findings that are looked through for the one that is meant.
const FINDINGS_LOOKED_AT: usize = 50;
/// A word of a question that is shorter says nothing.
const WORD_CHARS_MIN: usize = 4;

/// The answer where no model is configured.
pub(super) async fn without_model(core: &Core, question: &str, render: &RenderContext) -> String {
    let found = from_record(core, question, render).await;
    let why = "No model is configured (LITELLM_URL is not set)";
    match found.is_empty() {
        true => format!("{why}.\n{}", closest(question)),
        false => format!("{found}\n\n{why}, so this is from the record alone."),
    }
}

/// What the record says to the question; empty where it says nothing.
pub(super) async fn from_record(core: &Core, question: &str, render: &RenderContext) -> String {
    let id = match parse_verb(question) {
        Ok(Verb::Finding(id) | Verb::Why(id)) => Some(id.to_string()),
        _ => None,
    };
    let newest = match core.store.list::<Finding>(&ListQuery::newest(FINDINGS_LOOKED_AT)).await {
        Ok(page) => page.items,
        Err(error) => {
            tracing::error!(%error, "plainly.findings");
            return format!("The findings cannot be read: {error}.");
        }
    };
    let findings: Vec<Finding> = newest.into_iter().map(|found| found.value).collect();
    let named = |id: &String| findings.iter().find(|finding| finding.id.to_string() == *id);
    let meant = match &id {
        Some(id) => named(id),
        None => mentioned(question, &findings, render),
    };
    meant.map(|finding| explain(finding, render)).unwrap_or_default()
}

/// The finding whose id or title the question has most words of; the newest of equals.
fn mentioned<'a>(question: &str, findings: &'a [Finding], render: &RenderContext) -> Option<&'a Finding> {
    let asked = words(question);
    let score = |finding: &Finding| {
        if question
            .split_whitespace()
            .any(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-') == finding.id.to_string())
        {
            return usize::MAX;
        }
        let title = words(&wakeman_present::headline(finding, render));
        asked.iter().filter(|word| title.iter().any(|other| alike(word, other))).count()
    };
    let best = findings.iter().enumerate().map(|(n, finding)| (score(finding), std::cmp::Reverse(n), finding));
    best.max_by_key(|(score, n, _)| (*score, *n)).filter(|(score, ..)| *score > 0).map(|(.., finding)| finding)
}

/// One is the beginning of the other: `fail` and `fails`.
fn alike(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Lower case, without punctuation: `sign-ups` and `Signups` are one word.
fn words(text: &str) -> Vec<String> {
    let bare =
        |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    text.split_whitespace().map(bare).filter(|word| word.chars().count() >= WORD_CHARS_MIN).collect()
}

/// The finding as its message has it.
pub(super) fn explain(finding: &Finding, render: &RenderContext) -> String {
    let view =
        FindingView { proposal: finding.proposal, finding: finding.clone(), news: FindingNews::Asked, repair: None };
    plain(&doc(&View::Finding(Box::new(view)), render))
}

/// What can be said without a model: the command that comes closest, as it is written.
fn closest(question: &str) -> String {
    match parse_verb(question) {
        Ok(verb) => nearest(&format!("{}{verb}", if verb.erases() { "/" } else { "" })),
        Err(VerbError::Unknown { suggestion: Some(known), .. }) => {
            let usage = verb_words().find(|(word, ..)| *word == known).map_or("", |(_, usage, _)| usage);
            nearest(format!("{known} {usage}").trim_end())
        }
        Err(VerbError::Missing { usage, .. } | VerbError::Extra { usage, .. })
            if question.split_whitespace().count() <= 3 =>
        {
            nearest(&usage)
        }
        Err(_) => {
            "Without a model only commands are answered: `status`, `findings`, `why F-…`, `proposals`, `approve P-…`, `help`.".to_owned()
        }
    }
}

fn nearest(usage: &str) -> String {
    format!("Without a model only commands are answered; the nearest is `{usage}`.")
}
