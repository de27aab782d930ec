//! What a call can come to instead of going well, in the order a test asks for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use tokio::sync::Notify;
use wakeman_gateway::ports::HandsError;

/// One way for a call to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It certainly did nothing.
    NotDone,
    /// It did nothing and never will.
    Permanent,
    /// The world is not as it was shown.
    Precondition,
    /// No answer, and it did nothing.
    Lost,
    /// It took effect; the answer was lost.
    Applied,
    /// No answer, and it takes effect later (`land_late`).
    Late,
    /// The process dies before the call reaches the remote.
    DiesBefore,
    /// The process dies after it took effect.
    DiesAfter,
    /// What an earlier call set on its way arrives just before this one.
    Overtaken,
}

impl Fault {
    /// Whether the effect takes place at once.
    pub const fn applies(self) -> bool {
        matches!(self, Self::Applied | Self::DiesAfter)
    }

    /// Whether the caller never hears of it again.
    pub const fn dies(self) -> bool {
        matches!(self, Self::DiesBefore | Self::DiesAfter)
    }

    pub fn error(self) -> HandsError {
        let reason = |text: &str| text.to_owned();
        match self {
            Self::NotDone => HandsError::NotDone { reason: reason("502 before it was taken"), not_before: None },
            Self::Permanent => HandsError::Permanent { reason: reason("422, it cannot be done") },
            Self::Precondition => HandsError::Precondition { reason: reason("it changed since you approved") },
            _ => HandsError::InDoubt { reason: reason("no answer within 10 s") },
        }
    }
}

/// The faults that are due, by the name of the call.
#[derive(Default)]
pub struct Script {
    due: Mutex<HashMap<&'static str, VecDeque<Fault>>>,
    died: Notify,
}

impl Script {
    pub fn add(&self, call: &'static str, faults: &[Fault]) {
        self.due.lock().unwrap().entry(call).or_default().extend(faults);
    }

    pub fn next(&self, call: &'static str) -> Option<Fault> {
        self.due.lock().unwrap().get_mut(call)?.pop_front()
    }

    /// Never returns; whoever waits for `died` is told.
    pub async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }

    /// Returns once a call was reached at which the process dies.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    /// For calls without an effect: fails if that is due.
    pub async fn read(&self, call: &'static str) -> Result<(), HandsError> {
        match self.next(call) {
            Some(fault) if fault.dies() => self.die().await,
            Some(fault) => Err(fault.error()),
            None => Ok(()),
        }
    }
}
