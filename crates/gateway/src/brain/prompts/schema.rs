//! The part of JSON Schema that answers of a model are held to: small enough to be explained to the model word by word.
//!
//! A full validator is two dozen crates; what a prompt file may say is the list in [`KEYWORDS`], and anything else is named
//! when the file is read, so that no rule is silently not kept.

mod hold;

use regex_lite::Regex;
use serde_json::{Map, Value};

pub use hold::validate;

/// The keywords that mean something here.
const KEYWORDS: [&str; 29] = [
    "$schema",
    "title",
    "description",
    "examples",
    "default",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
];
/// Those whose value is a list of schemas.
const LISTS: [&str; 3] = ["anyOf", "oneOf", "allOf"];
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
    for key in ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"] {
        if schema.get(key).is_some_and(|value| value.as_u64().is_none()) {
            return wrong(key, "a whole number of 0 or more");
        }
    }
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        if schema.get(key).is_some_and(|value| !value.is_number()) {
            return wrong(key, "a number");
        }
    }
    if schema.get("multipleOf").is_some_and(|value| value.as_f64().is_none_or(|step| step <= 0.0)) {
        return wrong("multipleOf", "a number above 0");
    }
    if schema.get("uniqueItems").is_some_and(|value| !value.is_boolean()) {
        return wrong("uniqueItems", "true or false");
    }
    if schema.get("enum").is_some_and(|value| value.as_array().is_none_or(Vec::is_empty)) {
        return wrong("enum", "a list of values");
    }
    if schema.get("additionalProperties").is_some_and(|value| !value.is_boolean() && !value.is_object()) {
        return wrong("additionalProperties", "true, false or a schema");
    }
    if let Some(pattern) = schema.get("pattern") {
        pattern_of(pattern).map_err(|why| format!("`{at}.pattern` {why}"))?;
    }
    check_members(schema, at)?;
    check_parts(schema, at)
}

/// The expression that `pattern` holds a text to. It is looked for anywhere in the text, as JSON Schema has it.
fn pattern_of(pattern: &Value) -> Result<Regex, String> {
    let pattern = pattern.as_str().ok_or("is not a text; write a regular expression")?;
    Regex::new(pattern).map_err(|why| format!("is not a regular expression that is understood ({why}); correct it"))
}

fn check_parts(schema: &Map<String, Value>, at: &str) -> Result<(), String> {
    for key in LISTS {
        let Some(parts) = schema.get(key) else { continue };
        let Some(parts) = parts.as_array().filter(|parts| !parts.is_empty()) else {
            return Err(format!("`{at}.{key}` is not a list of schemas; correct it"));
        };
        for (index, part) in parts.iter().enumerate() {
            check(part, &format!("{at}.{key}[{index}]"))?;
        }
    }
    for key in ["not", "additionalProperties"] {
        match schema.get(key) {
            Some(part) if key == "not" || part.is_object() => check(part, &format!("{at}.{key}"))?,
            _ => {}
        }
    }
    Ok(())
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
    fn each_keyword_is_kept() {
        let either = json!({"anyOf": [{"type": "string", "pattern": "^F-[0-9]+$"}, {"type": "null"}]});
        let one = json!({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]});
        let table = [
            (json!({"pattern": "^F-[0-9]+$"}), r#""F-12""#, ""),
            (json!({"pattern": "[0-9]"}), r#""at 5""#, ""),
            (json!({"pattern": "^F-[0-9]+$"}), r#""F-x""#, "the answer does not match the pattern ^F-[0-9]+$"),
            (either.clone(), "null", ""),
            (either.clone(), r#""F-3""#, ""),
            (
                either,
                "5",
                "the answer is none of what it may be: the answer is not of type string; or the answer is not of type null",
            ),
            (one.clone(), "4", ""),
            (one, "6", "the answer is more than one of what it may be, and must be just one"),
            (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), "3", "the answer is 3, more than 2"),
            (json!({"not": {"enum": ["x"]}}), r#""y""#, ""),
            (json!({"not": {"enum": ["x"]}}), r#""x""#, "the answer is what it must not be: {\"enum\":[\"x\"]}"),
            (json!({"exclusiveMinimum": 0}), "0", "the answer is 0, not more than 0"),
            (json!({"exclusiveMaximum": 1}), "1", "the answer is 1, not less than 1"),
            (json!({"multipleOf": 0.1}), "0.7", ""),
            (json!({"multipleOf": 0.5}), "0.7", "the answer is 0.7, not a multiple of 0.5"),
            (json!({"uniqueItems": true}), "[1, 2, 1]", "the answer[2] stands there twice"),
            (json!({"minProperties": 1}), "{}", "the answer has 0 members, fewer than 1"),
            (json!({"additionalProperties": {"type": "string"}}), r#"{"a": "x"}"#, ""),
            (json!({"additionalProperties": {"type": "string"}}), r#"{"a": 1}"#, "the answer.a is not of type string"),
        ];
        for (schema, text, want) in table {
            assert_eq!(check(&schema, "output"), Ok(()), "{schema}");
            assert_eq!(validate(&schema, text).err().unwrap_or_default(), want, "{schema} of {text}");
        }
        let error = check(&json!({"pattern": "("}), "output").unwrap_err();
        assert!(error.starts_with("`output.pattern` is not a regular expression that is understood ("), "{error}");
    }

    #[test]
    fn a_schema_that_would_not_be_kept_is_refused() {
        assert_eq!(check(&tip(), "output"), Ok(()));
        let table = [
            (json!("x"), "`output` is not an object; write a JSON Schema"),
            (json!({"format": "date"}), "`output.format` is not a keyword that is checked; remove it"),
            (json!({"pattern": 5}), "`output.pattern` is not a text; write a regular expression"),
            (json!({"anyOf": []}), "`output.anyOf` is not a list of schemas; correct it"),
            (
                json!({"oneOf": [{"type": "text"}]}),
                "`output.oneOf[0].type` is not a JSON type or a list of them; correct it",
            ),
            (json!({"not": "a"}), "`output.not` is not an object; write a JSON Schema"),
            (json!({"multipleOf": 0}), "`output.multipleOf` is not a number above 0; correct it"),
            (json!({"uniqueItems": 1}), "`output.uniqueItems` is not true or false; correct it"),
            (json!({"minProperties": 1.5}), "`output.minProperties` is not a whole number of 0 or more; correct it"),
            (json!({"type": "text"}), "`output.type` is not a JSON type or a list of them; correct it"),
            (json!({"maxLength": -1}), "`output.maxLength` is not a whole number of 0 or more; correct it"),
            (json!({"minimum": "0"}), "`output.minimum` is not a number; correct it"),
            (json!({"enum": []}), "`output.enum` is not a list of values; correct it"),
            (
                json!({"additionalProperties": 5}),
                "`output.additionalProperties` is not true, false or a schema; correct it",
            ),
            (
                json!({"additionalProperties": {"enum": []}}),
                "`output.additionalProperties.enum` is not a list of values; correct it",
            ),
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
