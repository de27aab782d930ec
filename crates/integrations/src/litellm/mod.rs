//! A LiteLLM proxy, or anything that speaks OpenAI's wire format, as [`Model`].
//!
//! Guarantees: one deadline for a call with all its tries; at most three of them; none after the first word was passed on; nothing is
//! sent while a key is known not to be accepted, or before the time a rate limit named; a call of a tool is whole or not there.
//! Not here: what is asked and what it may cost (the brain), which model an alias is (the proxy).
//! One reader of answers, `assemble`, takes streams and whole bodies alike: some hosts answer one with the other.

mod assemble;
mod body;
mod chain;
mod check;
mod chunk;
mod embed;
mod guard;
mod sse;
mod trouble;
mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use wakeman_gateway::ports::{
    Clock, Completion, Embeddings, Model, ModelError, ModelFailure, ModelRequest, Random, TextSink,
};
use wakeman_types::Timestamp;

pub use check::check_litellm;
pub use guard::BREAKER_MS;

use crate::http::BuildError;
use chain::{Chain, Plan, Progress};

/// What a LiteLLM adapter is built from.
pub struct LitellmOptions {
    /// Base address, with or without `/v1` at its end.
    pub url: String,
    /// The proxy's key; some hosts want none.
    pub key: Option<SecretString>,
    /// The clock of deadlines, pauses and cooldowns.
    pub clock: Arc<dyn Clock>,
    /// Jitter, and the span ids of `traceparent`.
    pub random: Arc<dyn Random>,
}

/// A LiteLLM proxy.
pub struct Litellm {
    wire: wire::Wire,
    chain: Chain,
}

impl Litellm {
    /// Builds the adapter; sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that cannot be used.
    pub fn new(options: LitellmOptions) -> Result<Self, BuildError> {
        let chain = Chain::new(Arc::clone(&options.clock), Arc::clone(&options.random));
        Ok(Self { wire: wire::Wire::new(options)?, chain })
    }
}

impl Model for Litellm {
    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest,
        words: TextSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelFailure>> {
        Box::pin(async move {
            let progress = Progress::default();
            let plan = Plan {
                aliases: std::iter::once(request.alias.as_str()).chain(request.fallback.as_deref()).collect(),
                deadline: request.deadline,
                progress: &progress,
            };
            let ask = |alias| -> BoxFuture<'_, _> { Box::pin(self.wire.complete(request, alias, words, &progress)) };
            match self.chain.run(&plan, ask).await {
                (Ok(done), earlier) => Ok(Completion { earlier, ..done }),
                (Err(error), billed) => Err(ModelFailure { error, billed }),
            }
        })
    }

    fn embed<'a>(
        &'a self,
        alias: &'a str,
        texts: &'a [String],
        deadline: Timestamp,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>> {
        Box::pin(async move {
            if texts.is_empty() {
                return Ok(Embeddings { vectors: Vec::new(), cost_usd: None });
            }
            let progress = Progress::default();
            let plan = Plan { aliases: vec![alias], deadline, progress: &progress };
            let ask = |alias| -> BoxFuture<'_, _> { Box::pin(self.wire.embed(alias, texts)) };
            self.chain.run(&plan, ask).await.0
        })
    }

    fn aliases(&self, deadline: Timestamp) -> BoxFuture<'_, Result<Vec<String>, ModelError>> {
        Box::pin(async move {
            let progress = Progress::default();
            let plan = Plan { aliases: vec![""], deadline, progress: &progress };
            let ask = |_| -> BoxFuture<'_, _> { Box::pin(self.wire.aliases()) };
            self.chain.run(&plan, ask).await.0
        })
    }
}
