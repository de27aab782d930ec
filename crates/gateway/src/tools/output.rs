//! Writing what the model is shown: small tables, times with their zone, nothing that hides, never without end.

use chrono::{DateTime, Utc};
use wakeman_present::{RenderContext, sanitize, visible};
use wakeman_types::{Citation, Timestamp};

use super::{ToolAnswer, ToolContext};
use crate::core::Core;

/// The longest answer of one call, in bytes.
pub const RESULT_BYTES_MAX: usize = 256 * 1024;
/// The longest cell of a table, in characters.
const CELL_LEN_MAX: usize = 200;
/// The longest query that a citation repeats, in characters.
const QUERY_LEN_MAX: usize = 500;
/// Room for the words that tell of a cut.
const CUT_BYTES: usize = 80;

/// The text made visible and cut to what one call may bring, with the number of bytes that were left out.
pub(super) fn whole(text: &str) -> String {
    let total = text.len();
    // Made visible piece by piece, a text can grow; so it is cut before and after.
    let (first, _) = cut_at(text, RESULT_BYTES_MAX);
    let shown = visible(first);
    let (kept, _) = cut_at(&shown, RESULT_BYTES_MAX - CUT_BYTES);
    if first.len() == total && kept.len() == shown.len() {
        return shown;
    }
    let left_out = total.saturating_sub(kept.len()).max(1);
    format!("{kept}\n… cut here, about {left_out} bytes left out; ask for less")
}

/// The beginning of `text` of at most `bytes`, and how many bytes that leaves out.
pub(super) fn cut_at(text: &str, bytes: usize) -> (&str, usize) {
    let end = if text.len() <= bytes { text.len() } else { text.floor_char_boundary(bytes) };
    (&text[..end], text.len() - end)
}

/// A table as text: a header, then one line a row.
pub(super) struct Rows {
    text: String,
    rows: usize,
}

impl Rows {
    /// With these columns.
    pub(super) fn new(columns: &[&str]) -> Self {
        Self { text: columns.join(" | "), rows: 0 }
    }

    /// With columns that come from outside.
    pub(super) fn with_columns(columns: &[String]) -> Self {
        let columns: Vec<String> = columns.iter().map(|column| cell(column)).collect();
        Self { text: columns.join(" | "), rows: 0 }
    }

    /// One more row.
    pub(super) fn push<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.text.push('\n');
        for (i, text) in cells.into_iter().enumerate() {
            if i > 0 {
                self.text.push_str(" | ");
            }
            self.text.push_str(&cell(text.as_ref()));
        }
        self.rows += 1;
    }

    /// The table; `none` where it has no row, and a line that says so where there was `more`.
    pub(super) fn finish(self, none: &str, more: bool) -> String {
        match (self.rows, more) {
            (0, _) => none.to_owned(),
            (_, false) => self.text,
            (rows, true) => format!("{}\n… the first {rows} rows; there are more", self.text),
        }
    }
}

/// One cell: one line, no bar that would look like the next cell.
fn cell(text: &str) -> String {
    sanitize(text, CELL_LEN_MAX).replace('|', "¦")
}

/// An instant in the zone of whoever is told: `2026-04-20 05:00 CEST`.
pub(super) fn stamp(context: ToolContext<'_>, at: Timestamp) -> String {
    let utc = DateTime::<Utc>::from_timestamp_millis(at.ms());
    utc.map_or_else(
        || "unknown".to_owned(),
        |utc| utc.with_timezone(&context.zone).format("%Y-%m-%d %H:%M %Z").to_string(),
    )
}

/// The same for a time that may be unknown.
pub(super) fn stamp_or(context: ToolContext<'_>, at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| stamp(context, at))
}

/// Now and the zone of whoever is told, for the words of `present`.
pub(super) fn render(context: ToolContext<'_>) -> RenderContext {
    RenderContext::new(context.core.now(), context.zone)
}

/// A number as short as it can be said.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// The answer that rests on one question to a source.
pub(super) fn asked(core: &Core, source: &str, query: &str, as_of: Option<Timestamp>, content: String) -> ToolAnswer {
    let as_of = as_of.or_else(|| Some(core.now()));
    let query = sanitize(query, QUERY_LEN_MAX);
    ToolAnswer {
        content,
        citations: vec![Citation::Query { source: source.to_owned(), query, as_of }],
        actions: Vec::new(),
    }
}

/// The answer that rests on what Wakeman keeps itself.
pub(super) fn known(content: String, citations: Vec<Citation>) -> ToolAnswer {
    ToolAnswer { content, citations, actions: Vec::new() }
}
