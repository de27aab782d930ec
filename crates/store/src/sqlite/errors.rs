//! What SQLite reports, in the store's words.

use std::{path::Path, sync::Arc};

use sqlx::{Error, migrate::MigrateError};

use crate::error::StoreError;

/// SQLite's primary result codes that mean something to an operator.
/// Source: <https://www.sqlite.org/rescode.html>.
mod code {
    pub const ERROR: i32 = 1;
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const READONLY: i32 = 8;
    pub const IOERR: i32 = 10;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const AUTH: i32 = 23;
    pub const NOTADB: i32 = 26;
}

/// Turns an error met while trying to `action` the database at `path` into a typed one.
pub(crate) fn classify(path: &Path, action: &str, error: Error) -> StoreError {
    let path = path.to_owned();
    let primary = match &error {
        Error::Database(db) => db.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(0) & 0xff,
        Error::Io(_) => code::IOERR,
        Error::PoolTimedOut => code::BUSY,
        Error::PoolClosed => return StoreError::Closed,
        Error::Migrate(_) => return migration(path, error),
        _ => 0,
    };
    match primary {
        code::BUSY | code::LOCKED => StoreError::Busy { path },
        code::FULL => StoreError::Full { path },
        code::READONLY => StoreError::ReadOnly { path },
        // Every database we opened to write has its tables: nobody but another program takes file or table away.
        code::CANTOPEN if !path.exists() => lost(&path),
        code::ERROR if error.to_string().contains("no such table") => lost(&path),
        code::IOERR | code::CANTOPEN | code::AUTH => StoreError::Io { path, source: Arc::new(error) },
        code::CORRUPT | code::NOTADB => damaged(&path, Some(error)),
        _ => StoreError::Unexpected { action: action.to_owned(), source: Arc::new(error) },
    }
}

/// The file at `path` cannot be trusted.
pub(crate) fn damaged(path: &Path, error: Option<Error>) -> StoreError {
    let remedy =
        "keep it: it is only read until a sound one is in its place; `wakeman doctor` has the steps".to_owned();
    StoreError::Damaged { path: path.to_owned(), remedy, source: error.map(|e| Arc::new(e) as _) }
}

/// Nothing is left at `path` of the database that was there.
pub(crate) fn lost(path: &Path) -> StoreError {
    let remedy = "what was in it is gone; `wakeman doctor` has the steps".to_owned();
    StoreError::Damaged { path: path.to_owned(), remedy, source: None }
}

fn migration(path: std::path::PathBuf, error: Error) -> StoreError {
    match error {
        Error::Migrate(inner) => match *inner {
            MigrateError::VersionMissing(version) => StoreError::NewerSchema { path, version },
            MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => match classify(&path, "migrate", e) {
                StoreError::Unexpected { source, .. } => StoreError::Migration { path, source },
                known => known,
            },
            other => StoreError::Migration { path, source: Arc::new(other) },
        },
        other => StoreError::Migration { path, source: Arc::new(other) },
    }
}
