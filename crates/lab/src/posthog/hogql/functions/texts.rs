//! Texts.

use regex_automata::meta::Regex;

use super::super::value::Value;
use super::{Function, MANY, number};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("concat", 1, MANY, |a| Ok(Value::text(a.iter().map(Value::shown).collect::<String>()))),
    Function::new("lower", 1, 1, |a| Ok(Value::text(a[0].shown().to_lowercase()))),
    Function::new("upper", 1, 1, |a| Ok(Value::text(a[0].shown().to_uppercase()))),
    Function::new("trim", 1, 1, |a| Ok(Value::text(a[0].shown().trim()))),
    Function::new("toString", 1, 1, |a| Ok(Value::text(a[0].shown()))),
    Function::new("toUUID", 1, 1, |a| Ok(Value::text(a[0].shown()))),
    Function::new("length", 1, 1, |a| {
        Ok(Value::Int(match &a[0] {
            Value::List(items) => items.len(),
            other => other.shown().len(),
        } as i64))
    }),
    Function::new("empty", 1, 1, |a| Ok(Value::Bool(a[0].shown().is_empty()))),
    Function::new("notEmpty", 1, 1, |a| Ok(Value::Bool(!a[0].shown().is_empty()))),
    Function::new("startsWith", 2, 2, |a| Ok(Value::Bool(a[0].shown().starts_with(&a[1].shown())))),
    Function::new("endsWith", 2, 2, |a| Ok(Value::Bool(a[0].shown().ends_with(&a[1].shown())))),
    Function::new("position", 2, 2, |a| Ok(Value::Int(a[0].shown().find(&a[1].shown()).map_or(0, |at| at as i64 + 1)))),
    Function::new("replaceAll", 3, 3, |a| Ok(Value::text(a[0].shown().replace(&a[1].shown(), &a[2].shown())))),
    Function::new("substring", 2, 3, substring),
    Function::new("splitByString", 2, 2, |a| Ok(split(&a[1].shown(), &a[0].shown()))),
    Function::new("splitByChar", 2, 2, |a| Ok(split(&a[1].shown(), &a[0].shown()))),
    Function::new("like", 2, 2, |a| Ok(Value::Bool(like(&a[0].shown(), &a[1].shown())))),
    Function::new("ilike", 2, 2, |a| Ok(Value::Bool(like(&a[0].shown().to_lowercase(), &a[1].shown().to_lowercase())))),
    Function::new("match", 2, 2, matches),
    Function::new("JSONExtractString", 2, 2, |a| {
        Ok(match json_field(&a[0], &a[1]) {
            Some(serde_json::Value::String(text)) => Value::text(text),
            _ => Value::text(""),
        })
    }),
    Function::new("JSONExtractFloat", 2, 2, |a| {
        Ok(Value::Float(json_field(&a[0], &a[1]).and_then(|value| value.as_f64()).unwrap_or(0.0)))
    }),
    Function::new("JSONExtractInt", 2, 2, |a| {
        Ok(Value::Int(json_field(&a[0], &a[1]).and_then(|value| value.as_i64()).unwrap_or(0)))
    }),
    Function::new("JSONHas", 2, 2, |a| Ok(Value::Bool(json_field(&a[0], &a[1]).is_some()))),
];

fn split(text: &str, separator: &str) -> Value {
    Value::List(text.split(separator).map(Value::text).collect())
}

/// Characters from `start` (1-based) on, at most `length`.
fn substring(arguments: &[Value]) -> Result<Value, String> {
    let text = arguments[0].shown();
    let start = (number(&arguments[1])? as i64).max(1) as usize - 1;
    let length = arguments.get(2).map(number).transpose()?.map_or(usize::MAX, |length| length.max(0.0) as usize);
    Ok(Value::text(text.chars().skip(start).take(length).collect::<String>()))
}

fn matches(arguments: &[Value]) -> Result<Value, String> {
    let pattern = Regex::new(&arguments[1].shown()).map_err(|error| format!("not a regular expression: {error}"))?;
    Ok(Value::Bool(pattern.is_match(arguments[0].shown().as_bytes())))
}

fn json_field(document: &Value, key: &Value) -> Option<serde_json::Value> {
    let document: serde_json::Value = serde_json::from_str(&document.shown()).ok()?;
    document.get(key.shown()).cloned()
}

/// SQL's LIKE: `%` any text, `_` one character, `\` takes the next literally.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut retry = None;
    while at < text.len() {
        let literal = if pattern.get(place) == Some(&'\\') { pattern.get(place + 1) } else { None };
        let width = 1 + usize::from(literal.is_some());
        match pattern.get(place) {
            Some('%') => {
                retry = Some((place, at));
                place += 1;
            }
            Some(wanted) if literal.unwrap_or(wanted) == &text[at] || (literal.is_none() && *wanted == '_') => {
                (at, place) = (at + 1, place + width);
            }
            _ => match retry {
                Some((back, from)) => {
                    (at, place) = (from + 1, back + 1);
                    retry = Some((back, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[place..].iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_knows_its_wildcards() {
        for (text, pattern, want) in [
            ("checkout_completed", "checkout%", true),
            ("checkout_completed", "%completed", true),
            ("checkout_completed", "%out%comp%", true),
            ("checkout", "check_ut", true),
            ("checkout", "check_", false),
            ("50%", "50\\%", true),
            ("501", "50\\%", false),
            ("", "%", true),
            ("a", "", false),
        ] {
            assert_eq!(like(text, pattern), want, "{text} like {pattern}");
        }
    }
}
