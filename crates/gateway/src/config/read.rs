//! JSON text to a typed value: syntax first, then shape, with the path of what is wrong and the keys nobody reads.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::{
    error::{ConfigError, Parsed, Warning},
    explain::{explain, name_value, with_example},
    keys::{Key, KeyPath, below, example},
    suggest::unknown_key,
};
use crate::decode::decode;

/// Reads `text` as a `T`. `keys` are the known keys, for sections, remedies and suggestions.
pub(crate) fn read<T: DeserializeOwned>(text: &str, label: &str, keys: &[Key]) -> Result<Parsed<T>, ConfigError> {
    let (value, twice) = parse_json(text, label)?;
    check_sections(&value, &KeyPath::default(), keys).map_err(|(key, text)| ConfigError::one(label, key, text))?;
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(ignored_path(&path));
    let typed = decode(serde_ignored::Deserializer::new(&value, &mut note));
    let typed = typed.map_err(|error| wrong_value(label, error_path(&error.path), &error.reason, &value, keys))?;
    let mut warnings: Vec<_> =
        twice.into_iter().map(|key| Warning::new(label, key, "is there twice; the last one counts")).collect();
    warnings.extend(unknown.iter().map(|key| unknown_key(label, key, keys)));
    Ok(Parsed { value: typed, warnings })
}

/// The JSON value of `text`, and the paths of keys that it has twice.
pub(crate) fn parse_json(text: &str, label: &str) -> Result<(Value, Vec<String>), ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ConfigError::one(label, "", "the file is empty; write {} to take every default"));
    }
    let mut twice = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    Watched { path: String::new(), twice: &mut twice }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map(|value| (value, twice))
        .map_err(|error| syntax_error(label, &error))
}

fn syntax_error(label: &str, error: &serde_json::Error) -> ConfigError {
    let message = error.to_string();
    let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    let what = what.replace("EOF while parsing", "the file ends inside").replace("expected ident", "expected value");
    let place = format!("line {}, column {}", error.line(), error.column());
    ConfigError::one(label, "", format!("{place}: {what}; correct the JSON there"))
}

fn wrong_value(label: &str, path: KeyPath, message: &str, root: &Value, keys: &[Key]) -> ConfigError {
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let key = path.name(field);
        let text = with_example("is missing", example(keys, &key));
        return ConfigError::one(label, key.to_string(), text);
    }
    let text = explain(message, value_at(root, &path), example(keys, &path));
    ConfigError::one(label, path.to_string(), text)
}

fn value_at<'a>(root: &'a Value, path: &KeyPath) -> Option<&'a Value> {
    path.0.iter().try_fold(root, |value, segment| {
        let index = segment.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|n| n.parse().ok());
        match (value, index) {
            (Value::Array(items), Some::<usize>(index)) => items.get(index),
            _ => value.get(segment.as_str()),
        }
    })
}

/// serde would read a list where an object belongs, and name Rust's types where neither is: say it first.
fn check_sections(value: &Value, path: &KeyPath, keys: &[Key]) -> Result<(), (String, String)> {
    let rests = below(keys, path);
    let root = path.0.is_empty();
    if rests.iter().any(|(rest, _)| rest.starts_with('[')) {
        // Anything but a list is left to serde, which says it well.
        let items = value.as_array().into_iter().flatten().enumerate();
        return items.into_iter().try_for_each(|(index, item)| check_sections(item, &path.index(index), keys));
    }
    if !rests.iter().any(|(rest, _)| root || rest.starts_with('.')) {
        return Ok(());
    }
    let Value::Object(members) = value else {
        return Err((path.to_string(), format!("{} is not an object; write it in {{ }}", name_value(value))));
    };
    members.iter().try_for_each(|(name, member)| check_sections(member, &path.name(name), keys))
}

fn ignored_path(path: &serde_ignored::Path<'_>) -> KeyPath {
    use serde_ignored::Path;
    match path {
        Path::Root => KeyPath::default(),
        Path::Seq { parent, index } => ignored_path(parent).index(*index),
        Path::Map { parent, key } => ignored_path(parent).name(key),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            ignored_path(parent)
        }
    }
}

fn error_path(path: &serde_path_to_error::Path) -> KeyPath {
    use serde_path_to_error::Segment;
    path.iter().fold(KeyPath::default(), |path, segment| match segment {
        Segment::Seq { index } => path.index(*index),
        Segment::Map { key } => path.name(key),
        Segment::Enum { variant } => path.name(variant),
        Segment::Unknown => path.name("?"),
    })
}

/// Reads a JSON value and notes keys that an object has twice; `serde_json` alone keeps the last without a word.
struct Watched<'a> {
    path: String,
    twice: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Watched<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Watched<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Watched { path: format!("{}[{}]", self.path, list.len()), twice: self.twice })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let value = members.next_value_seed(Watched { path: path.clone(), twice: self.twice })?;
            if map.insert(key, value).is_some() {
                self.twice.push(path);
            }
        }
        Ok(Value::Object(map))
    }
}
