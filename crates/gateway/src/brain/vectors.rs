//! Texts as vectors, on an account of the day's ledger.

use wakeman_types::Usage;

use super::{Account, Brain};

impl Brain {
    /// The vectors of `texts`, in order; `None`: no model is configured, it does not answer, or the money is spent. Whoever asks goes
    /// on without.
    pub(crate) async fn vectors(&self, alias: &str, texts: &[String], wakeup: &str) -> Option<Vec<Vec<f32>>> {
        let core = &self.core;
        let model = core.model.as_ref()?;
        let account = Account::Wakeup(wakeup.to_owned());
        // A few characters are a token.
        let tokens = texts.iter().map(|text| text.len() as u64 / 3 + 1).sum();
        let reserved = self.ledger.reserve(core.now(), &account, tokens).ok()?;
        let deadline = core.now().plus_ms(i64::try_from(core.settings.ai.timeout_ms).unwrap_or(i64::MAX));
        let answer = model.embed(alias, texts, deadline).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                reserved.release();
                tracing::info!(%error, "brain.no_vectors");
                return None;
            }
        };
        let cost_usd = answer.cost_usd.unwrap_or(reserved.usd());
        reserved.settle(cost_usd, 0);
        let usage = Usage { cost_usd, model_calls: 1, ..Usage::default() };
        self.keep_spent(&account, usage).await;
        Some(answer.vectors)
    }
}
