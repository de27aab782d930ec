//! Why a directory cannot be taken over.

use std::path::PathBuf;

use wakeman_store::{Conflict, StoreError};

use crate::instance::InstanceError;

/// What stopped a takeover. What was committed before stays; running it again goes on from there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TakeoverError {
    /// There is nothing of the contract in it.
    #[error("{} is not an instance directory: it has neither read-only/settings.json nor storage/conversations{hint}", path.display())]
    NotAnInstance {
        /// The directory as given.
        path: PathBuf,
        /// Where it may be instead, with the joining words; or nothing.
        hint: String,
    },
    /// An instance cannot take over itself.
    #[error("{} is this instance itself; name the directory of the other one", .0.display())]
    Itself(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The database could not be written.
    #[error("could not commit the conversations; run it again, what is there already is not added twice")]
    Store(#[from] StoreError),
    /// Another process wrote the same conversation at the same moment.
    #[error("{0}: another process writes this instance; stop it and run it again")]
    Conflict(Conflict),
}
