//! Whether an answer keeps a schema, in words that a model can mend it by.

use serde_json::{Map, Value};

use super::{names, pattern_of, types};

/// Reads a model's answer as JSON and holds it to `schema`. A fence around it and words before or after the fence are
/// tolerated: models add them whatever they are told.
///
/// # Errors
/// One sentence for the model: what is wrong and where, so that it can mend it.
pub fn validate(schema: &Value, text: &str) -> Result<Value, String> {
    let json = unfenced(text);
    let value = serde_json::from_str(json)
        .map_err(|error| format!("the answer is not JSON ({error}); answer with one JSON value and nothing else"))?;
    hold(schema, &value, "the answer")?;
    Ok(value)
}

/// What stands inside a ``` fence, if there is a whole one; else all of it.
fn unfenced(text: &str) -> &str {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '[', '"']) {
        return trimmed;
    }
    let Some((_, rest)) = trimmed.split_once("```") else { return trimmed };
    let Some((inner, _)) = rest.rsplit_once("```") else { return trimmed };
    let body = inner.trim_start();
    body.strip_prefix("json").or_else(|| body.strip_prefix("JSON")).unwrap_or(body).trim()
}

/// Every keyword of `schema` kept by `value`; the error says what is not, and where.
fn hold(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Ok(()) };
    if let Some(kinds) = schema.get("type").and_then(types)
        && !kinds.iter().any(|kind| is(value, kind))
    {
        return Err(format!("{at} is not of type {}", kinds.join(" or ")));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{at} is not {}", schema["const"]));
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array)
        && !all.contains(value)
    {
        let all: Vec<String> = all.iter().map(Value::to_string).collect();
        return Err(format!("{at} is not one of {}", all.join(", ")));
    }
    match value {
        Value::String(text) => hold_text(schema, text, at)?,
        Value::Number(number) => in_range(schema, number.as_f64().unwrap_or(f64::NAN), at)?,
        Value::Array(items) => hold_items(schema, items, at)?,
        Value::Object(members) => hold_members(schema, members, at)?,
        _ => {}
    }
    hold_parts(schema, value, at)
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn hold_parts(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    let parts = |key: &str| schema.get(key).and_then(Value::as_array);
    parts("allOf").into_iter().flatten().try_for_each(|part| hold(part, value, at))?;
    let failures =
        |parts: &Vec<Value>| -> Vec<String> { parts.iter().filter_map(|part| hold(part, value, at).err()).collect() };
    for key in ["anyOf", "oneOf"] {
        let Some(parts) = parts(key) else { continue };
        let failures = failures(parts);
        if failures.len() == parts.len() {
            return Err(format!("{at} is none of what it may be: {}", failures.join("; or ")));
        }
        if key == "oneOf" && failures.len() + 1 < parts.len() {
            return Err(format!("{at} is more than one of what it may be, and must be just one"));
        }
    }
    match schema.get("not") {
        Some(part) if hold(part, value, at).is_ok() => Err(format!("{at} is what it must not be: {part}")),
        _ => Ok(()),
    }
}

fn hold_text(schema: &Map<String, Value>, text: &str, at: &str) -> Result<(), String> {
    between(schema, "Length", text.chars().count() as u64, at, "characters")?;
    let Some(pattern) = schema.get("pattern") else { return Ok(()) };
    match pattern_of(pattern) {
        Ok(pattern) if !pattern.is_match(text) => Err(format!("{at} does not match the pattern {}", pattern.as_str())),
        _ => Ok(()),
    }
}

fn hold_items(schema: &Map<String, Value>, items: &[Value], at: &str) -> Result<(), String> {
    between(schema, "Items", items.len() as u64, at, "items")?;
    let twice = |index: &usize| items[..*index].contains(&items[*index]);
    if schema.get("uniqueItems") == Some(&Value::Bool(true))
        && let Some(index) = (0..items.len()).find(twice)
    {
        return Err(format!("{at}[{index}] stands there twice"));
    }
    let Some(each) = schema.get("items") else { return Ok(()) };
    items.iter().enumerate().try_for_each(|(index, item)| hold(each, item, &format!("{at}[{index}]")))
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    }
}

fn between(schema: &Map<String, Value>, what: &str, count: u64, at: &str, unit: &str) -> Result<(), String> {
    let bound = |side: &str| schema.get(&format!("{side}{what}")).and_then(Value::as_u64);
    match (bound("min"), bound("max")) {
        (Some(min), _) if count < min => Err(format!("{at} has {count} {unit}, fewer than {min}")),
        (_, Some(max)) if count > max => Err(format!("{at} has {count} {unit}, more than {max}")),
        _ => Ok(()),
    }
}

fn in_range(schema: &Map<String, Value>, number: f64, at: &str) -> Result<(), String> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let whole = |step: f64| (number / step - (number / step).round()).abs() < 1e-9;
    match (bound("minimum"), bound("maximum"), bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
        (Some(min), ..) if number < min => Err(format!("{at} is {number}, less than {min}")),
        (_, Some(max), ..) if number > max => Err(format!("{at} is {number}, more than {max}")),
        (_, _, Some(min), _) if number <= min => Err(format!("{at} is {number}, not more than {min}")),
        (.., Some(max)) if number >= max => Err(format!("{at} is {number}, not less than {max}")),
        _ => match bound("multipleOf") {
            Some(step) if !whole(step) => Err(format!("{at} is {number}, not a multiple of {step}")),
            _ => Ok(()),
        },
    }
}

fn hold_members(schema: &Map<String, Value>, members: &Map<String, Value>, at: &str) -> Result<(), String> {
    let required = schema.get("required").and_then(|value| names(value).ok()).unwrap_or_default();
    if let Some(missing) = required.iter().find(|name| !members.contains_key(**name)) {
        return Err(format!("{at} has no \"{missing}\""));
    }
    between(schema, "Properties", members.len() as u64, at, "members")?;
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    for (name, member) in members {
        match properties.and_then(|properties| properties.get(name)).or(others) {
            Some(Value::Bool(false)) => return Err(format!("{at} has \"{name}\", which does not belong there")),
            Some(schema) => hold(schema, member, &format!("{at}.{name}"))?,
            None => {}
        }
    }
    Ok(())
}
