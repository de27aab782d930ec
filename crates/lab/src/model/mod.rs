//! The model proxy: OpenAI's wire format as LiteLLM speaks it, without a model.
//!
//! Owns: `/v1/chat/completions`, `/v1/embeddings`, `/v1/models`, the proxy's health routes, and `/_lab/model`, where whoever runs the
//! lab says what is answered.
//! Must not: know any prompt or tool by literal. What nobody ordered is answered by [`analyst`] from the request alone, so the same
//! request always gets the same answer. Model calls are no effects.
//! Start at [`router`], then `rules` for what can be ordered.

mod analyst;
mod answer;
mod api;
mod arguments;
mod control;
mod embed;
mod error;
mod obey;
mod request;
mod rules;
mod speak;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use api::{health, router};
pub(crate) use control::router as control;
pub(crate) use error::{outage_broken, outage_throttled};

use std::collections::VecDeque;

use serde_json::Value;

use rules::Rule;

/// The names that are served until others are set.
const ALIASES: [&str; 6] = ["chat", "chat-small", "router", "tip-generator", "embedder", "judge"];
/// How many of the last requests are kept to be looked at.
const CALLS_KEPT: usize = 32;

/// What the proxy was told and asked.
#[derive(Debug)]
pub(crate) struct ModelDesk {
    /// In order; the first that fits answers.
    rules: Vec<Rule>,
    /// The names it serves.
    aliases: Vec<String>,
    /// How many requests it had.
    calls: u64,
    /// The last of them, oldest first.
    last: VecDeque<Value>,
}

impl Default for ModelDesk {
    fn default() -> Self {
        let aliases = ALIASES.map(str::to_owned).to_vec();
        Self { rules: Vec::new(), aliases, calls: 0, last: VecDeque::new() }
    }
}

impl ModelDesk {
    /// Counts a request and keeps it; its number, from 1.
    fn count(&mut self, path: &str, bytes: usize, body: Value) -> u64 {
        self.calls += 1;
        if self.last.len() == CALLS_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(serde_json::json!({"number": self.calls, "path": path, "bytes": bytes, "body": body}));
        self.calls
    }
}
