//! The schema of a tool's arguments as the model is shown it: as few bytes as say the same.
//!
//! Bounds, formats, "or null" and "nothing else" are left out: they cost tokens in every request, and the arguments are checked
//! when they come.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// What every schema says and no model needs.
const NOISE: [&str; 7] = ["$schema", "title", "format", "minimum", "maximum", "default", "additionalProperties"];

/// The schema of `T`.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = compact(settings.into_generator().into_root_schema_for::<T>().to_value());
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("description");
        schema.entry("properties").or_insert_with(|| json!({}));
    }
    schema
}

fn compact(value: Value) -> Value {
    let Value::Object(mut schema) = value else { return value };
    NOISE.iter().for_each(|key| drop(schema.remove(*key)));
    let description = schema.get("description").cloned();
    if let Some(Value::Array(any)) = schema.remove("anyOf") {
        // What may be null may be left out.
        let real = any.into_iter().find(|one| one["type"] != "null");
        if let Some(Value::Object(real)) = real {
            schema.extend(real);
            NOISE.iter().for_each(|key| drop(schema.remove(*key)));
        }
    }
    schema.extend(description.map(|words| ("description".to_owned(), words)));
    if let Some(Value::Array(kinds)) = schema.get("type") {
        let real = kinds.iter().find(|kind| *kind != "null").cloned();
        schema.extend(real.map(|kind| ("type".to_owned(), kind)));
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
        schema.remove("type");
    }
    if let Some(Value::Object(properties)) = schema.remove("properties") {
        let properties: Map<String, Value> =
            properties.into_iter().map(|(name, property)| (name, compact(property))).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    if let Some(items) = schema.remove("items") {
        schema.insert("items".to_owned(), compact(items));
    }
    Value::Object(schema)
}
