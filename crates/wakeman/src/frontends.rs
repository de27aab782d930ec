//! The chat adapters of this build: which are configured, which were asked for, how each begins.

mod discord;

use std::sync::Arc;

use chrono_tz::Tz;
use futures::future::BoxFuture;
use tokio::sync::watch;
use wakeman_gateway::{config::Secrets, ports::Clock};
use wakeman_telegram::TelegramOptions;
use wakeman_types::{Channel, Gateway, Timestamp};

use crate::{
    failure::Failure,
    supervise::{Part, Start},
};

/// Whether its credentials are there.
type Configured = fn(&Secrets) -> bool;
/// How it begins.
type Make = fn(&Secrets, Arc<dyn Gateway>, Arc<dyn Clock>, Tz, watch::Receiver<bool>) -> Start;

/// Every chat adapter there is: its channel, the variable that configures it.
const ADAPTERS: [(Channel, &str, Configured, Make); 2] = [
    (Channel::Telegram, "TELEGRAM_BOT_TOKEN", |secrets| secrets.telegram_bot_token.is_some(), telegram),
    (Channel::Discord, "DISCORD_BOT_TOKEN", |secrets| secrets.discord_bot_token.is_some(), discord::start),
];

/// The chats to serve: those asked for, else all that are configured. HTTP is always served.
///
/// # Errors
/// A usage failure for a frontend that there is not, or that is not configured.
pub fn chosen(asked: Option<&[String]>, secrets: &Secrets) -> Result<Vec<Channel>, Failure> {
    let Some(asked) = asked else {
        let configured = ADAPTERS.iter().filter(|(_, _, configured, _)| configured(secrets));
        return Ok(configured.map(|(channel, ..)| *channel).collect());
    };
    let mut chosen = Vec::new();
    for name in asked.iter().filter(|name| name.as_str() != "api") {
        match ADAPTERS.iter().find(|(channel, ..)| channel.name() == name) {
            Some((channel, _, configured, _)) if configured(secrets) => chosen.push(*channel),
            Some((_, variable, ..)) => {
                return Err(Failure::usage(format!("--frontends: {name} needs {variable}; set it")));
            }
            None => {
                let known: Vec<&str> = ADAPTERS.iter().map(|(channel, ..)| channel.name()).chain(["api"]).collect();
                let known = known.join(", ");
                return Err(Failure::usage(format!(
                    "--frontends: \"{name}\" is not a frontend of this version; there is {known}"
                )));
            }
        }
    }
    Ok(chosen)
}

/// The adapters of `chosen`, each to be supervised.
pub fn parts(
    chosen: &[Channel],
    secrets: &Secrets,
    gateway: &Arc<dyn Gateway>,
    (clock, zone): (&Arc<dyn Clock>, Tz),
    stopped: &watch::Receiver<bool>,
) -> Vec<Part> {
    let wanted = ADAPTERS.iter().filter(|(channel, ..)| chosen.contains(channel));
    let part = |(channel, _, _, make): &(Channel, &str, Configured, Make)| Part {
        name: channel.name(),
        start: make(secrets, Arc::clone(gateway), Arc::clone(clock), zone, stopped.clone()),
    };
    wanted.map(part).collect()
}

/// The gateway's clock as the adapter wants it.
struct TelegramClock(Arc<dyn Clock>);

impl wakeman_telegram::Clock for TelegramClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'_, ()> {
        self.0.sleep_until(self.0.now().plus_ms(ms))
    }
}

fn telegram(
    secrets: &Secrets,
    gateway: Arc<dyn Gateway>,
    clock: Arc<dyn Clock>,
    zone: Tz,
    stopped: watch::Receiver<bool>,
) -> Start {
    let mut options = TelegramOptions::new(secrets.telegram_bot_token.clone().unwrap_or_default());
    options.api_url = secrets.telegram_api_url.as_ref().map(|url| url.as_str().to_owned());
    options.zone = zone;
    Box::new(move || {
        let (options, gateway, mut stopped) = (options.clone(), Arc::clone(&gateway), stopped.clone());
        let clock = Arc::new(TelegramClock(Arc::clone(&clock)));
        Box::pin(async move {
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            wakeman_telegram::run(options, gateway, clock, stop).await.map_err(|error| error.to_string())
        })
    })
}
