//! Why a file of the instance could not be read or written.

use std::{io, path::PathBuf, sync::Arc};

use wakeman_store::StoreError;
use wakeman_types::Channel;

use super::lock::Holder;

/// What went wrong with the instance's directory.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InstanceError {
    /// A name that cannot be a folder.
    #[error("{0:?} is not an instance name; use up to 64 letters, digits, - and _, like \"default\"")]
    Name(String),
    /// An id that would leave the conversations' folder.
    #[error("{0:?} cannot be a folder; a conversation id has no slash, is not empty and does not begin with a dot")]
    Folder(String),
    /// A path of the template that would leave the instance.
    #[error("the template's {0:?} lies outside the instance; this build is damaged, install it again")]
    Template(String),
    /// The instance does not exist.
    #[error("there is no instance at {}; create it with `wakeman init`", .0.display())]
    Missing(PathBuf),
    /// Another process holds the lock.
    #[error("another wakeman runs on this instance ({holder}); stop it, or choose another with --instance")]
    Locked {
        /// Who.
        holder: Holder,
    },
    /// Another process serves the channel.
    #[error(
        "{channel} is served by another process of this instance ({holder}); stop that one, or leave {channel} to it with \
         `wakeman run --apart {channel}`"
    )]
    Served {
        /// Which one.
        channel: Channel,
        /// Who.
        holder: Holder,
    },
    /// The system refused.
    #[error("could not {action} {}; check the disk and the permissions of its folder", path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database could not be read.
    #[error("could not read the database to write the conversation files")]
    Store(#[from] StoreError),
}

impl InstanceError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: Arc::new(source) }
    }
}
