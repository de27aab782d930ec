//! What a turn has used so far, also when it is cut off in the middle.

use std::sync::{Mutex, PoisonError};

use wakeman_types::{Citation, TurnAction, Usage};

/// What came of a turn besides its words. Shared, so that it outlives a loop that is dropped.
#[derive(Default)]
pub struct Meter(Mutex<Counted>);

/// A reading of a [`Meter`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// The prompt that a model was asked with.
    pub prompt: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// What it rests on, without repeats, in the order in which it was read.
    pub citations: Vec<Citation>,
    /// What it staged.
    pub actions: Vec<TurnAction>,
    /// The words of the answer so far.
    pub words: String,
}

impl Meter {
    /// The reading now.
    pub fn read(&self) -> Counted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the reading.
    pub fn with<T>(&self, change: impl FnOnce(&mut Counted) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what something cost.
    pub fn add(&self, usage: Usage) {
        self.with(|counted| counted.usage = counted.usage.plus(usage));
    }

    /// Adds what a tool's answer rests on and staged.
    pub fn cite(&self, citations: Vec<Citation>, actions: Vec<TurnAction>) {
        self.with(|counted| {
            for citation in citations {
                if !counted.citations.contains(&citation) {
                    counted.citations.push(citation);
                }
            }
            counted.actions.extend(actions);
        });
    }
}
