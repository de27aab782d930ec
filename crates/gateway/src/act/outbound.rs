//! What must not leave: anything that looks like a credential, and what nobody can see. Asked before a payload is shown and again before
//! it is sent.

use serde_json::Value;
use wakeman_types::Action;

use crate::shapes;

/// Refuses a text that holds characters nobody can see, or that change the order of what is seen, naming the first.
///
/// # Errors
/// Names the field and the character.
pub(crate) fn hidden(field: &str, text: &str) -> Result<(), String> {
    let unseen = |c: &char| {
        matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{3164}' | '\u{ffa0}')
            || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    };
    let Some((at, c)) = text.char_indices().find(|(_, c)| unseen(c)) else { return Ok(()) };
    let line = match text[..at].matches('\n').count() {
        0 => String::new(),
        before => format!(" on line {}", before + 1),
    };
    Err(format!("{field}: holds U+{:04X}{line}, which nobody can see; remove it or spell it out", u32::from(c)))
}

/// Applies `refuse` to each string and each name in a payload, by its own path. What is escaped in the payload as it is sent is looked at
/// as what it means.
///
/// # Errors
/// The first refusal.
pub(crate) fn each_text(
    field: &str,
    value: &Value,
    refuse: &impl Fn(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::String(text) => refuse(field, text),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(at, item)| each_text(&format!("{field}.{at}"), item, refuse))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, below)| {
            refuse(&format!("{field}: a name in it"), name)?;
            each_text(&format!("{field}.{name}"), below, refuse)
        }),
        _ => Ok(()),
    }
}

/// Refuses an action that is longer than what is shown whole before a yes: nobody approves what they could not read.
///
/// # Errors
/// Names the bound.
pub(crate) fn shown_whole(action: &Action) -> Result<(), String> {
    match wakeman_present::written_len(action) {
        length if length > wakeman_present::DETAILS_LEN_MAX => Err(format!(
            "it has {length} characters written out, and at most {} are shown whole before a yes; propose it in smaller parts",
            wakeman_present::DETAILS_LEN_MAX
        )),
        _ => Ok(()),
    }
}

/// Refuses a text that holds something like a credential, naming its beginning and no more.
///
/// # Errors
/// Names the field and what kind of credential it looks like.
pub(crate) fn scan(field: &str, text: &str) -> Result<(), String> {
    match shapes::find(text) {
        Some((_, "a private key")) => Err(format!("{field}: holds a private key; remove it")),
        Some((_, kind)) => Err(format!("{field}: holds what looks like a credential ({kind}…); remove it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{hidden, scan};

    #[test]
    fn what_nobody_can_see_is_named_and_what_everybody_writes_is_not() {
        for (text, wanted) in [
            ("ab\u{202e}cd", "U+202E"),
            ("tag \u{e0041}", "U+E0041"),
            ("zero\u{200b}width", "U+200B"),
            ("\u{1b}[31m", "U+001B"),
            ("\u{2066}isolate", "U+2066"),
            ("let a = 1;\n// \u{202e}", "U+202E on line 2"),
            ("soft\u{ad}hyphen", "U+00AD"),
            ("line\u{2028}break", "U+2028"),
            ("filler\u{3164}", "U+3164"),
            ("chosen\u{e0100}", "U+E0100"),
        ] {
            assert!(hidden("arguments.body", text).is_err_and(|said| said.contains(wanted)), "{text:?}");
        }
        for text in ["größer\n\tals", "👩\u{200d}🚒 ❤\u{fe0f}", "شكرا\u{200c}", "a\r\nb"] {
            assert_eq!(hidden("arguments.body", text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn credentials_are_found_and_ordinary_words_are_not() {
        for text in [
            "token ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "GITHUB_TOKEN=github_pat_11ABCDEFG0abcdefghijkl_x9Y8z7",
            "key: phx_9aKdj28Sjd82kLs01xPq",
            "https://x?y=AKIAIOSFODNN7EXAMPLE&z=1",
            "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "(xoxb-123456789012-ABCDEFGHIJ)",
        ] {
            assert!(
                scan("arguments.body", text).is_err_and(|said| said.starts_with("arguments.body: holds")),
                "{text}"
            );
        }
        for text in [
            "Reverts #482, which broke sign-ups.",
            "the risk-adjusted value of sk-learn and task-oriented-programming-in-practice",
            "see phx_ and ghp_ prefixes",
            "npm_config_registry=https://registry.npmjs.org",
            "wakeman-proposal: acme/P-12/1",
            "9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(scan("arguments.body", text), Ok(()), "{text}");
        }
    }
}
