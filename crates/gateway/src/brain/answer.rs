//! Answering one accepted message: with the model, or plainly without it.

use serde_json::{Value, json};
use wakeman_present::{RenderContext, answer_footer};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{AskRequest, ErrorKind, Finding, Identity, Note, ThreadId, Timestamp, Turn, TurnState};

use super::{
    Account, Brain, Material, Meter, Teller, ThreadMemory, Width, assemble,
    context::WINDOW_MESSAGES,
    plainly,
    prompts::Prompt,
    tool_loop::{Loop, LoopError},
    turn_tools::TurnTools,
    turns::Ending,
};
use crate::{
    config::Settings,
    ports::{Model, ModelError, ModelMessage, ModelRequest, ToolSpec},
};

/// Open findings that are read for the model's view of things.
const FINDINGS_READ: usize = 20;
/// Notes that are read.
const NOTES_READ: usize = 6;

/// Everything a turn's context is made of, read once.
struct Known {
    findings: Vec<Finding>,
    notes: Vec<Note>,
    memory: ThreadMemory,
    messages: Vec<wakeman_types::Message>,
}

impl Brain {
    /// Answers; never fails: a failure is an ending with its reason.
    pub(super) async fn answer(
        &self,
        by: &Identity,
        turn: &Turn,
        request: &AskRequest,
        teller: &Teller,
        meter: &Meter,
    ) -> Ending {
        let Some(model) = self.core.model.clone() else {
            let text = plainly::without_model(&self.core, &request.message, &self.render(by)).await;
            return Ending { state: TurnState::Answered, failure: None, text, reason: None, prompt_version: None };
        };
        let prompt = match self.core.prompt("chat", request.prompt_version.as_deref()) {
            Ok(prompt) => prompt,
            Err(error) => {
                return failed(ErrorKind::Invalid, format!("the prompt cannot be used: {error}"), None, String::new());
            }
        };
        let label = Some(prompt.label());
        // Also for who stops the turn meanwhile: a model's first words are a model's words.
        meter.with(|counted| counted.prompt.clone_from(&label));
        let outcome = match self.material(turn).await {
            Ok(known) => self.with_model(&*model, by, turn, request, prompt, &known, teller, meter).await,
            Err(error) => return failed(ErrorKind::Storage, error.to_string(), label, String::new()),
        };
        match outcome {
            Ok(text) => {
                let counted = meter.read();
                let footer = answer_footer(&counted.citations, &counted.actions, &self.render(by));
                Ending {
                    state: TurnState::Answered,
                    failure: None,
                    text: joined(&[&text, &footer, &self.warning(&turn.thread_id, &self.render(by))]),
                    reason: None,
                    prompt_version: label,
                }
            }
            Err(error) => self.without(error, request, label, (meter, self.render(by))).await,
        }
    }

