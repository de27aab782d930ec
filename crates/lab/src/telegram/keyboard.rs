//! Buttons under a message.

use serde_json::{Value, json};

use super::error::Refusal;

/// Longest data of a button, bytes.
const DATA_BYTES_MAX: usize = 64;
/// Buttons under one message.
const BUTTONS_MAX: usize = 100;

/// Longest hint in the field for an answer, characters.
const HINT_LEN_MAX: usize = 64;

/// An inline keyboard as it is kept; none if it is empty.
pub(super) fn checked(markup: Option<Value>) -> Result<Option<Value>, Refusal> {
    let Some(markup) = markup else { return Ok(None) };
    let rows = markup.get("inline_keyboard").and_then(Value::as_array);
    let Some(rows) = rows else {
        return Err(Refusal::bad("object expected as reply markup"));
    };
    let mut kept: Vec<Vec<Value>> = Vec::new();
    for row in rows {
        let row = row.as_array().ok_or_else(|| {
            Refusal::bad("can't parse inline keyboard button: Field \"inline_keyboard\" must be an Array of Arrays")
        })?;
        let row = row.iter().map(button).collect::<Result<Vec<_>, _>>()?;
        if !row.is_empty() {
            kept.push(row);
        }
    }
    if kept.iter().map(Vec::len).sum::<usize>() > BUTTONS_MAX {
        return Err(Refusal::bad("reply markup is too long"));
    }
    Ok((!kept.is_empty()).then(|| json!({"inline_keyboard": kept})))
}

/// What a new message has under it: an inline keyboard, or that an answer is asked for.
pub(super) fn of_new(markup: Option<Value>) -> Result<(Option<Value>, bool), Refusal> {
    let forced = markup.as_ref().filter(|markup| markup["force_reply"] == true);
    let Some(forced) = forced else { return checked(markup).map(|keyboard| (keyboard, false)) };
    match forced["input_field_placeholder"].as_str() {
        Some(hint) if !(1..=HINT_LEN_MAX).contains(&hint.chars().count()) => {
            Err(Refusal::bad("REPLY_MARKUP_PLACEHOLDER_INVALID"))
        }
        _ => Ok((None, true)),
    }
}

fn button(button: &Value) -> Result<Value, Refusal> {
    let text = button["text"].as_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(Refusal::bad("can't parse inline keyboard button: Text buttons must be non-empty"));
    }
    if let Some(data) = button["callback_data"].as_str() {
        if !(1..=DATA_BYTES_MAX).contains(&data.len()) {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
        return Ok(json!({"text": text, "callback_data": data}));
    }
    match button["url"].as_str() {
        Some(url) => Ok(json!({"text": text, "url": url})),
        None => {
            Err(Refusal::bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"))
        }
    }
}
