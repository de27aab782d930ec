//! Reading what the model asks for: strict about types, forgiving about size.

use serde::de::DeserializeOwned;
use serde_json::Value;
use wakeman_present::sanitize;
use wakeman_types::{DAY_MS, MINUTE_MS, Timestamp};

use super::ToolError;
use crate::{decode::decode, ports::SourceError};

/// Furthest back that is looked, in days.
const DAYS_MAX: f64 = 365.0;

/// The arguments as their type; the error names the field and what is expected.
pub(super) fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    decode(arguments).map_err(|error| {
        let path = error.path.to_string();
        let words = sanitize(&error.reason, 400);
        ToolError::Arguments(if path == "." { words } else { format!("`{}`: {words}", sanitize(&path, 80)) })
    })
}

/// How many rows: what was asked, at least one, at most `max`.
pub(super) fn limit(asked: Option<u64>, default: usize, max: usize) -> usize {
    asked.map_or(default, |asked| usize::try_from(asked).unwrap_or(max)).clamp(1, max)
}

/// The instant so many days ago; more than a year counts as a year.
pub(super) fn since(now: Timestamp, days: Option<f64>, default: f64) -> Timestamp {
    let days = days.filter(|days| days.is_finite() && *days > 0.0).unwrap_or(default).min(DAYS_MAX);
    now.plus_ms(-((days * DAY_MS as f64) as i64).max(MINUTE_MS))
}

/// A text that must be there and have at most `max` characters.
pub(super) fn text(field: &str, text: Option<String>, max: usize) -> Result<String, ToolError> {
    let text = text.unwrap_or_default();
    let length = text.chars().count();
    if text.trim().is_empty() || length > max {
        return Err(ToolError::Arguments(format!("`{field}`: has {length} characters; write 1 to {max}")));
    }
    Ok(text)
}

/// A field that this use of the tool needs.
pub(super) fn needed<T>(field: &str, value: Option<T>, what: &str) -> Result<T, ToolError> {
    value.ok_or_else(|| ToolError::Arguments(format!("`{field}`: is missing; {what} needs it")))
}

/// Why a source gave nothing. What it refuses as wrong can be asked otherwise; everything else leaves the answer unknown.
pub(super) fn unread(source_name: &'static str, error: SourceError) -> ToolError {
    match error {
        SourceError::Rejected { .. } => {
            ToolError::Refused(format!("{source_name} refused it: {}", sanitize(&error.to_string(), 400)))
        }
        other => ToolError::Unknown { source_name, reason: sanitize(&other.to_string(), 400) },
    }
}

/// Why the database gave nothing.
pub(super) fn unstored(error: &wakeman_store::StoreError) -> ToolError {
    tracing::error!(%error, "store.failed");
    ToolError::Unknown { source_name: "the database", reason: error.to_string() }
}
