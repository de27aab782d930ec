//! What the model may use: one file a tool, each with its name, its arguments' schema, its effect and its run.
//!
//! Owns: what a tool answers and how much of it. Must not: execute an action, write outside the workspace, see `read-only/`.
//! Start at [`Toolbox`] for what the loop calls, at [`Tool`] for what each one is.

mod github;
mod input;
mod note;
mod output;
mod own;
mod posthog;
mod propose;
mod schema;
mod toolbox;
mod vercel;
mod workspace;

pub use output::RESULT_BYTES_MAX;
pub use toolbox::Toolbox;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wakeman_types::{Citation, Identity, ThreadId, TurnAction};

use crate::core::Core;

/// What running a tool can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: may run beside others.
    Read,
    /// It stages something for a person, or writes a note. Never executes.
    Propose,
}

/// For whom and where a tool runs.
#[derive(Clone, Copy)]
pub struct ToolContext<'a> {
    /// The instance.
    pub core: &'a Core,
    /// Who asked.
    pub by: &'a Identity,
    /// The conversation.
    pub thread: &'a ThreadId,
    /// In which zone whoever is told reads times: a model repeats them as they stand.
    pub zone: chrono_tz::Tz,
}

/// What a tool answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolAnswer {
    /// For the model: untrusted, so it is marked as data by the loop.
    pub content: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// What it staged.
    pub actions: Vec<TurnAction>,
}

/// Why a tool could not answer. The model is told, and may try otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The arguments are not what the schema says.
    #[error("{0}")]
    Arguments(String),
    /// The source could not be read: what it would have said is unknown, not zero.
    #[error("{source_name} could not be read, so this is unknown: {reason}")]
    Unknown {
        /// The source.
        source_name: &'static str,
        /// What it said.
        reason: String,
    },
    /// There is no such thing, or it may not be done.
    #[error("{0}")]
    Refused(String),
}

/// One thing the model may use.
pub trait Tool: Send + Sync {
    /// Its name, `snake_case`.
    fn name(&self) -> &'static str;
    /// What it does and when to use it, in one or two short sentences.
    fn description(&self) -> &'static str;
    /// What people see while it runs: `asking PostHog`.
    fn doing(&self) -> &'static str;
    /// JSON Schema of its arguments.
    fn parameters(&self) -> Value;
    /// What it can change.
    fn effect(&self) -> Effect;
    /// Whether this instance has it: the switch in `tools.json` is on and what it needs is configured.
    fn available(&self, core: &Core) -> bool;
    /// Runs it.
    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>>;
}

/// A tool whose arguments have a type: the schema and the reading of them follow from it. What the shipped ones implement.
trait TypedTool: Send + Sync {
    /// See [`Tool::name`].
    const NAME: &'static str;
    /// See [`Tool::description`].
    const DESCRIPTION: &'static str;
    /// See [`Tool::doing`].
    const DOING: &'static str;
    /// See [`Tool::effect`].
    const EFFECT: Effect = Effect::Read;
    /// What the model writes.
    type Arguments: DeserializeOwned + JsonSchema + Send;

    /// See [`Tool::available`].
    fn available(&self, _core: &Core) -> bool {
        true
    }

    /// See [`Tool::run`].
    fn answer(
        &self,
        context: ToolContext<'_>,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<ToolAnswer, ToolError>> + Send;
}

impl<T: TypedTool> Tool for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn description(&self) -> &'static str {
        T::DESCRIPTION
    }

    fn doing(&self) -> &'static str {
        T::DOING
    }

    fn parameters(&self) -> Value {
        schema::of::<T::Arguments>()
    }

    fn effect(&self) -> Effect {
        T::EFFECT
    }

    fn available(&self, core: &Core) -> bool {
        TypedTool::available(self, core)
    }

    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move { self.answer(context, input::read(arguments)?).await })
    }
}
