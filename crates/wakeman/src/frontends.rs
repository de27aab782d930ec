//! The chat adapters of this build: which are configured, which were asked for, how each begins.

use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::watch;
use wakeman_gateway::{config::Secrets, ports::Clock};
use wakeman_types::{Channel, Gateway};

use crate::{
    failure::Failure,
    supervise::{Part, Start},
};

/// Whether its credentials are there.
type Configured = fn(&Secrets) -> bool;
/// How it begins.
type Make = fn(&Secrets, Arc<dyn Gateway>, Arc<dyn Clock>, Tz, watch::Receiver<bool>) -> Start;

/// Every chat adapter there is: its channel, the variable that configures it.
const ADAPTERS: [(Channel, &str, Configured, Make); 0] = [];

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
