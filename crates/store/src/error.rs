//! What can go wrong below the seam, with the remedy.

use std::{error::Error, path::PathBuf, sync::Arc};

/// The cause of a store failure; shared, because one failed batch answers every commit in it.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why the store could not do what was asked. A lost race is not an error: see [`crate::Committed::Conflict`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is not a database, or its pages contradict each other. Nothing was changed.
    #[error("{} is damaged; {remedy}", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the operator can do.
        remedy: String,
        /// What the database reported.
        #[source]
        source: Option<Cause>,
    },
    /// The disk, or the size limit in [`crate::Options`], leaves no room. Nothing of the batch was written.
    #[error("no room left to write {}; free disk space, the next write tries again", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Another process held the database for longer than the busy timeout. Nothing was written; try again.
    #[error("{} is in use by another process; try again, or stop that process", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// Reading or writing the file failed. A commit answered so is not visible, but after a crash it may be found done:
    /// expected versions make the second try safe.
    #[error("could not read or write {}; check the disk and the permissions of its directory", path.display())]
    Io {
        /// The database file.
        path: PathBuf,
        /// What the system reported.
        #[source]
        source: Cause,
    },
    /// The database was opened read-only, or its file is.
    #[error("{} is only read, and nothing was changed; `wakeman doctor` says why, and how to mend it", path.display())]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// A newer release wrote this database.
    #[error("{} was written by a newer version (migration {version}); upgrade wakeman", path.display())]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The first migration this version does not know.
        version: i64,
    },
    /// A migration failed; the database is as it was before.
    #[error("could not migrate {}; restore a backup or report this", path.display())]
    Migration {
        /// The database file.
        path: PathBuf,
        /// What the database reported.
        #[source]
        source: Cause,
    },
    /// A value cannot be written as JSON.
    #[error("{what} cannot be stored as JSON")]
    Encode {
        /// The row: kind and id.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A stored row is not what this version expects of its kind.
    #[error("stored {what} cannot be read; it was written by another version or changed by hand")]
    Decode {
        /// The row: kind and id.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A body is larger than the store takes.
    #[error("{what} has {bytes} bytes; the limit is {limit}, store less of it")]
    TooLarge {
        /// The row, event or message.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A page cursor that no list gave out.
    #[error("\"{cursor}\" is not a page cursor; start again from the first page")]
    BadCursor {
        /// The text as given.
        cursor: String,
    },
    /// The store was closed, or its writer ended.
    #[error("the store is closed; start the daemon again")]
    Closed,
    /// Anything else the database reported.
    #[error("could not {action}; report this with the cause")]
    Unexpected {
        /// What was being done.
        action: String,
        /// What the database reported.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// Whether the same call can succeed without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}
