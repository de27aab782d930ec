//! One answer from its pieces.

use serde_json::Value;
use wakeman_gateway::ports::{Bill, Completion, Finish, ToolCall};

use super::chunk::{self, CallPiece, Chunk};
use super::trouble::Trouble;

/// Longest answer that is taken: words and arguments together.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    calls: Vec<Call>,
    finish: Option<String>,
    bill: Bill,
    bytes: usize,
}

impl Assembly {
    /// Adds a piece; its words.
    ///
    /// # Errors
    /// [`Trouble::Cut`] if the answer grows beyond all measure.
    pub(super) fn add(&mut self, piece: Chunk) -> Result<String, Trouble> {
        self.bytes += piece.text.len() + piece.calls.iter().map(|call| call.arguments.len() + 16).sum::<usize>();
        if self.bytes > ANSWER_BYTES_MAX {
            return Err(self.cut(format!("it grew beyond {} MiB", ANSWER_BYTES_MAX / 1024 / 1024)));
        }
        self.text += &piece.text;
        for call in piece.calls {
            self.place(call);
        }
        self.finish = piece.finish.or_else(|| self.finish.take());
        self.bill.prompt_tokens = piece.prompt_tokens.or(self.bill.prompt_tokens);
        self.bill.completion_tokens = piece.completion_tokens.or(self.bill.completion_tokens);
        self.bill.cost_usd = piece.cost_usd.or(self.bill.cost_usd);
        Ok(piece.text)
    }

    /// Adds a piece of a call to the call it belongs to: by its number; else by its id; else to the last one. A piece with a new id
    /// begins a new call even under an old number, as hosts send it that number everything 0.
    fn place(&mut self, piece: CallPiece) {
        let renewed = |call: &Call| call.id.is_some() && piece.id.is_some() && call.id != piece.id;
        let known = match (piece.index, &piece.id) {
            (Some(index), _) => self.calls.iter().rposition(|call| call.index == Some(index)),
            (None, Some(id)) => self.calls.iter().rposition(|call| call.id.as_ref() == Some(id)),
            (None, None) => self.calls.len().checked_sub(1),
        };
        let at = known.filter(|at| !renewed(&self.calls[*at])).unwrap_or_else(|| {
            self.calls.push(Call { index: piece.index, ..Call::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        // Some hosts repeat id and name with every piece.
        call.id = call.id.take().or(piece.id);
        call.name = call.name.take().or(piece.name);
        call.arguments += &piece.arguments;
    }

    /// Whether the host said that it was done.
    pub(super) const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether anything came.
    pub(super) const fn has_begun(&self) -> bool {
        !self.text.is_empty() || !self.calls.is_empty() || self.finish.is_some()
    }

    /// The answer broke off here.
    pub(super) fn cut(&self, reason: impl Into<String>) -> Trouble {
        Trouble::Cut { text: self.text.clone(), reason: reason.into(), bill: self.bill }
    }

    /// What a header says that it costs; what the answer itself says counts for more.
    pub(super) const fn cost(&mut self, usd: Option<f64>) {
        self.bill.cost_usd = usd;
    }

    /// The whole answer, from the model called `alias`.
    ///
    /// # Errors
    /// [`Trouble::Empty`] if there is nothing in it.
    pub(super) fn finish(self, alias: String) -> Result<Completion, Trouble> {
        let told = self.finish.as_deref().and_then(chunk::finish);
        let broke_off = matches!(told, Some(Finish::Length | Finish::Filtered));
        let (mut calls, mut cut_call): (Vec<ToolCall>, _) = (Vec::new(), None);
        for call in self.calls {
            // What has no name calls nothing. Where the answer was stopped, a call whose arguments are no JSON is half a call.
            let Some(name) = call.name else { continue };
            if broke_off && serde_json::from_str::<Value>(&call.arguments).is_err() {
                cut_call = Some(name).filter(|_| told == Some(Finish::Length));
                continue;
            }
            let id = call.id.filter(|id| calls.iter().all(|call| call.id != *id));
            let id = id.unwrap_or_else(|| format!("call_{}", calls.len() + 1));
            calls.push(ToolCall { id, name, arguments: call.arguments });
        }
        let nothing = calls.is_empty() && cut_call.is_none() && self.text.trim().is_empty();
        if nothing && told != Some(Finish::Filtered) {
            return Err(Trouble::Empty { bill: self.bill });
        }
        let finish = match told {
            Some(Finish::Stop | Finish::ToolCalls) | None if calls.is_empty() => Finish::Stop,
            Some(Finish::Stop | Finish::ToolCalls) | None => Finish::ToolCalls,
            Some(other) => other,
        };
        Ok(Completion { text: self.text, calls, cut_call, finish, bill: self.bill, earlier: Vec::new(), alias })
    }
}
