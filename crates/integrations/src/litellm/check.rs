//! Whether the proxy lives and serves the aliases that settings name.

use wakeman_gateway::ports::{Model, ModelError};

use super::Litellm;
use crate::check::CheckOutcome;

/// How long the proxy may take to list its models.
const ANSWER_MS: i64 = 10_000;

/// Asks the proxy for its models and looks for each of `aliases`. Calls no model, so it costs nothing.
pub async fn check_litellm(litellm: &Litellm, aliases: &[String]) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    let deadline = litellm.wire.clock.now().plus_ms(ANSWER_MS);
    let served = match litellm.aliases(deadline).await {
        Ok(served) => served,
        Err(error) => {
            let remedy = match &error {
                ModelError::Denied { .. } => "set LITELLM_MASTER_KEY to the proxy's master_key or a key made with it",
                ModelError::Limited { .. } => "wait a minute and check again",
                _ => "start the proxy (`litellm --config config/litellm.yaml`), or correct LITELLM_URL",
            };
            outcome.fail("LiteLLM", error.to_string(), remedy);
            return outcome;
        }
    };
    outcome.pass("LiteLLM", format!("answers; serves {}", listed(&served)));
    // A wildcard stands for names that are not listed.
    let any = served.iter().any(|name| name.contains('*'));
    let mut missing: Vec<&String> = aliases.iter().filter(|alias| !any && !served.contains(alias)).collect();
    missing.dedup();
    for alias in &missing {
        let remedy =
            format!("add {alias} to the proxy's model_list, or name another alias under ai in read-only/settings.json");
        outcome.missing.push((*alias).clone());
        outcome.fail("LiteLLM aliases", format!("{alias} is not served"), remedy);
    }
    if missing.is_empty() && !aliases.is_empty() {
        outcome.pass("LiteLLM aliases", format!("{} are served", listed(aliases)));
    }
    outcome
}

/// Up to a handful of names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "no model".to_owned(),
        count if count <= SHOWN => names.join(", "),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}
