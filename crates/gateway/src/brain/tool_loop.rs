//! The tool loop: the model is asked, its calls are run, it is asked again, until it answers or a bound is met.
//!
//! Owns: the bounds of a turn. Must not: write to the store (tools that stage do), wait without end, run a call that did not
//! arrive whole. Dropping the future at any await is safe: what it used so far is in the [`Meter`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::Value;
use wakeman_store::{canonical::to_canonical_json, crash};
use wakeman_types::{Citation, Timestamp, TurnEvent, Usage};

use super::{
    budget::{Account, Ledger, OverBudget},
    context::{Width, tokens},
    limits::TurnLimits,
    marked::marked,
    meter::Meter,
    stream::{CleanWords, Teller},
};
use crate::{
    guard::Guard,
    ports::{
        Bill, Clock, Completion, Finish, Model, ModelError, ModelFailure, ModelMessage, ModelRequest, ToolCall,
        ToolSpec,
    },
    tools::{Effect, ToolAnswer, ToolError},
};

/// Tokens that a host may tell beyond two for each byte that was sent or came: roles, marks, what it puts before.
const SPARE_TOKENS: u64 = 1_000;

/// The tools of one turn.
pub trait ToolRunner: Send + Sync {
    /// What the model is told of them.
    fn specs(&self) -> Vec<ToolSpec>;
    /// What a tool can change; `None`: there is no such tool here.
    fn effect(&self, name: &str) -> Option<Effect>;
    /// What people see while it runs.
    fn doing(&self, name: &str) -> &'static str;
    /// Runs it with the arguments as the model wrote them. An unknown name is a [`ToolError::Refused`], arguments that cannot be read
    /// a [`ToolError::Arguments`].
    fn run<'a>(&'a self, name: &'a str, arguments: &'a str) -> BoxFuture<'a, Result<ToolAnswer, ToolError>>;
}

/// Checks an answer that must have a shape.
pub type OutputCheck<'a> = &'a (dyn Fn(&str) -> Result<(), String> + Send + Sync);

/// Everything one turn needs.
pub struct Loop<'a> {
    /// Keeps our own credentials from the model, whatever brought them here.
    pub guard: &'a Guard,
    /// The model host.
    pub model: &'a dyn Model,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The day's ledger.
    pub ledger: &'a Arc<Ledger>,
    /// On whose account.
    pub account: Account,
    /// The tools.
    pub tools: &'a dyn ToolRunner,
    /// The bounds.
    pub limits: TurnLimits,
    /// Milliseconds one model call may take.
    pub call_ms: i64,
    /// Alias, fallback, temperature, output schema and trace; messages and tools are put in here.
    pub request: ModelRequest,
    /// Checks the answer where it must have a shape.
    pub check: Option<OutputCheck<'a>>,
    /// Puts together what the model is shown, as wide as told.
    pub assemble: &'a (dyn Fn(Width) -> Vec<ModelMessage> + Send + Sync),
    /// Who listens.
    pub teller: &'a Teller,
    /// What was used.
    pub meter: &'a Meter,
}

/// Why a turn has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The money is spent.
    #[error(transparent)]
    Budget(#[from] OverBudget),
    /// It made too many calls.
    #[error("stopped after {0} tool calls without an answer; ask something narrower")]
    Calls(u32),
    /// It asked the same again and again.
    #[error("stopped: the model asked {0} the same thing three times; ask in other words")]
    Same(String),
    /// It could not put together a valid call.
    #[error("stopped: the model could not call its tools properly ({0}); ask again")]
    Malformed(String),
    /// Its answer never had the shape that was asked for.
    #[error("the model's answer does not have the agreed shape ({0})")]
    Shape(String),
    /// A tool or an adapter panicked.
    #[error("something went wrong inside Wakeman; its log says where")]
    Broken,
    /// The turn as a whole took too long.
    #[error("stopped after {0} s; ask something narrower")]
    Slow(i64),
}

/// What a call of the model cost.
#[derive(Default)]
struct Charge {
    read: u64,
    written: u64,
    /// As the host says, or as its tokens say.
    told_usd: f64,
    /// Where it does not, or cannot be believed.
    guessed_usd: f64,
}

/// What is counted through a turn.
struct Progress {
    width: Width,
    /// What was added after the assembled messages: calls and their results.
    tail: Vec<ModelMessage>,
    calls: u32,
    mends: u32,
    repaired: bool,
    results_bytes: usize,
    seen: HashMap<(String, String), u32>,
    until: Timestamp,
}

