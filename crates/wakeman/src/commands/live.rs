//! What is set up is tried against the services themselves: `init` and `doctor` say what came of it.

use std::sync::Arc;

use wakeman_gateway::ports::{Clock, SystemClock, WriteGate};
use wakeman_integrations::{CheckOutcome, check_discord, check_github, check_posthog, check_telegram, check_vercel};

use crate::{
    compose::{self, Config},
    failure::Failure,
};

/// A service, and what a check of it came to. `None`: it is not configured.
pub type Tried = (&'static str, Result<Option<CheckOutcome>, Failure>);

/// Tries every service whose credentials are set, one after the other. Changes nothing anywhere.
pub async fn tried(config: &Config) -> Vec<Tried> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let gate = WriteGate::default();
    let posthog = match compose::posthog(config, (&clock, &gate)) {
        Ok(Some(posthog)) => Ok(Some(check_posthog(&posthog).await)),
        other => other.map(|_| None),
    };
    let github = match compose::github(config, (&clock, &gate)) {
        Ok(Some(github)) => Ok(Some(check_github(&github).await)),
        other => other.map(|_| None),
    };
    let vercel = match compose::vercel(config, (&clock, &gate)) {
        Ok(Some(vercel)) => Ok(Some(check_vercel(&vercel).await)),
        other => other.map(|_| None),
    };
    let secrets = &config.secrets;
    let telegram = match &secrets.telegram_bot_token {
        Some(token) => Some(check_telegram(token, secrets.telegram_api_url.as_ref().map(|url| url.as_str())).await),
        None => None,
    };
    let discord = match &secrets.discord_bot_token {
        Some(token) => Some(check_discord(token, secrets.discord_api_url.as_ref().map(|url| url.as_str())).await),
        None => None,
    };
    vec![
        ("PostHog", posthog),
        ("GitHub", github),
        ("Vercel", vercel),
        ("Telegram", Ok(telegram)),
        ("Discord", Ok(discord)),
    ]
}
