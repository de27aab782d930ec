//! Read, decide, commit; and again when somebody was faster.

use wakeman_store::{Commit, Committed, StoreError};

use crate::core::Core;

/// How often a lost race is run again. Each loss means that somebody else got something done.
const TRIES: u32 = 16;

/// Why a change could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others kept being faster.
    #[error("{what} kept changing at the same moment; nothing was recorded, try again")]
    Contended {
        /// What.
        what: &'static str,
    },
}

/// What `build` wants: nothing (with an answer), or a commit and the answer that holds once it landed.
pub enum Wanted<T> {
    /// Nothing to write.
    Nothing(T),
    /// Write this.
    Commit(Box<Commit>, T),
}

/// Counts lost races.
pub struct Tries {
    what: &'static str,
    left: u32,
}

impl Tries {
    /// A full count for `what`.
    pub const fn new(what: &'static str) -> Self {
        Self { what, left: TRIES }
    }

    /// Commits. False: somebody was faster; read again and decide anew.
    pub async fn land(&mut self, core: &Core, commit: Commit) -> Result<bool, SettleError> {
        match core.store.commit(commit).await? {
            Committed::Seq(_) => Ok(true),
            Committed::Conflict(conflict) => {
                tracing::debug!(%conflict, what = self.what, "settle.lost_race");
                self.left -= 1;
                if self.left == 0 { Err(SettleError::Contended { what: self.what }) } else { Ok(false) }
            }
        }
    }
}

/// Runs the async block on fresh reads until its commit lands: `settle!(core, "the finding", async { … Ok(Wanted::…) })`.
/// A macro, because an async closure that borrows cannot yet be shown to be `Send`.
macro_rules! settle {
    ($core:expr, $what:literal, $build:expr) => {{
        let mut tries = $crate::settle::Tries::new($what);
        loop {
            match $build.await {
                Err(error) => break Err(error),
                Ok($crate::settle::Wanted::Nothing(answer)) => break Ok(answer),
                Ok($crate::settle::Wanted::Commit(commit, answer)) => match tries.land($core, *commit).await {
                    Ok(true) => break Ok(answer),
                    Ok(false) => {}
                    Err(error) => break Err(error.into()),
                },
            }
        }
    }};
}

pub(crate) use settle;