/// Takes our own credentials out of what the model is shown.
fn cleaned(guard: &Guard, message: &mut ModelMessage) {
    let clean = |text: &mut String| {
        if let Some(without) = guard.clean(text) {
            *text = without;
        }
    };
    match message {
        ModelMessage::System(text) | ModelMessage::User(text) | ModelMessage::Tool { content: text, .. } => clean(text),
        ModelMessage::Assistant { text, calls } => {
            clean(text);
            calls.iter_mut().for_each(|call| clean(&mut call.arguments));
        }
    }
}

impl Loop<'_> {
    /// Runs the turn to its answer.
    ///
    /// # Errors
    /// [`LoopError`]; what was used and read until then is in the meter.
    pub async fn run(&self) -> Result<String, LoopError> {
        let turn_ms = self.call_ms.saturating_mul(self.limits.deadlines_per_turn);
        let mut progress = Progress {
            width: Width::Full,
            tail: Vec::new(),
            calls: 0,
            mends: 0,
            repaired: false,
            results_bytes: 0,
            seen: HashMap::new(),
            until: self.clock.now().plus_ms(turn_ms),
        };
        loop {
            if self.clock.now() >= progress.until {
                return Err(LoopError::Slow(turn_ms / 1_000));
            }
            let completion = match self.ask(&progress).await {
                Err(LoopError::Model(ModelError::TooLong { reason })) => match progress.width.narrower() {
                    Some(narrower) => {
                        progress.narrow(narrower);
                        continue;
                    }
                    None => return Err(ModelError::TooLong { reason }.into()),
                },
                other => other?,
            };
            if completion.calls.is_empty() && completion.cut_call.is_none() {
                match self.judge(&completion, &mut progress)? {
                    Some(answer) => return Ok(answer),
                    None => continue,
                }
            }
            self.take_back();
            self.run_calls(completion, &mut progress).await?;
        }
    }

    /// One call of the model, its money put aside before and settled after.
    async fn ask(&self, progress: &Progress) -> Result<Completion, LoopError> {
        let mut messages = (self.assemble)(progress.width);
        messages.extend(progress.tail.iter().cloned());
        messages.iter_mut().for_each(|message| cleaned(self.guard, message));
        let now = self.clock.now();
        let request = ModelRequest {
            messages,
            tools: self.tools.specs(),
            deadline: progress.until.min(now.plus_ms(self.call_ms)),
            max_tokens: self.limits.answer_tokens_max,
            ..self.request.clone()
        };
        let estimate = request_tokens(&request) + u64::from(request.max_tokens);
        let reserved = self.ledger.reserve(now, &self.account, estimate)?;
        let clean = Mutex::new(CleanWords::new(self.guard));
        let words = |piece: &str| {
            self.meter.with(|counted| counted.words.push_str(piece));
            let ready = clean.lock().unwrap_or_else(PoisonError::into_inner).take(piece);
            ready.iter().for_each(|words| self.teller.words(words));
        };
        self.meter.add(Usage { model_calls: 1, ..Usage::default() });
        // Counted now and corrected below: if this future is dropped meanwhile, the reservation stands.
        let aside = Usage { cost_usd: reserved.usd(), ..Usage::default() };
        self.meter.add(aside);
        crash::reach("model.before");
        let outcome = self.model.complete(&request, &words).await;
        crash::reach("model.after");
        let last = clean.into_inner().unwrap_or_else(PoisonError::into_inner).rest();
        last.iter().for_each(|words| self.teller.words(words));
        let charge = self.charge(&request, &outcome, reserved.usd());
        let (read, written) = (charge.read, charge.written);
        // What nobody says teaches nothing about what a token costs.
        self.ledger.charge(now, &self.account, charge.guessed_usd);
        reserved.settle(charge.told_usd, read.saturating_add(written));
        self.meter.add(Usage {
            cost_usd: charge.told_usd + charge.guessed_usd - aside.cost_usd,
            prompt_tokens: read,
            completion_tokens: written,
            ..Usage::default()
        });
        Ok(outcome.map_err(|failure| failure.error)?)
    }

    /// What a call cost with all its tries. `aside` is what was put aside for it: the price of a try of which the host tells nothing,
    /// or more tokens than went back and forth.
    fn charge(&self, request: &ModelRequest, outcome: &Result<Completion, ModelFailure>, aside: f64) -> Charge {
        let (bills, got) = match outcome {
            Ok(done) => {
                let calls: usize = done.calls.iter().map(|call| call.arguments.len()).sum();
                let bills: Vec<Bill> = done.earlier.iter().copied().chain([done.bill]).collect();
                (bills, done.text.len() + calls)
            }
            Err(failure) => (failure.billed.clone(), 0),
        };
        let believed = |bytes: usize| (bytes as u64).saturating_mul(2).saturating_add(SPARE_TOKENS);
        // A model may think as long as it may write, and what was cut off did not come.
        let most = (believed(request_bytes(request)), believed(got).saturating_add(request.max_tokens.into()));
        let mut charge = Charge::default();
        for bill in bills {
            let (read, written) = (bill.prompt_tokens.unwrap_or(0), bill.completion_tokens.unwrap_or(0));
            let true_to_size = read <= most.0 && written <= most.1;
            if !true_to_size {
                tracing::warn!(read, written, "model.usage_not_believed");
            }
            match bill.cost_usd {
                Some(usd) if true_to_size => charge.told_usd += usd,
                // A host that tells no price is not free: the budget goes by the tokens.
                None if true_to_size && read + written > 0 => charge.told_usd += self.ledger.estimate(read + written),
                _ => {
                    charge.guessed_usd += aside;
                    continue;
                }
            }
            charge.read = charge.read.saturating_add(read);
            charge.written = charge.written.saturating_add(written);
        }
        charge
    }

    /// An answer without calls: the end, unless its shape is wrong and it may mend it once.
    fn judge(&self, completion: &Completion, progress: &mut Progress) -> Result<Option<String>, LoopError> {
        let mut text = completion.text.trim().to_owned();
        if text.is_empty() {
            return Err(ModelError::Empty.into());
        }
        let Some(check) = self.check else {
            match completion.finish {
                Finish::Length => text.push_str("\n(The answer was cut at its longest length.)"),
                Finish::Filtered => text.push_str("\n(The model host's filter cut the answer.)"),
                Finish::Stop | Finish::ToolCalls => {}
            }
            return Ok(Some(text));
        };
        // What has the shape is whole, however the host says that it ended; a note of ours would break it.
        match check(&text) {
            Ok(()) => Ok(Some(text)),
            Err(reason) if progress.repaired => Err(LoopError::Shape(reason)),
            Err(reason) => {
                progress.repaired = true;
                self.take_back();
                progress.tail.push(ModelMessage::Assistant { text, calls: Vec::new() });
                let mend = format!("That is not valid: {reason}. Answer again with the JSON alone.");
                progress.tail.push(ModelMessage::User(mend));
                Ok(None)
            }
        }
    }

    /// What was said so far was not the answer.
    fn take_back(&self) {
        let had = self.meter.with(|counted| std::mem::take(&mut counted.words));
        if !had.is_empty() {
            self.teller.tell(TurnEvent::Reset);
        }
    }

    async fn run_calls(&self, completion: Completion, progress: &mut Progress) -> Result<(), LoopError> {
        let calls = completion.calls;
        for call in &calls {
            progress.count(call, &self.limits)?;
            self.teller
                .tell(TurnEvent::Tool { name: call.name.clone(), doing: self.tools.doing(&call.name).to_owned() });
        }
        self.meter.add(Usage { tool_calls: u32::try_from(calls.len()).unwrap_or(u32::MAX), ..Usage::default() });
        crash::reach("tools.before");
        let outcomes = self.outcomes(&calls).await;
        crash::reach("tools.after");
        let mut shown = calls.clone();
        let mut wrong = None;
        let mut results = Vec::new();
        for (call, outcome) in calls.iter().zip(outcomes) {
            let content = self.content(call, outcome, progress, &mut wrong);
            results.push(ModelMessage::Tool { call_id: call.id.clone(), content });
        }
        if let Some(name) = completion.cut_call {
            let call = ToolCall { id: format!("cut_{}", progress.tail.len()), name, arguments: "{}".to_owned() };
            let reason = "the call did not fit into one answer; write less, or in several calls";
            let content = marked(&call.name, &format!("error: {reason}"));
            results.push(ModelMessage::Tool { call_id: call.id.clone(), content });
            shown.push(call);
            wrong.get_or_insert_with(|| reason.to_owned());
        }
        // However many calls of one answer are wrong: it sees them all and mends them at once.
        if let Some(reason) = wrong {
            progress.mend(&reason, &self.limits)?;
        }
        progress.tail.push(ModelMessage::Assistant { text: completion.text, calls: shown });
        progress.tail.extend(results);
        Ok(())
    }

    /// Reading tools beside each other; once one of the calls stages something, all in the model's order.
    async fn outcomes(&self, calls: &[ToolCall]) -> Vec<Result<ToolAnswer, ToolError>> {
        let reads = calls.iter().all(|call| self.tools.effect(&call.name) != Some(Effect::Propose));
        let beside = if reads { self.limits.parallel } else { 1 };
        let work: Vec<BoxFuture<'_, _>> = calls.iter().map(|call| self.one(call).boxed()).collect();
        stream::iter(work).buffered(beside).collect().await
    }

    async fn one(&self, call: &ToolCall) -> Result<ToolAnswer, ToolError> {
        let limit = self.clock.now().plus_ms(self.limits.tool_ms);
        tokio::select! {
            outcome = self.tools.run(&call.name, &call.arguments) => outcome,
            () = self.clock.sleep_until(limit) => Err(ToolError::Unknown {
                source_name: "the tool",
                reason: format!("no answer within {} s", self.limits.tool_ms / 1_000),
            }),
        }
    }

    /// What the model is shown of an outcome. `wrong`: why the first call that was none was none.
    fn content(
        &self,
        call: &ToolCall,
        outcome: Result<ToolAnswer, ToolError>,
        progress: &mut Progress,
        wrong: &mut Option<String>,
    ) -> String {
        let error = match outcome {
            Ok(answer) => {
                self.meter.cite(answer.citations, answer.actions);
                return progress.fit(&call.name, &answer.content, self.limits.results_bytes_max);
            }
            Err(error) => error,
        };
        match &error {
            ToolError::Unknown { source_name, reason } => {
                let unknown = Citation::Unknown { source: (*source_name).to_owned(), reason: reason.clone() };
                self.meter.cite(vec![unknown], Vec::new());
            }
            ToolError::Refused(_) if self.tools.effect(&call.name).is_some() => {}
            ToolError::Arguments(reason) | ToolError::Refused(reason) => {
                wrong.get_or_insert_with(|| reason.clone());
            }
        }
        marked(&call.name, &format!("error: {error}"))
    }
}

