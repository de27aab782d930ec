//! The values HogQL works with, and how they compare, add up and are written as JSON.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime};
use serde_json::json;

use crate::time::{DAY_MS, SECOND_MS, rfc3339, utc};

/// A value of one cell.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// An instant, Unix milliseconds.
    Time(i64),
    /// A day, counted from 1970-01-01.
    Date(i64),
    /// A length of time.
    Span(Span),
    List(Arc<[Value]>),
}

/// A length of time: months, whose length varies, and milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) months: i64,
    pub(crate) ms: i64,
}

impl Value {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether a condition of this value holds; NULL does not.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Value::Bool(yes) => *yes,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => &**text == "true",
            _ => false,
        }
    }

    /// As a number; texts that are not numbers are none.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Time(ms) => Some(*ms as f64 / SECOND_MS as f64),
            Value::Date(days) => Some(*days as f64),
            _ => None,
        }
    }

    /// As an instant, reading texts and whole seconds.
    pub(crate) fn instant(&self) -> Option<i64> {
        match self {
            Value::Time(ms) => Some(*ms),
            Value::Date(days) => Some(days * DAY_MS),
            Value::Int(seconds) => seconds.checked_mul(SECOND_MS),
            Value::Float(seconds) => Some((seconds * SECOND_MS as f64).floor() as i64),
            Value::Text(text) => parse_instant(text),
            _ => None,
        }
    }

    /// The text ClickHouse's `toString` gives.
    pub(crate) fn shown(&self) -> String {
        match self {
            Value::Null => "NULL".to_owned(),
            Value::Bool(yes) => yes.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
            Value::Time(ms) if ms.rem_euclid(SECOND_MS) == 0 => utc(*ms).format("%Y-%m-%d %H:%M:%S").to_string(),
            Value::Time(ms) => utc(*ms).format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            Value::Date(days) => utc(days * DAY_MS).format("%Y-%m-%d").to_string(),
            Value::Span(span) => format!("{} ms", span.ms),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Value::shown).collect();
                format!("[{}]", items.join(","))
            }
        }
    }

    /// As PostHog writes it in an answer.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Value::Null | Value::Span(_) => serde_json::Value::Null,
            Value::Bool(yes) => json!(yes),
            Value::Int(number) => json!(number),
            // NaN and the infinities have no JSON; PostHog writes null.
            Value::Float(number) => json!(number),
            Value::Text(text) => json!(&**text),
            Value::Time(ms) => json!(rfc3339(*ms)),
            Value::Date(_) => json!(self.shown()),
            Value::List(items) => items.iter().map(Value::json).collect(),
        }
    }

    /// The ClickHouse name of its type.
    pub(crate) fn type_name(&self) -> String {
        match self {
            Value::Null => "Nullable(Nothing)".to_owned(),
            Value::Bool(_) => "Bool".to_owned(),
            Value::Int(_) => "Int64".to_owned(),
            Value::Float(_) => "Float64".to_owned(),
            Value::Text(_) => "String".to_owned(),
            Value::Time(_) => "DateTime64(6, 'UTC')".to_owned(),
            Value::Date(_) => "Date".to_owned(),
            Value::Span(_) => "IntervalSecond".to_owned(),
            Value::List(items) => format!("Array({})", items.first().map_or("Nothing".to_owned(), Value::type_name)),
        }
    }

    /// Order of two values; none if one is NULL or they cannot be compared.
    pub(crate) fn compare(&self, other: &Value) -> Option<Ordering> {
        use Value::{Bool, Date, Int, List, Text, Time};
        match (self, other) {
            (Value::Null, _) | (_, Value::Null) => None,
            (Int(a), Int(b)) => Some(a.cmp(b)),
            (Text(a), Text(b)) => Some(a.cmp(b)),
            (Bool(a), Text(b)) => Some(a.to_string().as_str().cmp(b)),
            (Text(a), Bool(b)) => Some((**a).cmp(b.to_string().as_str())),
            (Time(_) | Date(_), _) | (_, Time(_) | Date(_)) => Some(self.instant()?.cmp(&other.instant()?)),
            (List(a), List(b)) => {
                let unequal =
                    a.iter().zip(b.iter()).map(|(a, b)| a.compare(b)).find(|order| *order != Some(Ordering::Equal));
                unequal.unwrap_or_else(|| Some(a.len().cmp(&b.len())))
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// Total order for sorting: NULL and NaN come last.
    pub(crate) fn sort_order(&self, other: &Value) -> Ordering {
        let last = |value: &Value| match value {
            Value::Null => 2,
            Value::Float(number) if number.is_nan() => 1,
            _ => 0,
        };
        last(self).cmp(&last(other)).then_with(|| self.compare(other).unwrap_or(Ordering::Equal))
    }
}

/// Equality for grouping: exact, NULL equals NULL.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::{Bool, Date, Float, Int, List, Null, Text, Time};
        match (self, other) {
            (Null, Null) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int(a), Int(b)) | (Time(a), Time(b)) | (Date(a), Date(b)) => a == b,
            (Float(a), Float(b)) => a.to_bits() == b.to_bits(),
            (Text(a), Text(b)) => a == b,
            (Value::Span(a), Value::Span(b)) => a == b,
            (List(a), List(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => 0u8.hash(state),
            Value::Bool(yes) => yes.hash(state),
            Value::Int(number) | Value::Time(number) | Value::Date(number) => number.hash(state),
            Value::Float(number) => number.to_bits().hash(state),
            Value::Text(text) => text.hash(state),
            Value::Span(span) => span.hash(state),
            Value::List(items) => items.hash(state),
        }
    }
}

/// Reads the spellings ClickHouse's `parseDateTimeBestEffort` meets in practice.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    let spellings = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let moment = spellings.iter().find_map(|spelling| NaiveDateTime::parse_from_str(text, spelling).ok());
    let moment = moment.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    moment.map(|moment| moment.and_utc().timestamp_millis())
}

/// An instant moved by a span, `sign` 1 or -1.
pub(crate) fn shifted(ms: i64, span: Span, sign: i64) -> i64 {
    let months = span.months * sign;
    let moved = Months::new(months.unsigned_abs().min(120_000) as u32);
    let date = if months < 0 { utc(ms).checked_sub_months(moved) } else { utc(ms).checked_add_months(moved) };
    date.map_or(ms, |date| date.timestamp_millis()).saturating_add(span.ms.saturating_mul(sign))
}

/// Months since year 0 of an instant.
pub(crate) fn month_index(ms: i64) -> i64 {
    let date = utc(ms);
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// The first instant of a month counted as in [`month_index`].
pub(crate) fn month_start(index: i64) -> i64 {
    let date = NaiveDate::from_ymd_opt(index.div_euclid(12) as i32, index.rem_euclid(12) as u32 + 1, 1);
    date.and_then(|date| date.and_hms_opt(0, 0, 0)).map_or(0, |date| date.and_utc().timestamp_millis())
}
