//! Fetching the calendars that settings name.

use futures::future::BoxFuture;

use crate::config::CalendarSource;

/// Longest calendar that is read, in bytes.
pub const CALENDAR_BYTES_MAX: usize = 1024 * 1024;

/// Why a calendar could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct CalendarTrouble {
    /// What went wrong.
    pub reason: String,
    /// What mends it.
    pub remedy: String,
}

/// Calendars: files of the instance and addresses.
pub trait CalendarReader: Send + Sync {
    /// The text of one, of at most [`CALENDAR_BYTES_MAX`].
    fn read<'a>(&'a self, source: &'a CalendarSource) -> BoxFuture<'a, Result<String, CalendarTrouble>>;
}
