//! The part of JSON Schema that answers of a model are held to: small enough to be explained to the model word by word.
//!
//! A full validator is two dozen crates; what a prompt file may say is the list in [`KEYWORDS`], and anything else is named
//! when the file is read, so that no rule is silently not kept.

use serde_json::{Map, Value};

/// The keywords that mean something here.
const KEYWORDS: [&str; 17] = [
    "$schema",
    "title",
    "description",
    "examples",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
];
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// Whether `schema` is one that [`validate`] keeps word for word. The error names the place and the remedy.
pub(super) fn check(schema: &Value, at: &str) -> Result<(), String> {
    let Value::Object(schema) = schema else {
        return Err(format!("`{at}` is not an object; write a JSON Schema"));
    };
    if let Some(unknown) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(format!("`{at}.{unknown}` is not a keyword that is checked; remove it"));
    }
    let wrong = |key: &str, wanted: &str| Err(format!("`{at}.{key}` is not {wanted}; correct it"));
    let kinds = schema.get("type").map(types);
    if kinds.is_some_and(|kinds| kinds.is_none_or(|kinds| !kinds.iter().all(|kind| TYPES.contains(kind)))) {
        return wrong("type", "a JSON type or a list of them");
    }
    for key in ["minItems", "maxItems", "minLength", "maxLength"] {
        if schema.get(key).is_some_and(|value| value.as_u64().is_none()) {
            return wrong(key, "a whole number of 0 or more");
        }
    }
    for key in ["minimum", "maximum"] {
        if schema.get(key).is_some_and(|value| !value.is_number()) {
            return wrong(key, "a number");
        }
    }
    if schema.get("enum").is_some_and(|value| value.as_array().is_none_or(Vec::is_empty)) {
        return wrong("enum", "a list of values");
    }
    if schema.get("additionalProperties").is_some_and(|value| !value.is_boolean()) {
        return wrong("additionalProperties", "true or false");
    }
    check_members(schema, at)
}

fn check_members(schema: &Map<String, Value>, at: &str) -> Result<(), String> {
    let properties = match schema.get("properties") {
        None => None,
        Some(Value::Object(properties)) => Some(properties),
        Some(_) => return Err(format!("`{at}.properties` is not an object; correct it")),
    };
    for (name, member) in properties.into_iter().flatten() {
        check(member, &format!("{at}.properties.{name}"))?;
    }
    for name in schema
        .get("required")
        .map(names)
        .unwrap_or(Ok(Vec::new()))
        .map_err(|()| format!("`{at}.required` is not a list of names; correct it"))?
    {
        if !properties.is_some_and(|properties| properties.contains_key(name)) {
            return Err(format!("`{at}.required` names `{name}`, which properties has not; add or remove it"));
        }
    }
    schema.get("items").map_or(Ok(()), |items| check(items, &format!("{at}.items")))
}

fn names(value: &Value) -> Result<Vec<&str>, ()> {
    value.as_array().ok_or(())?.iter().map(|name| name.as_str().ok_or(())).collect()
}

fn types(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(_) => names(value).ok().filter(|all| !all.is_empty()),
        _ => None,
    }
}

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
        Value::String(text) => between(schema, "Length", text.chars().count() as u64, at, "characters"),
        Value::Number(number) => in_range(schema, number.as_f64().unwrap_or(f64::NAN), at),
        Value::Array(items) => {
            between(schema, "Items", items.len() as u64, at, "items")?;
            let Some(each) = schema.get("items") else { return Ok(()) };
            items.iter().enumerate().try_for_each(|(index, item)| hold(each, item, &format!("{at}[{index}]")))
        }
        Value::Object(members) => hold_members(schema, members, at),
        _ => Ok(()),
    }
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
    match (bound("minimum"), bound("maximum")) {
        (Some(min), _) if number < min => Err(format!("{at} is {number}, less than {min}")),
        (_, Some(max)) if number > max => Err(format!("{at} is {number}, more than {max}")),
        _ => Ok(()),
    }
}

