//! Reads TOML values one by one, so that every complaint can name the key, its line and the remedy.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ScenarioError;
use crate::time::{HOUR_MS, parse_rfc3339};

/// Free text that any table may carry.
const REMARKS: [&str; 3] = ["description", "note", "comment"];

/// A table of the file with the path that leads to it.
pub(super) struct Table<'a> {
    path: String,
    line: usize,
    table: &'a DeTable<'a>,
    text: &'a str,
}

/// One value with its path and line.
pub(super) struct Value<'a> {
    pub(super) path: String,
    line: usize,
    value: &'a DeValue<'a>,
    text: &'a str,
}

pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    let end = span.start.min(text.len());
    text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
}

impl<'a> Table<'a> {
    pub(super) fn root(table: &'a Spanned<DeTable<'a>>, text: &'a str) -> Table<'a> {
        Table { path: String::new(), line: 1, table: table.get_ref(), text }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Complains about the first key that is not in `known`, with the nearest that is.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ScenarioError> {
        let stray = self.table.keys().find(|key| {
            let key: &str = key.get_ref();
            !known.contains(&key) && !REMARKS.contains(&key)
        });
        let Some(stray) = stray else { return Ok(()) };
        let key: &str = stray.get_ref();
        let nearest = known.iter().max_by(|a, b| {
            let score = |word: &str| strsim::jaro_winkler(word, key);
            score(a).total_cmp(&score(b))
        });
        let remedy = match nearest {
            Some(near) if strsim::jaro_winkler(near, key) > 0.8 => format!("did you mean `{near}`?"),
            _ => format!("the keys here are {}", known.join(", ")),
        };
        Err(ScenarioError::Key {
            path: self.path_of(key),
            line: line_of(self.text, &stray.span()),
            problem: format!("is not a key of a scenario; {remedy}"),
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some(Value {
            path: self.path_of(key),
            line: line_of(self.text, &value.span()),
            value: value.get_ref(),
            text: self.text,
        })
    }

    pub(super) fn required(&self, key: &str, example: &str) -> Result<Value<'a>, ScenarioError> {
        self.get(key).ok_or_else(|| ScenarioError::Key {
            path: self.path_of(key),
            line: self.line,
            problem: format!("is missing; write for example `{key} = {example}`"),
        })
    }

    /// The keys in the file's order.
    pub(super) fn keys_in_order(&self) -> Vec<&'a str> {
        let mut keys: Vec<_> = self.table.keys().map(|key| (key.span().start, key.get_ref().as_ref())).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// The tables of `[[key]]`; none if the key is absent.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Table<'a>>, ScenarioError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let DeValue::Array(items) = value.value else {
            return Err(value.bad(format!("must be a list of tables; write `[[{key}]]`")));
        };
        items.iter().enumerate().map(|(at, item)| value.item(at, item).table()).collect()
    }

    pub(super) fn string(&self, key: &str, example: &str) -> Result<String, ScenarioError> {
        let value = self.required(key, example)?;
        let text = value.string()?;
        if text.trim().is_empty() {
            return Err(value.bad(format!("must not be empty; write for example `{key} = {example}`")));
        }
        Ok(text.to_owned())
    }

    pub(super) fn number_or(&self, key: &str, default: f64, range: (f64, f64)) -> Result<f64, ScenarioError> {
        self.get(key).map_or(Ok(default), |value| value.number_in(range))
    }
}

impl<'a> Value<'a> {
    pub(super) fn bad(&self, problem: impl Into<String>) -> ScenarioError {
        ScenarioError::Key { path: self.path.clone(), line: self.line, problem: problem.into() }
    }

    fn item(&self, at: usize, item: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        Value {
            path: format!("{}[{at}]", self.path),
            line: line_of(self.text, &item.span()),
            value: item.get_ref(),
            text: self.text,
        }
    }

    fn wrong_type(&self, wanted: &str) -> ScenarioError {
        self.bad(format!("{} is not {wanted}", shown(self.value)))
    }

    pub(super) fn table(&self) -> Result<Table<'a>, ScenarioError> {
        match self.value {
            DeValue::Table(table) => Ok(Table { path: self.path.clone(), line: self.line, table, text: self.text }),
            _ => Err(self.wrong_type("a table")),
        }
    }

    pub(super) fn string(&self) -> Result<&'a str, ScenarioError> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("a text; put it in quotes")),
        }
    }

    pub(super) fn strings(&self) -> Result<Vec<String>, ScenarioError> {
        match self.value {
            DeValue::Array(items) => {
                items.iter().enumerate().map(|(at, item)| self.item(at, item).string().map(str::to_owned)).collect()
            }
            _ => Err(self.wrong_type("a list of texts; write it like [\"a\", \"b\"]")),
        }
    }

    pub(super) fn numbers(&self, range: (f64, f64)) -> Result<Vec<f64>, ScenarioError> {
        match self.value {
            DeValue::Array(items) => {
                items.iter().enumerate().map(|(at, item)| self.item(at, item).number_in(range)).collect()
            }
            _ => Err(self.wrong_type("a list of numbers; write it like [0.6, 0.4]")),
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self.value {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(_) => self.as_integer().map(|integer| integer as f64),
            _ => None,
        }
    }

    fn as_integer(&self) -> Option<i128> {
        let DeValue::Integer(integer) = self.value else { return None };
        i128::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
    }

    /// A finite number between the bounds, both included.
    pub(super) fn number_in(&self, (low, high): (f64, f64)) -> Result<f64, ScenarioError> {
        let number = self.as_number().ok_or_else(|| self.wrong_type("a number"))?;
        if (low..=high).contains(&number) {
            return Ok(number);
        }
        let bound = match (low.is_finite(), high.is_finite() && high < f64::MAX) {
            (true, true) => format!("between {low} and {high}"),
            (true, false) => format!("at least {low} and finite"),
            _ => "finite".to_owned(),
        };
        Err(self.bad(format!("{} is out of range; it must be {bound}", shown(self.value))))
    }

    /// A whole number between the bounds, both included.
    pub(super) fn integer_in(&self, low: u64, high: u64) -> Result<u64, ScenarioError> {
        let integer = self.as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        u64::try_from(integer)
            .ok()
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| self.bad(format!("{integer} is out of range; it must be between {low} and {high}")))
    }

    /// The word's place in `words`.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ScenarioError> {
        let text = self.string()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.bad(format!("{} is not known; write one of {}", shown(self.value), all.join(", ")))
        })
    }

    /// An RFC 3339 instant, quoted or bare.
    pub(super) fn instant(&self) -> Result<i64, ScenarioError> {
        let text = match self.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(datetime) => datetime.to_string(),
            _ => return Err(self.wrong_type("an instant; write it like \"2026-01-05T08:00:00Z\"")),
        };
        parse_rfc3339(&text).ok_or_else(|| {
            self.bad(format!("{text:?} is not an RFC 3339 instant; write it like \"2026-01-05T08:00:00Z\""))
        })
    }

    /// An instant, or hours from `start_ms` (may be negative).
    pub(super) fn moment(&self, start_ms: i64) -> Result<i64, ScenarioError> {
        if self.as_number().is_none() {
            return self.instant().map_err(|_| {
                let text = shown(self.value);
                self.bad(format!(
                    "{text} is not a time; write hours from the start like 1.5, or \"2026-01-05T08:00:00Z\""
                ))
            });
        }
        let hours = self.number_in((-100_000.0, 100_000.0))?;
        Ok(start_ms + (hours * HOUR_MS as f64).round() as i64)
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