impl Progress {
    fn count(&mut self, call: &ToolCall, limits: &TurnLimits) -> Result<(), LoopError> {
        self.calls += 1;
        if self.calls > limits.calls_max {
            return Err(LoopError::Calls(limits.calls_max));
        }
        // The same arguments in another order are the same call.
        let arguments = serde_json::from_str::<Value>(&call.arguments)
            .map_or_else(|_| call.arguments.clone(), |value| to_canonical_json(&value));
        let times = self.seen.entry((call.name.clone(), arguments)).or_default();
        *times += 1;
        if *times > limits.same_calls_max { Err(LoopError::Same(call.name.clone())) } else { Ok(()) }
    }

    fn mend(&mut self, reason: &str, limits: &TurnLimits) -> Result<(), LoopError> {
        self.mends += 1;
        if self.mends > limits.mends_max { Err(LoopError::Malformed(reason.to_owned())) } else { Ok(()) }
    }

    /// As much of a result as the turn has room for.
    fn fit(&mut self, name: &str, content: &str, bytes_max: usize) -> String {
        let left = bytes_max.saturating_sub(self.results_bytes);
        if content.len() <= left {
            self.results_bytes += content.len();
            return marked(name, content);
        }
        let end = content.floor_char_boundary(left);
        self.results_bytes = bytes_max;
        let cut =
            format!("{}\n({} more bytes left out: this turn has read its fill)", &content[..end], content.len() - end);
        marked(name, &cut)
    }