    async fn material(&self, turn: &Turn) -> Result<Known, StoreError> {
        let store = &self.core.store;
        let open = ListQuery::newest(FINDINGS_READ).state("open").state("acknowledged").state("snoozed");
        let notes = ListQuery::newest(NOTES_READ).parent(turn.thread_id.as_str());
        let (findings, notes, memory, messages) = tokio::try_join!(
            store.list::<Finding>(&open),
            store.list::<Note>(&notes),
            store.get::<ThreadMemory>(turn.thread_id.as_str()),
            self.window(turn, WINDOW_MESSAGES),
        )?;
        Ok(Known {
            findings: findings.items.into_iter().map(|found| found.value).collect(),
            notes: notes.items.into_iter().map(|found| found.value).collect(),
            memory: memory.map_or_else(|| ThreadMemory::of(&turn.thread_id), |found| found.value),
            messages,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one turn, all borrowed from its frame")]
    async fn with_model(
        &self,
        model: &dyn Model,
        by: &Identity,
        turn: &Turn,
        request: &AskRequest,
        prompt: &Prompt,
        known: &Known,
        teller: &Teller,
        meter: &Meter,
    ) -> Result<String, LoopError> {
        let core = &self.core;
        let system = match prompt.render(&self.variables(by, self.render(by).zone)) {
            Ok(system) => system,
            Err(error) => return Err(LoopError::Shape(format!("prompt {}: {error}", prompt.label()))),
        };
        let material = Material {
            system,
            pinned: core.settings.posthog.context.as_deref(),
            findings: &known.findings,
            notes: &known.notes,
            memory: &known.memory,
            messages: &known.messages,
            question: &request.message,
            render: self.render(by),
        };
        let assemble = |width: Width| assemble(&material, width);
        let zone = self.render(by).zone;
        let tools = TurnTools { core, toolbox: &self.toolbox, specs: &self.specs, by, thread: &turn.thread_id, zone };
        let check = |text: &str| prompt.check(text);
        Loop {
            guard: &core.guard,
            model,
            clock: &*core.clock,
            ledger: &self.ledger,
            account: Account::Thread(turn.thread_id.clone()),
            tools: &tools,
            limits: self.limits,
            call_ms: i64::try_from(core.settings.ai.timeout_ms).unwrap_or(i64::MAX),
            request: base_request(&core.settings, prompt, core.random.bytes16()),
            check: prompt.output.is_some().then_some(&check),
            assemble: &assemble,
            teller,
            meter,
        }
        .run()
        .await
    }

    /// What a prompt is told. Nothing in here comes from outside: names of settings and operators only.
    pub(super) fn variables(&self, by: &Identity, zone: chrono_tz::Tz) -> Value {
        let core = &self.core;
        json!({
            "name": core.settings.app.name,
            "watching": core.watching(),
            "now": dated(core.now(), zone),
            "zone": zone.name(),
            "operator": by.operator,
            "role": by.role,
            "mode": core.mode().name(),
        })
    }

    fn render(&self, by: &Identity) -> RenderContext {
        RenderContext { now: self.core.now(), zone: self.core.settings.timezone_of(&by.operator) }
    }

    /// Said once a day, under an answer: of the day's budget, and of the thread's share of it.
    fn warning(&self, thread: &ThreadId, render: &RenderContext) -> String {
        let now = self.core.now();
        let view = self.ledger.view(now);
        let resets = render.time(view.resets_at);
        let (spent, budget) = (view.spent_usd, view.budget_usd);
        let of_day = self.ledger.should_warn(now);
        let of_day =
            of_day.then(|| format!("Model budget: ${spent:.2} of ${budget:.2} used today; it resets {resets}."));
        let of_thread = self.share_warning(&Account::Thread(thread.clone()), "thread", render);
        joined(&[&of_day.unwrap_or_default(), &of_thread.unwrap_or_default()])
    }

    /// Said once a day: that an account has used most of its share. `whose`: what it is to people.
    pub(super) fn share_warning(&self, account: &Account, whose: &str, render: &RenderContext) -> Option<String> {
        let now = self.core.now();
        let (used, share) = self.ledger.warn_account(now, account)?;
        let resets = render.time(self.ledger.view(now).resets_at);
        Some(format!("Model budget: ${used:.2} of this {whose}'s share of ${share:.2} used today; it resets {resets}."))
    }

    /// An error as people are told it; with the time from which on it may work, where that is known.
    pub(super) fn told(error: &LoopError, render: &RenderContext) -> String {
        match error {
            LoopError::Model(ModelError::Limited { until: Some(until), .. }) => {
                format!("{error}; try again after {}", render.time(*until))
            }
            other => other.to_string(),
        }
    }

    /// The model gave nothing: what can be said without it, and why.
    async fn without(
        &self,
        error: LoopError,
        request: &AskRequest,
        label: Option<String>,
        (meter, render): (&Meter, RenderContext),
    ) -> Ending {
        let reason = match &error {
            LoopError::Budget(over) => {
                let whose =
                    if over.of_account { "this thread's share of the model budget" } else { "today's model budget" };
                format!("{whose}, ${:.2}, is used up; it resets {}", over.limit_usd, render.time(over.resets_at))
            }
            other => Self::told(other, &render),
        };
        tracing::warn!(%reason, "turn.failed");
        let counted = meter.read();
        let kept = unfinished(&counted.words);
        let plain = match &error {
            LoopError::Model(_) | LoopError::Budget(_) => {
                plainly::from_record(&self.core, &request.message, &render).await
            }
            _ => String::new(),
        };
        let footer = answer_footer(&counted.citations, &counted.actions, &render);
        let kind = match &error {
            LoopError::Model(ModelError::Rejected { .. } | ModelError::TooLong { .. }) => ErrorKind::Invalid,
            LoopError::Model(_) => ErrorKind::Unavailable,
            LoopError::Budget(_) => ErrorKind::Refused,
            _ => ErrorKind::Conflict,
        };
        failed(kind, reason.clone(), label, joined(&[&kept, &format!("No answer: {reason}."), &plain, &footer]))
    }
}

/// Our own code broke in the middle of a turn. What the model said until then is kept.
pub(super) fn broken(meter: &Meter) -> Ending {
    let counted = meter.read();
    let reason = LoopError::Broken.to_string();
    tracing::error!(%reason, "turn.broken");
    let text = joined(&[&unfinished(&counted.words), &format!("No answer: {reason}.")]);
    failed(ErrorKind::Storage, reason, counted.prompt, text)
}

/// The words of an answer that goes no further.
fn unfinished(words: &str) -> String {
    let words = words.trim();
    if words.is_empty() { String::new() } else { format!("{words}\n(The answer ends here.)") }
}

fn failed(failure: ErrorKind, reason: String, prompt_version: Option<String>, text: String) -> Ending {
    let text = if text.is_empty() { format!("No answer: {reason}.") } else { text };
    Ending { state: TurnState::Failed, failure: Some(failure), text, reason: Some(reason), prompt_version }
}

/// `Tue 3 Nov 2026 09:00`
fn dated(at: Timestamp, zone: chrono_tz::Tz) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at.ms()).unwrap_or_default().with_timezone(&zone);
    time.format("%a %-d %b %Y %H:%M").to_string()
}

fn joined(parts: &[&str]) -> String {
    let some: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    some.join("\n\n")
}

pub(super) fn base_request(settings: &Settings, prompt: &Prompt, trace: [u8; 16]) -> ModelRequest {
    ModelRequest {
        alias: prompt.alias.at_proxy(&settings.ai).to_owned(),
        fallback: prompt.alias.fallback(&settings.ai).map(str::to_owned),
        messages: Vec::<ModelMessage>::new(),
        tools: Vec::<ToolSpec>::new(),
        output: prompt.output.clone(),
        temperature: prompt.temperature,
        max_tokens: 0,
        deadline: Timestamp::from_ms(0),
        trace,
    }
}
