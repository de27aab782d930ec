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

/// A chat adapter: its channel, the variable that configures it.
type Adapter = (Channel, &'static str, Configured, Make);

/// Every chat adapter there is.
static ADAPTERS: [Adapter; 2] = [
    (Channel::Telegram, "TELEGRAM_BOT_TOKEN", |secrets| secrets.telegram_bot_token.is_some(), telegram),
    (Channel::Discord, "DISCORD_BOT_TOKEN", |secrets| secrets.discord_bot_token.is_some(), discord::start),
];

/// The chats that are served.
#[derive(Debug, Default)]
pub struct Chats {
    /// In this process.
    pub here: Vec<Channel>,
    /// Each in a process of its own.
    pub apart: Vec<Channel>,
}

/// The chats to serve: here those asked for, else all that are configured and not left to a process of their own. HTTP is always served.
///
/// # Errors
/// A usage failure for a frontend that there is not, that is not configured, or that is to be both here and apart.
pub fn chosen(asked: Option<&[String]>, apart: &[String], secrets: &Secrets) -> Result<Chats, Failure> {
    let apart = apart.iter().map(|name| known("--apart", name).map(|(channel, ..)| *channel));
    let apart = each_once(apart.collect::<Result<_, Failure>>()?);
    let Some(asked) = asked else {
        let configured =
            ADAPTERS.iter().filter(|(_, _, configured, _)| configured(secrets)).map(|(channel, ..)| *channel);
        return Ok(Chats { here: configured.filter(|channel| !apart.contains(channel)).collect(), apart });
    };
    let mut here = Vec::new();
    for name in asked.iter().filter(|name| name.as_str() != "api") {
        let channel = one("--frontends", name, secrets)?;
        if apart.contains(&channel) {
            return Err(Failure::usage(format!(
                "{name} is named in --frontends and in --apart; leave one of them out"
            )));
        }
        here.push(channel);
    }
    Ok(Chats { here: each_once(here), apart })
}

/// A chat that is named twice is served once.
fn each_once(mut channels: Vec<Channel>) -> Vec<Channel> {
    channels.sort_unstable();
    channels.dedup();
    channels
}

/// The one frontend that `option` names, which must be configured.
///
/// # Errors
/// A usage failure otherwise.
pub fn one(option: &str, name: &str, secrets: &Secrets) -> Result<Channel, Failure> {
    match known(option, name)? {
        (channel, _, configured, _) if configured(secrets) => Ok(*channel),
        (_, variable, ..) => Err(Failure::usage(format!("{option}: {name} needs {variable}; set it"))),
    }
}

fn known(option: &str, name: &str) -> Result<&'static Adapter, Failure> {
    ADAPTERS.iter().find(|(channel, ..)| channel.name() == name).ok_or_else(|| {
        // HTTP is always served, by the daemon itself: only there it may be named.
        let api = (option == "--frontends").then_some("api");
        let known: Vec<&str> = ADAPTERS.iter().map(|(channel, ..)| channel.name()).chain(api).collect();
        let known = known.join(", ");
        match name {
            "api" => Failure::usage(format!("{option}: HTTP is served by `wakeman run` itself; there is {known}")),
            _ => Failure::usage(format!("{option}: \"{name}\" is not a frontend of this version; there is {known}")),
        }
    })
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
    let part = |(channel, _, _, make): &Adapter| Part {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_that_is_named_twice_is_served_once() {
        let secrets = Secrets { telegram_bot_token: Some("123:abc".into()), ..Secrets::default() };
        let telegram = || vec!["telegram".to_owned(), "telegram".to_owned()];
        let here = chosen(Some(&telegram()), &[], &secrets).expect("configured");
        assert_eq!((here.here, here.apart), (vec![Channel::Telegram], vec![]));
        let apart = chosen(None, &telegram(), &secrets).expect("configured");
        assert_eq!((apart.here, apart.apart), (vec![], vec![Channel::Telegram]));
    }
}
