//! The model host: what the tool loop needs of it, in the loop's own words. Models are named by alias only.

use futures::future::BoxFuture;
use serde_json::Value;
use wakeman_types::Timestamp;

/// One message of what the model is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelMessage {
    /// Our own instructions. Never holds a word from outside.
    System(String),
    /// A person, or data that is marked as such.
    User(String),
    /// What the model said before, with the tools it called.
    Assistant {
        /// Its words; may be empty where it only called tools.
        text: String,
        /// Its calls, in its order.
        calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool {
        /// The id of the call that this answers.
        call_id: String,
        /// The answer.
        content: String,
    },
}

/// A tool call as the model wrote it, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id, unique in the conversation.
    pub id: String,
    /// The tool's name as the model wrote it; may name nothing that exists.
    pub name: String,
    /// The arguments as the model wrote them; may be no JSON.
    pub arguments: String,
}

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The proxy's name of the model.
    pub alias: String,
    /// The proxy's name to try when the first fails before its first word.
    pub fallback: Option<String>,
    /// What it is shown, in order.
    pub messages: Vec<ModelMessage>,
    /// What it may call; empty: nothing.
    pub tools: Vec<ToolSpec>,
    /// JSON Schema its answer must have; `None`: free text.
    pub output: Option<Value>,
    /// 0–2; `None`: the model's own default.
    pub temperature: Option<f64>,
    /// Most tokens it may write.
    pub max_tokens: u32,
    /// Everything (retries, the fallback, their pauses) ends by then.
    pub deadline: Timestamp,
    /// Sixteen bytes that tie the calls of one turn together in the proxy's log (`traceparent`).
    pub trace: [u8; 16],
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It waits for the answers to its calls.
    ToolCalls,
    /// It hit `max_tokens`; the text is cut.
    Length,
    /// The host's filter stopped it.
    Filtered,
}

/// What one try was billed, as far as the host says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bill {
    /// Tokens read.
    pub prompt_tokens: Option<u64>,
    /// Tokens written.
    pub completion_tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// Its words.
    pub text: String,
    /// Its calls: complete ones only.
    pub calls: Vec<ToolCall>,
    /// The tool whose call was cut at `max_tokens` and left out.
    pub cut_call: Option<String>,
    /// Why it stopped.
    pub finish: Finish,
    /// What it was billed.
    pub bill: Bill,
    /// Tries before it that came to nothing and are billed all the same.
    pub earlier: Vec<Bill>,
    /// The alias that answered in the end.
    pub alias: String,
}

/// Why there is no completion.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Our key is not accepted. Stays so until a person acts, so nothing is sent meanwhile.
    #[error("the model proxy does not accept our key ({reason}); check LITELLM_MASTER_KEY, and the proxy's own keys")]
    Denied {
        /// What it said, shortened.
        reason: String,
    },
    /// It asks us to wait longer than the deadline allows.
    #[error("the model is rate-limited ({reason})")]
    Limited {
        /// What it said.
        reason: String,
        /// Not before then, where it says.
        until: Option<Timestamp>,
    },
    /// It does not answer, or answers with a fault of its own.
    #[error("the model does not answer ({reason})")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The deadline passed.
    #[error("the model took longer than {} s; ask again, or raise ai.timeoutMs in read-only/settings.json", .limit_ms / 1_000)]
    TimedOut {
        /// The limit.
        limit_ms: i64,
    },
    /// What we sent is longer than the model reads.
    #[error("the conversation is longer than the model can read ({reason}); begin a new one")]
    TooLong {
        /// What it said.
        reason: String,
    },
    /// It refuses what we sent: an unknown alias, a malformed request.
    #[error("the model proxy refused the request ({reason}); check ai.aliases in read-only/settings.json")]
    Rejected {
        /// What it said.
        reason: String,
    },
    /// It answered with nothing at all.
    #[error("the model gave an empty answer")]
    Empty,
    /// The answer broke off. What it had called is dropped: a partial call never runs.
    #[error("the model's answer broke off ({reason})")]
    Cut {
        /// The words that arrived.
        text: String,
        /// What happened.
        reason: String,
    },
}

/// No completion, and what that cost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct ModelFailure {
    /// Why, after the last try.
    pub error: ModelError,
    /// The tries that are billed though they came to nothing.
    pub billed: Vec<Bill>,
}

impl From<ModelError> for ModelFailure {
    fn from(error: ModelError) -> Self {
        // Something came, so somebody is billed; how much nobody says.
        let billed = match error {
            ModelError::Empty | ModelError::Cut { .. } => vec![Bill::default()],
            _ => Vec::new(),
        };
        Self { error, billed }
    }
}

/// Vectors of some texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each text, in order, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// US dollars, where the host says.
    pub cost_usd: Option<f64>,
}

/// Takes the words of an answer as they come.
pub type TextSink<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The model host.
pub trait Model: Send + Sync {
    /// Asks for a completion; its words go to `words` as they arrive. Dropping the future ends the call.
    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest,
        words: TextSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelFailure>>;

    /// Turns texts to vectors.
    fn embed<'a>(
        &'a self,
        alias: &'a str,
        texts: &'a [String],
        deadline: Timestamp,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>>;

    /// Asks the host whether it lives and which aliases it knows; costs nothing.
    fn aliases(&self, deadline: Timestamp) -> BoxFuture<'_, Result<Vec<String>, ModelError>>;
}
