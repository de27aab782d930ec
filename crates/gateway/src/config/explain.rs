//! From serde's sentences to ours: `"60s" is not a whole number; write it like 60000`.

use std::borrow::Cow;

use serde_json::Value;

/// `text` in quotes, control characters made visible, shortened to what fits a line. Of an address only the host is shown.
pub(crate) fn quote(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let text = &up_to_host(text);
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// An address without what may be as good as a password: who asks, and everything behind the host.
fn up_to_host(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let place = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default();
    match rest.trim_end_matches('/') == host {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("{scheme}://{host}/…")),
    }
}

/// A JSON value as a sentence names it: strings in quotes, numbers as they stand, `an object`, `a list`.
pub(crate) fn name_value(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// What is wrong with `value`, from serde's message about it. `example` is what the key's value looks like.
pub(crate) fn explain(message: &str, value: Option<&Value>, example: Option<&str>) -> String {
    let wrong_type = message.starts_with("invalid type:") || message.starts_with("invalid value:");
    match (wrong_type, message.rsplit_once(", expected ")) {
        (true, Some((_, wanted))) => {
            let found = value.map_or_else(|| "this".to_owned(), name_value);
            let (plain, remedy) = match (value, plain(wanted)) {
                // It stands without quotes already; the number itself is wrong.
                (Some(Value::Number(_)), (plain, "write it without quotes")) => (plain, "write another number"),
                (_, known) => known,
            };
            let sentence = with_example(&format!("{found} is not {plain}"), example);
            if sentence.contains(';') || remedy.is_empty() { sentence } else { format!("{sentence}; {remedy}") }
        }
        _ => message.to_owned(),
    }
}

/// The sentence, with the remedy at its end unless it has one.
pub(crate) fn with_example(sentence: &str, example: Option<&str>) -> String {
    match example {
        Some(example) if !sentence.contains(';') => format!("{sentence}; write it like {example}"),
        _ => sentence.to_owned(),
    }
}

/// serde's names of types, in words, and how such a value is written.
fn plain(wanted: &str) -> (&str, &str) {
    match wanted {
        "u8" => ("a whole number from 0 to 255", "write it without quotes"),
        "u16" => ("a whole number from 0 to 65535", "write it without quotes"),
        "u32" | "u64" | "usize" => ("a whole number of 0 or more", "write it without quotes"),
        "f64" | "f32" => ("a number", "write it without quotes"),
        "a boolean" => ("true or false", "write it without quotes"),
        "a string" => ("a text", "write it in quotes"),
        "a sequence" => ("a list", "write it in [ ]"),
        "a map" => ("an object", "write it in { }"),
        other => (other, ""),
    }
}
