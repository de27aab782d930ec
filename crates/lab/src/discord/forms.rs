//! What a message may look like: the limits of Discord, with its words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::Refusal;
use super::multipart::File;

/// The longest message.
const CONTENT_MAX: usize = 2_000;
const NONCE_MAX: usize = 25;
const CUSTOM_ID_MAX: usize = 100;
const LABEL_MAX: usize = 80;
const ROWS_MAX: usize = 5;
const OPTIONS_MAX: usize = 25;
const BUTTONS_MAX: usize = 5;
/// An emoji before a button's label, a link's address and so on are not looked into.
const BUTTON: u64 = 2;
const LINK: u64 = 5;

/// Whether a body makes a message; `files` are its attachments.
pub(super) fn message(body: &Value, files: &[File]) -> Result<(), Refusal> {
    fits(body)?;
    let some = |key: &str| body[key].as_array().is_some_and(|list| !list.is_empty());
    let words = body["content"].as_str().is_some_and(|text| !text.trim().is_empty());
    if !words && files.is_empty() && !some("embeds") && !some("components") && !some("sticker_ids") {
        return Err(Refusal::Empty);
    }
    Ok(())
}

/// Whether what is there is within the limits.
pub(super) fn fits(body: &Value) -> Result<(), Refusal> {
    match &body["content"] {
        Value::Null => {}
        Value::String(text) if text.encode_utf16().count() > CONTENT_MAX => {
            return Err(too_long("content", CONTENT_MAX));
        }
        Value::String(_) => {}
        _ => return Err(Refusal::Form("content", "STRING_TYPE_CONVERT", "Could not interpret as string.".to_owned())),
    }
    match &body["nonce"] {
        Value::String(text) if text.chars().count() > NONCE_MAX => return Err(too_long("nonce", NONCE_MAX)),
        Value::Null | Value::String(_) | Value::Number(_) => {}
        _ => {
            return Err(Refusal::Form(
                "nonce",
                "NONCE_TYPE_INVALID",
                "Nonce must be a string or an integer.".to_owned(),
            ));
        }
    }
    components(&body["components"])
}

fn too_long(place: &'static str, max: usize) -> Refusal {
    Refusal::Form(place, "BASE_TYPE_MAX_LENGTH", format!("Must be {max} or fewer in length."))
}

fn components(rows: &Value) -> Result<(), Refusal> {
    let Some(rows) = rows.as_array() else { return Ok(()) };
    if rows.len() > ROWS_MAX {
        return Err(too_long("components", ROWS_MAX));
    }
    let mut ids = BTreeSet::new();
    for row in rows {
        if row["type"] != 1 {
            let words = "Value of field \"type\" must be one of (1, 9, 10, 12, 13, 14, 17).".to_owned();
            return Err(Refusal::Form("components.0", "UNION_TYPE_CHOICES", words));
        }
        let inside = row["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        if inside.is_empty() || inside.len() > BUTTONS_MAX {
            let words = format!("Must be between 1 and {BUTTONS_MAX} in length.");
            return Err(Refusal::Form("components.0.components", "BASE_TYPE_BAD_LENGTH", words));
        }
        inside.iter().try_for_each(|one| component(one, &mut ids))?;
    }
    Ok(())
}

fn component<'a>(one: &'a Value, ids: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    let place = "components.0.components.0";
    if one["label"].as_str().is_some_and(|label| label.encode_utf16().count() > LABEL_MAX) {
        return Err(Refusal::Form(place, "BASE_TYPE_MAX_LENGTH", format!("Must be {LABEL_MAX} or fewer in length.")));
    }
    let button = one["type"].as_u64() == Some(BUTTON);
    let style = one["style"].as_u64().unwrap_or(0);
    if button && !(1..=6).contains(&style) {
        let words = "Value must be one of {1, 2, 3, 4, 5, 6}.".to_owned();
        return Err(Refusal::Form(place, "BASE_TYPE_CHOICES", words));
    }
    if button && style == LINK {
        return Ok(());
    }
    let id = one["custom_id"].as_str().unwrap_or_default();
    if id.is_empty() || id.chars().count() > CUSTOM_ID_MAX {
        let words = format!("Must be between 1 and {CUSTOM_ID_MAX} in length.");
        return Err(Refusal::Form(place, "BASE_TYPE_BAD_LENGTH", words));
    }
    if !ids.insert(id) {
        let words = "Component custom id cannot be duplicated".to_owned();
        return Err(Refusal::Form(place, "COMPONENT_CUSTOM_ID_DUPLICATED", words));
    }
    Ok(())
}