fn hold_members(schema: &Map<String, Value>, members: &Map<String, Value>, at: &str) -> Result<(), String> {
    let required = schema.get("required").and_then(|value| names(value).ok()).unwrap_or_default();
    if let Some(missing) = required.iter().find(|name| !members.contains_key(**name)) {
        return Err(format!("{at} has no \"{missing}\""));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, member) in members {
        match properties.and_then(|properties| properties.get(name)) {
            Some(schema) => hold(schema, member, &format!("{at}.{name}"))?,
            None if closed => return Err(format!("{at} has \"{name}\", which does not belong there")),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tip() -> Value {
        json!({
            "type": "object", "additionalProperties": false, "required": ["title", "kind"],
            "properties": {
                "title": {"type": "string", "minLength": 2, "maxLength": 5},
                "kind": {"enum": ["a", "b"]},
                "n": {"type": ["integer", "null"], "minimum": 0, "maximum": 9},
                "ids": {"type": "array", "maxItems": 2, "items": {"type": "string"}}
            }
        })
    }

    #[test]
    fn answers_are_held_to_the_schema() {
        let table = [
            (r#"{"title": "abc", "kind": "a"}"#, ""),
            (r#"{"title": "abc", "kind": "b", "n": 3.0, "ids": ["x"]}"#, ""),
            ("Sure:\n```json\n{\"title\": \"abc\", \"kind\": \"a\"}\n```\nDone.", ""),
            ("```\n{\"title\": \"abc\", \"kind\": \"a\", \"n\": null}\n```", ""),
            (r#"{"kind": "a"}"#, "the answer has no \"title\""),
            (r#"{"title": "a", "kind": "a"}"#, "the answer.title has 1 characters, fewer than 2"),
            (r#"{"title": "abcdef", "kind": "a"}"#, "the answer.title has 6 characters, more than 5"),
            (r#"{"title": 5, "kind": "a"}"#, "the answer.title is not of type string"),
            (r#"{"title": "abc", "kind": "c"}"#, "the answer.kind is not one of \"a\", \"b\""),
            (r#"{"title": "abc", "kind": "a", "n": 1.5}"#, "the answer.n is not of type integer or null"),
            (r#"{"title": "abc", "kind": "a", "n": 10}"#, "the answer.n is 10, more than 9"),
            (r#"{"title": "abc", "kind": "a", "ids": ["x", 1]}"#, "the answer.ids[1] is not of type string"),
            (r#"{"title": "abc", "kind": "a", "ids": ["x", "y", "z"]}"#, "the answer.ids has 3 items, more than 2"),
            (r#"{"title": "abc", "kind": "a", "x": 1}"#, "the answer has \"x\", which does not belong there"),
            (r#"[1]"#, "the answer is not of type object"),
        ];
        for (text, want) in table {
            assert_eq!(validate(&tip(), text).err().unwrap_or_default(), want, "{text}");
        }
        for text in ["", "no", "{\"title\": \"abc\"", "```json\n{\"title\":"] {
            let error = validate(&tip(), text).unwrap_err();
            assert!(error.starts_with("the answer is not JSON (") && error.ends_with("nothing else"), "{error}");
        }
    }

    #[test]
    fn a_schema_that_would_not_be_kept_is_refused() {
        assert_eq!(check(&tip(), "output"), Ok(()));
        let table = [
            (json!("x"), "`output` is not an object; write a JSON Schema"),
            (json!({"pattern": "^a"}), "`output.pattern` is not a keyword that is checked; remove it"),
            (json!({"type": "text"}), "`output.type` is not a JSON type or a list of them; correct it"),
            (json!({"maxLength": -1}), "`output.maxLength` is not a whole number of 0 or more; correct it"),
            (json!({"minimum": "0"}), "`output.minimum` is not a number; correct it"),
            (json!({"enum": []}), "`output.enum` is not a list of values; correct it"),
            (json!({"additionalProperties": {}}), "`output.additionalProperties` is not true or false; correct it"),
            (json!({"properties": []}), "`output.properties` is not an object; correct it"),
            (json!({"required": "a"}), "`output.required` is not a list of names; correct it"),
            (
                json!({"required": ["a"], "properties": {}}),
                "`output.required` names `a`, which properties has not; add or remove it",
            ),
            (
                json!({"items": {"properties": {"a": {"type": 5}}}}),
                "`output.items.properties.a.type` is not a JSON type or a list of them; correct it",
            ),
        ];
        for (schema, want) in table {
            assert_eq!(check(&schema, "output"), Err(want.to_owned()), "{schema}");
        }
    }
}
