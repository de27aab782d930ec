//! Stands in for the model that writes the notes of briefs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use tokio::sync::Notify;
use wakeman_gateway::wake::{Briefer, WakeAnswer, WakeAsk, WakeError, WakePrompt};
use wakeman_store::{Fault as Disk, Store};

/// What the next call comes to.
pub enum Note {
    /// It says this.
    Says(&'static str),
    /// It fails.
    Fails(WakeError),
    /// The process ends while it is asked.
    Dies,
    /// It answers, and then the disk refuses what follows.
    ThenDisk(Disk, Store),
}

#[derive(Default)]
pub struct FakeBriefer {
    script: Mutex<VecDeque<Note>>,
    asked: Mutex<Vec<String>>,
    died: Notify,
}

impl FakeBriefer {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What the next calls come to; without a script it says "Fine.".
    pub fn next(&self, note: Note) {
        self.script.lock().unwrap().push_back(note);
    }

    /// Prompt, time of the last brief and facts of every call.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns once a call was reached at which the process dies.
    pub async fn died(&self) {
        self.died.notified().await;
    }
}

impl Briefer for FakeBriefer {
    fn brief<'a>(&'a self, ask: WakeAsk<'a>) -> BoxFuture<'a, Result<WakeAnswer, WakeError>> {
        let (prompt, label) = match ask.prompt {
            WakePrompt::Shipped(id) => (id, format!("{id}/v1")),
            WakePrompt::Own(text) => (text, "chat/v1".to_owned()),
        };
        self.asked.lock().unwrap().push(format!("{prompt} · {} · {}", ask.since.ms(), ask.facts));
        let note = self.script.lock().unwrap().pop_front().unwrap_or(Note::Says("Fine."));
        Box::pin(async move {
            let says = match note {
                Note::Says(text) => text,
                Note::Fails(error) => return Err(error),
                Note::Dies => {
                    self.died.notify_one();
                    std::future::pending().await
                }
                Note::ThenDisk(fault, store) => {
                    store.fail_next(fault);
                    "Fine."
                }
            };
            Ok(WakeAnswer { note: says.to_owned(), prompt: label, turn: None, budget: None })
        })
    }
}
