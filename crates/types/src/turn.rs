//! One message in, its tool calls, one terminal answer out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ChangeId, Entity, ErrorKind, FindingId, MessageId, OperatorId, Principal, ProposalId, ThreadId, Timestamp, TurnId,
};

/// How a turn stands. Every accepted one ends in exactly one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// The message is stored; the answer is being worked on.
    Accepted,
    /// It was answered.
    Answered,
    /// It could not be answered; the answer says why.
    Failed,
    /// A person stopped it.
    Stopped,
    /// The process ended before the answer was there.
    Interrupted,
}

impl TurnState {
    /// Every state, for tables.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Answered, Self::Failed, Self::Stopped, Self::Interrupted];

    /// Its name in files and queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Accepted)
    }
}

/// What a turn cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens the model read.
    pub prompt_tokens: u64,
    /// Tokens it wrote.
    pub completion_tokens: u64,
    /// US dollars, as the proxy says; where it says nothing, an estimate is not made.
    pub cost_usd: f64,
    /// How often a model was called.
    pub model_calls: u32,
    /// How often a tool was run.
    pub tool_calls: u32,
}

impl Usage {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            cost_usd: self.cost_usd + other.cost_usd,
            model_calls: self.model_calls + other.model_calls,
            tool_calls: self.tool_calls + other.tool_calls,
        }
    }
}

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Citation {
    /// A finding.
    Finding {
        /// Which.
        id: FindingId,
    },
    /// A proposal.
    Proposal {
        /// Which.
        id: ProposalId,
    },
    /// A change: commit, merge, deploy, flag edit.
    Change {
        /// Which.
        id: ChangeId,
    },
    /// A query that was run, with the time up to which its source's data went.
    Query {
        /// The source: `PostHog`, `GitHub`, …
        source: String,
        /// What was asked, shortened to 500 characters.
        query: String,
        /// The source's own present.
        as_of: Option<Timestamp>,
    },
    /// A page of a source.
    Link {
        /// What it shows.
        title: String,
        /// Where. Never rendered live.
        url: String,
    },
    /// A source that could not be read, so that what it would have said is unknown.
    Unknown {
        /// The source.
        source: String,
        /// What it said.
        reason: String,
    },
}

/// What a turn staged for a person's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurnAction {
    /// A proposal was staged; it runs only once approved.
    Proposal {
        /// Which.
        id: ProposalId,
    },
    /// A note was written to the thread.
    Note,
}

/// One message in and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// The message that was asked.
    pub question: MessageId,
    /// Who asked, as the transport proved it.
    pub asked_by: Principal,
    /// Which operator that is.
    pub operator: OperatorId,
    /// The asker's own key: the same key never makes a second turn.
    pub key: Option<String>,
    /// How it stands.
    pub state: TurnState,
    /// Why it failed or was stopped, in words for people.
    pub reason: Option<String>,
    /// The message that ended it.
    pub answer: Option<MessageId>,
    /// The prompt that was used: `chat/v1`. `None` where no model was asked.
    pub prompt_version: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// What it staged.
    pub actions: Vec<TurnAction>,
    /// What the answer rests on.
    pub citations: Vec<Citation>,
    /// When the message was stored.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Turn {
    /// The unique key of a turn that `by` named `key`.
    pub fn key_of(by: &Principal, key: &str) -> String {
        format!("turn:{by}:{key}")
    }
}

impl Entity for Turn {
    const KIND: &'static str = "turn";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn state_name(&self) -> &str {
        self.state.name()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.thread_id.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.accepted_at.ms()
    }

    fn unique_key(&self) -> Option<String> {
        self.key.as_ref().map(|key| Self::key_of(&self.asked_by, key))
    }
}

/// A message to Wakeman.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// What is asked.
    pub message: String,
    /// The conversation to go on with; `None` begins one.
    #[serde(default)]
    pub thread_id: Option<ThreadId>,
    /// A version of the prompt other than the configured one.
    #[serde(default)]
    pub prompt_version: Option<String>,
    /// The asker's own key of this message: sent twice, it is answered once.
    #[serde(default)]
    pub key: Option<String>,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnAnswer {
    /// The conversation.
    pub thread_id: ThreadId,
    /// The turn.
    pub turn_id: TurnId,
    /// How it ended.
    pub state: TurnState,
    /// The whole answer.
    pub response: String,
    /// What kind of failure it was, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ErrorKind>,
    /// What was staged.
    pub actions: Vec<TurnAction>,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// The prompt that was used.
    pub prompt_version: Option<String>,
    /// What it cost.
    pub usage: Usage,
}

/// What happens while a turn runs. The last one is always `done`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TurnEvent {
    /// The message is stored and will get exactly one terminal outcome.
    Accepted {
        /// The conversation.
        thread_id: ThreadId,
        /// The turn.
        turn_id: TurnId,
    },
    /// More of the answer.
    Token {
        /// The next piece.
        token: String,
    },
    /// A tool is being run.
    Tool {
        /// Its name.
        name: String,
        /// What it does, for people: `asking PostHog`.
        doing: String,
    },
    /// The pieces so far were not the answer (the model went on to use a tool): begin afresh.
    Reset,
    /// It ended.
    Done {
        /// How.
        answer: Box<TurnAnswer>,
    },
}
