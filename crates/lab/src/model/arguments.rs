//! Values that satisfy a JSON Schema, taken from a text where they can be.

use regex_automata::meta::Regex;
use serde_json::{Map, Value, json};

use super::words::stems;

/// A schema may hold itself; deeper than this it is cut.
const DEPTH_MAX: usize = 8;
/// Longest piece of the text that is passed on as an argument.
const TEXT_MAX: usize = 200;
/// What is asked where a query is wanted and none is in the text.
const QUERY: &str = "SELECT event, count() AS number FROM events WHERE timestamp >= now() - INTERVAL 7 DAY GROUP BY event ORDER BY number DESC LIMIT 20";

/// Fills the required fields of `schema` from `text`.
pub(super) fn fill(schema: &Value, text: &str) -> Value {
    Filler { root: schema, text }.value("", schema, 0)
}

struct Filler<'a> {
    root: &'a Value,
    text: &'a str,
}

impl Filler<'_> {
    fn value(&self, name: &str, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        for fixed in ["const", "default"] {
            if let Some(value) = schema.get(fixed) {
                return value.clone();
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.nearest(values);
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let some = choices.iter().find(|one| one["type"] != "null").unwrap_or(&Value::Null);
                return self.value(name, some, depth + 1);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => {
                let least = schema["minItems"].as_u64().unwrap_or(0).min(8);
                (0..least).map(|_| self.value(name, &schema["items"], depth + 1)).collect()
            }
            "integer" => json!(self.number(schema).round() as i64),
            "number" => json!(self.number(schema)),
            "boolean" => json!(false),
            "null" => Value::Null,
            _ => json!(self.string(name, schema)),
        }
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else { return schema };
        self.root.pointer(path).unwrap_or(&Value::Null)
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut fields = Map::new();
        for name in required.iter().filter_map(Value::as_str) {
            fields.insert(name.to_owned(), self.value(name, &schema["properties"][name], depth + 1));
        }
        Value::Object(fields)
    }

    /// Of the allowed values the one whose words are in the text, else the first.
    fn nearest(&self, values: &[Value]) -> Value {
        let said = stems(self.text);
        let named = values.iter().find(|value| value.as_str().is_some_and(|word| !said.is_disjoint(&stems(word))));
        named.or(values.first()).cloned().unwrap_or_default()
    }

    fn number(&self, schema: &Value) -> f64 {
        let least = schema["minimum"].as_f64().or(schema["exclusiveMinimum"].as_f64().map(|least| least + 1.0));
        let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
        let alone = self.text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()));
        let within = self.text.split(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
        let fits = |number: &f64| number.is_finite() && *number >= least.unwrap_or(f64::MIN) && *number <= most;
        let words = self.text.split_whitespace().zip(alone).filter(|(word, sign)| word.len() - sign.len() < 2);
        let said = words.map(|(_, sign)| sign).chain(within).filter_map(|sign| sign.parse::<f64>().ok());
        said.into_iter().find(fits).or(least).unwrap_or(1.0)
    }

    fn string(&self, name: &str, schema: &Value) -> String {
        let about = format!("{name} {}", schema["description"].as_str().unwrap_or_default()).to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| about.contains(word));
        let tokens = || {
            let ends = |letter: char| !letter.is_alphanumeric() && !matches!(letter, '#' | '-' | '_' | '/' | '.' | ':');
            self.text.split(ends).map(|token| token.trim_matches(['.', ':', '-'])).filter(|token| !token.is_empty())
        };
        if let Some(pattern) = schema["pattern"].as_str().and_then(|pattern| Regex::new(pattern).ok())
            && let Some(token) = tokens().find(|token| pattern.is_match(token))
        {
            return token.to_owned();
        }
        if has(&["hogql", "sql"]) {
            let select = self.text.to_ascii_uppercase().find("SELECT ").and_then(|at| self.text.get(at..));
            return select.unwrap_or(QUERY).to_owned();
        }
        let marked = |token: &&str| token.contains(|letter: char| letter.is_ascii_digit());
        if (name.ends_with("id") || has(&["number", "sha", "commit", "ref", "path", "file"]))
            && let Some(token) = tokens().find(marked)
        {
            return token.to_owned();
        }
        let quoted = self.text.split(['"', '`', '“', '”']).nth(1).filter(|quoted| !quoted.is_empty());
        quoted.unwrap_or(self.text).chars().take(TEXT_MAX).collect()
    }
}

fn kind(schema: &Value) -> &str {
    let named = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        other => other.as_str(),
    };
    named.unwrap_or(if schema.get("properties").is_some() { "object" } else { "string" })
}
