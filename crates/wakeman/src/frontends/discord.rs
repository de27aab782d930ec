//! Discord's adapter, as this process runs it.

use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::watch;
use wakeman_discord::{DiscordOptions, Pace};
use wakeman_gateway::{
    config::Secrets,
    ports::{Clock, Random, SystemRandom},
};
use wakeman_types::Gateway;

use crate::supervise::Start;

/// Begins the adapter; it ends when `stopped` says so.
pub fn start(
    secrets: &Secrets,
    gateway: Arc<dyn Gateway>,
    clock: Arc<dyn Clock>,
    zone: Tz,
    stopped: watch::Receiver<bool>,
) -> Start {
    let random = SystemRandom::from_os();
    let options = DiscordOptions {
        token: secrets.discord_bot_token.clone().unwrap_or_default(),
        api_url: secrets.discord_api_url.as_ref().map(|url| url.as_str().to_owned()),
        zone,
        now: Arc::new(move || clock.now()),
        chance: Arc::new(move || (random.number() % 1_000) as f64 / 1_000.0),
        pace: Pace::default(),
    };
    Box::new(move || {
        let (options, gateway, mut stopped) = (options.clone(), Arc::clone(&gateway), stopped.clone());
        Box::pin(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            wakeman_discord::run(options, gateway, stop).await.map_err(|error| error.to_string())
        })
    })
}