/// What a modal may look like.
pub(super) fn modal(data: &Value) -> Result<(), Refusal> {
    let title = data["title"].as_str().unwrap_or_default().chars().count();
    if !(1..=45).contains(&title) {
        return Err(Refusal::Form(
            "data.title",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 45 in length.".to_owned(),
        ));
    }
    let id = data["custom_id"].as_str().unwrap_or_default().chars().count();
    if !(1..=CUSTOM_ID_MAX).contains(&id) {
        let words = format!("Must be between 1 and {CUSTOM_ID_MAX} in length.");
        return Err(Refusal::Form("data.custom_id", "BASE_TYPE_BAD_LENGTH", words));
    }
    let rows = data["components"].as_array().map(Vec::len).unwrap_or_default();
    if !(1..=5).contains(&rows) {
        let words = "Must be between 1 and 5 in length.".to_owned();
        return Err(Refusal::Form("data.components", "BASE_TYPE_BAD_LENGTH", words));
    }
    Ok(())
}

/// What the commands of an application may look like.
pub(super) fn commands(list: &[Value]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for command in list {
        let name = command["name"].as_str().unwrap_or_default();
        let kind = command["type"].as_u64().unwrap_or(1);
        if kind == 1 && !is_name(name) {
            let words = "String value did not match validation regex.".to_owned();
            return Err(Refusal::Form("0.name", "STRING_TYPE_REGEX", words));
        }
        let described = command["description"].as_str().unwrap_or_default().chars().count();
        if kind == 1 && !(1..=100).contains(&described) {
            let words = "Must be between 1 and 100 in length.".to_owned();
            return Err(Refusal::Form("0.description", "BASE_TYPE_BAD_LENGTH", words));
        }
        options(command["options"].as_array().map(Vec::as_slice).unwrap_or_default())?;
        if !names.insert((kind, name)) {
            let words = "Application command names must be unique".to_owned();
            return Err(Refusal::Form("0", "APPLICATION_COMMANDS_DUPLICATE_NAME", words));
        }
    }
    if list.len() > 100 {
        return Err(too_long("", 100));
    }
    Ok(())
}

/// Discord's `^[-_\p{L}\p{N}]{1,32}$`, in small letters.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c == '-' || c == '_' || (c.is_alphanumeric() && !c.is_uppercase());
    (1..=32).contains(&name.chars().count()) && name.chars().all(plain)
}

fn options(list: &[Value]) -> Result<(), Refusal> {
    if list.len() > OPTIONS_MAX {
        return Err(too_long("0.options", OPTIONS_MAX));
    }
    let mut names = BTreeSet::new();
    let mut optional = false;
    for option in list {
        let name = option["name"].as_str().unwrap_or_default();
        if !is_name(name) {
            let words = "String value did not match validation regex.".to_owned();
            return Err(Refusal::Form("0.options.0.name", "STRING_TYPE_REGEX", words));
        }
        if !names.insert(name) {
            let words = "Option names must be unique".to_owned();
            return Err(Refusal::Form("0.options.0", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", words));
        }
        let described = option["description"].as_str().unwrap_or_default().chars().count();
        if !(1..=100).contains(&described) {
            let words = "Must be between 1 and 100 in length.".to_owned();
            return Err(Refusal::Form("0.options.0", "BASE_TYPE_BAD_LENGTH", words));
        }
        let choices = option["choices"].as_array().into_iter().flatten();
        if choices.into_iter().any(|choice| choice["name"].as_str().is_none_or(str::is_empty)) {
            let words = "Must be between 1 and 100 in length.".to_owned();
            return Err(Refusal::Form("0.options.0.choices.0.name", "BASE_TYPE_BAD_LENGTH", words));
        }
        let required = option["required"].as_bool().unwrap_or(false);
        if required && optional {
            let words = "Required options must be placed before non-required options".to_owned();
            return Err(Refusal::Form("0.options.0", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words));
        }
        optional |= !required;
    }
    Ok(())
}
