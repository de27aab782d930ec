//! What is answered, before it has a wire format.

use serde_json::{Value, json};

/// A tool call of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// As the model would write them; may be no JSON.
    pub(super) arguments: String,
}

/// An answer: words, calls, or both.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    /// Instead of the reason that follows from the rest.
    pub(super) finish: Option<String>,
}

impl Answer {
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(super) fn finish(&self) -> &str {
        let natural = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        self.finish.as_deref().unwrap_or(natural)
    }

    /// Tokens of the answer, about; at least one.
    pub(super) fn tokens(&self) -> u64 {
        let calls = self.calls.iter().map(|call| super::request::about_tokens(&call.arguments) + 4);
        (super::request::about_tokens(&self.text) + calls.sum::<u64>()).max(1)
    }
}

impl Call {
    /// A call numbered within the lab's life, so that its id is unique in every conversation.
    pub(super) fn new(number: u64, place: usize, name: &str, arguments: &Value) -> Self {
        let arguments = match arguments {
            Value::String(raw) => raw.clone(),
            other => other.to_string(),
        };
        Self { id: format!("call_lab{number}_{place}"), name: name.to_owned(), arguments }
    }
}

/// What an answer takes and costs: a millionth of a dollar a token read, twice that a token written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) prompt: u64,
    pub(super) completion: u64,
}

impl Usage {
    pub(super) fn cost(self) -> f64 {
        self.prompt as f64 * 1e-6 + self.completion as f64 * 2e-6
    }

    pub(super) fn json(self) -> Value {
        let total = self.prompt + self.completion;
        json!({"completion_tokens": self.completion, "prompt_tokens": self.prompt, "total_tokens": total})
    }
}
