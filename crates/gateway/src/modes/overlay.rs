//! What was set at run time, in memory, for what cannot wait for the database: the mode, and the wakeups that hold.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU8, Ordering},
};

use wakeman_types::ExecutionMode;

use crate::wake::Effective;

/// The mode as last read from or written to the row `control`. One process writes an instance, so it is never behind for long:
/// every round of the watch and of the executor reads the row anew.
#[derive(Debug, Default)]
pub struct Overlay {
    mode: AtomicU8,
    wakeups: RwLock<Option<Arc<Effective>>>,
}

impl Overlay {
    /// What was set at run time; `None`: nothing, or nothing was read yet.
    pub fn get(&self) -> Option<ExecutionMode> {
        let number = usize::from(self.mode.load(Ordering::Relaxed));
        number.checked_sub(1).and_then(|index| ExecutionMode::ALL.get(index).copied())
    }

    pub(super) fn set(&self, mode: Option<ExecutionMode>) {
        let place = |mode| ExecutionMode::ALL.iter().position(|known| *known == mode);
        let number = mode.and_then(place).map_or(0, |index| index + 1);
        self.mode.store(u8::try_from(number).unwrap_or(0), Ordering::Relaxed);
    }

    /// The wakeups as last read; `None`: nothing was read yet.
    pub(crate) fn wakeups(&self) -> Option<Arc<Effective>> {
        self.wakeups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep_wakeups(&self, effective: Arc<Effective>) {
        *self.wakeups.write().unwrap_or_else(PoisonError::into_inner) = Some(effective);
    }
}
