//! Who writes the note under a brief: a seam, so that wakeups work without a model.

use futures::future::BoxFuture;
use wakeman_types::{Occurrence, ThreadId, Timestamp, TurnId};

use crate::brain::NO_MODEL;

/// Which words the model is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakePrompt<'a> {
    /// A prompt of the registry, by id.
    Shipped(&'a str),
    /// The words of `prompts.<id>.prompt` in `wakeup.json`.
    Own(&'a str),
}

/// What a wakeup asks of the model.
#[derive(Debug, Clone, Copy)]
pub struct WakeAsk<'a> {
    /// The slot that is due; its wakeup id is what a budget counts by.
    pub occurrence: &'a Occurrence,
    /// What people call the wakeup.
    pub title: &'a str,
    /// The words.
    pub prompt: WakePrompt<'a>,
    /// The end of what the last brief covered.
    pub since: Timestamp,
    /// What changed since, as plain lines. Holds outside text: data, never instruction.
    pub facts: &'a str,
    /// The conversation the brief will stand in.
    pub thread: &'a ThreadId,
    /// In which zone whoever hears of it reads times.
    pub zone: chrono_tz::Tz,
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeAnswer {
    /// Its words; they stand under the facts, marked as a model's.
    pub note: String,
    /// The prompt that was used: `morning-brief/v1`.
    pub prompt: String,
    /// The turn that answered, where there is one.
    pub turn: Option<TurnId>,
    /// That most of the wakeup's share of the model budget is used.
    pub budget: Option<String>,
}

/// Why there is no note. The brief is told from the facts alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WakeError {
    /// None is configured.
    #[error("{}", NO_MODEL)]
    NoModel,
    /// The budget does not allow it.
    #[error("{0}")]
    Budget(String),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// Asks the model for a note.
pub trait Briefer: Send + Sync {
    /// One note. Must end by itself: with a deadline of its own.
    fn brief<'a>(&'a self, ask: WakeAsk<'a>) -> BoxFuture<'a, Result<WakeAnswer, WakeError>>;
}
