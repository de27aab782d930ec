//! Failures on demand, for tests of whoever stands above the store.

#[cfg(any(test, feature = "failpoints"))]
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::StoreError;

/// A way for the next batch to fail, just before it would be committed.
#[cfg(any(test, feature = "failpoints"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// As if the disk were full.
    Full,
    /// As if the disk refused to confirm the write.
    Fsync,
    /// As if another process held the database.
    Busy,
}

/// The failures that are due; empty unless a test asked for some.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    #[cfg(any(test, feature = "failpoints"))]
    due: Arc<Mutex<VecDeque<Fault>>>,
}

impl Faults {
    #[cfg(any(test, feature = "failpoints"))]
    pub fn add(&self, fault: Fault) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// The failure due now, if any.
    #[cfg(any(test, feature = "failpoints"))]
    pub fn check(&self, path: &std::path::Path) -> Result<(), StoreError> {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let path = path.to_owned();
        match due {
            None => Ok(()),
            Some(Fault::Full) => Err(StoreError::Full { path }),
            Some(Fault::Busy) => Err(StoreError::Busy { path }),
            Some(Fault::Fsync) => {
                let source = std::io::Error::other("fsync failed (injected)");
                Err(StoreError::Io { path, source: Arc::new(source) })
            }
        }
    }

    #[cfg(not(any(test, feature = "failpoints")))]
    pub fn check(&self, _: &std::path::Path) -> Result<(), StoreError> {
        Ok(())
    }
}
