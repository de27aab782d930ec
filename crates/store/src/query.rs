//! Questions that lists answer.

use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::error::StoreError;

/// The most items one page can have.
pub(crate) const PAGE_LIMIT_MAX: usize = 1000;

/// Which end a list starts from, by sort key and then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Largest sort key first.
    #[default]
    Newest,
    /// Smallest sort key first.
    Oldest,
}

/// Where a page ended; the next one continues there. Opaque to clients, safe in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) sort_key: i64,
    pub(crate) id: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{}:{}", self.sort_key, self.id)))
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let parse = || {
            let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (sort_key, id) = plain.split_once(':')?;
            Some(Self { sort_key: sort_key.parse().ok()?, id: id.to_owned() })
        };
        parse().ok_or_else(|| StoreError::BadCursor { cursor: text.to_owned() })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which rows of a kind, in which order, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these states; `None`: all.
    pub states: Option<Vec<String>>,
    /// Only rows of this parent.
    pub parent: Option<String>,
    /// Only rows with a sort key of at least this.
    pub since: Option<i64>,
    /// Only rows with a sort key below this.
    pub until: Option<i64>,
    /// Which end to start from.
    pub order: Order,
    /// Continue where that page ended.
    pub after: Option<Cursor>,
    /// At most so many; capped at 1000.
    pub limit: usize,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { states: None, parent: None, since: None, until: None, order: Order::Newest, after: None, limit: 50 }
    }
}

impl ListQuery {
    /// The newest `limit` rows.
    pub fn newest(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The oldest `limit` rows.
    pub fn oldest(limit: usize) -> Self {
        Self { limit, order: Order::Oldest, ..Self::default() }
    }

    /// Also rows of this state; the first call excludes all others.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.states.get_or_insert_default().push(state.into());
        self
    }

    /// Only rows of this parent.
    pub fn parent(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Only rows with a sort key of at least `sort_key`.
    pub fn since(mut self, sort_key: i64) -> Self {
        self.since = Some(sort_key);
        self
    }

    /// Only rows with a sort key below `sort_key`.
    pub fn until(mut self, sort_key: i64) -> Self {
        self.until = Some(sort_key);
        self
    }

    /// Continues where a page ended.
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items, in the query's order.
    pub items: Vec<T>,
    /// Where the next page starts; `None`: this was the last.
    pub next: Option<Cursor>,
}

/// What retention removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// Rows of a kind by sort key.
    Rows {
        /// The kind.
        kind: Cow<'static, str>,
        /// Only rows in this state; `None`: in any.
        state: Option<String>,
        /// Only rows with a sort key below this.
        sort_key_below: i64,
    },
    /// Messages that are sent, failed or revoked and have not changed since.
    Outbox {
        /// Last changed before, in Unix milliseconds.
        updated_before_ms: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_trip_and_strangers_are_refused() {
        for (sort_key, id) in [(0, ""), (i64::MIN, "a:b"), (i64::MAX, "ü/…")] {
            let cursor = Cursor { sort_key, id: id.to_owned() };
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for text in ["", "x", "MTIz", "%%%", "eDox"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