    /// Makes room: the conversation so far is narrowed, and old results are cut to their beginnings.
    fn narrow(&mut self, width: Width) {
        const KEPT: usize = 2_000;
        self.width = width;
        for message in &mut self.tail {
            if let ModelMessage::Tool { content, .. } = message
                && content.len() > KEPT
            {
                content.truncate(content.floor_char_boundary(KEPT));
                content.push_str("\n(cut)</data>");
            }
        }
    }
}

/// What is sent, without its wrapping.
fn request_bytes(request: &ModelRequest) -> usize {
    let of = |message: &ModelMessage| match message {
        ModelMessage::System(text) | ModelMessage::User(text) | ModelMessage::Tool { content: text, .. } => text.len(),
        ModelMessage::Assistant { text, calls } => {
            text.len() + calls.iter().map(|call| call.name.len() + call.arguments.len()).sum::<usize>()
        }
    };
    let tool = |tool: &ToolSpec| tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
    request.messages.iter().map(of).sum::<usize>() + request.tools.iter().map(tool).sum::<usize>()
}

fn request_tokens(request: &ModelRequest) -> u64 {
    let of = |message: &ModelMessage| match message {
        ModelMessage::System(text) | ModelMessage::User(text) => tokens(text),
        ModelMessage::Tool { content, .. } => tokens(content),
        ModelMessage::Assistant { text, calls } => {
            tokens(text) + calls.iter().map(|call| tokens(&call.arguments) + 8).sum::<usize>()
        }
    };
    let tools: usize = request.tools.iter().map(|tool| tokens(&tool.parameters.to_string()) + 16).sum();
    (request.messages.iter().map(of).sum::<usize>() + tools) as u64
}
