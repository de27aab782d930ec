//! `frontend`: one chat adapter in a process of its own, on the socket of the instance's daemon.

use std::sync::Arc;

use tokio::sync::watch;
use wakeman_client::SocketClient;
use wakeman_gateway::{
    instance::InstanceDir,
    ports::{Clock, SystemClock, SystemRandom},
};
use wakeman_types::{Channel, ErrorKind, Frontend, FrontendHealth, Gateway};

use super::run::stop_signal;
use crate::{
    args::FrontendArgs,
    compose,
    failure::{DONE, Failure},
    frontends,
    global::Global,
    supervise::supervise,
};

/// How often a daemon that is not there is looked for.
const LOOK_MS: i64 = 1_000;
/// A report of an end holds this long.
const ENDED_MS: i64 = 60_000;

/// Serves until SIGTERM or SIGINT. A daemon that is not there, or goes away, is waited for.
pub async fn run(global: &Global, args: &FrontendArgs) -> Result<u8, Failure> {
    let dir = global.existing_dir()?;
    let config = compose::load(&dir)?;
    let channel = frontends::one("frontend", &args.name, &config.secrets)?;
    let _alone = dir.lock_frontend(channel, std::process::id()).map_err(Failure::failed)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (stop, stopped) = watch::channel(false);
    let told_to_stop = stop_signal()?;
    tokio::spawn(async move {
        told_to_stop.await;
        stop.send_replace(true);
        // Held until the process ends: who waits for the signal would take a dropped sender for none.
        std::future::pending::<()>().await;
    });
    let Some(client) = connected(global, &dir, &*clock, stopped.clone()).await? else { return Ok(DONE) };
    match client.checkpoint(channel).await {
        // The daemon owes this channel nothing: an adapter would look well and tell nobody.
        Err(error) if error.kind == ErrorKind::Refused => return Err(Failure::usage(error)),
        // What fails otherwise the adapter tries again by itself.
        _ => {}
    }
    global.note(&format!("serving {channel}"));
    let gateway: Arc<dyn Gateway> = Arc::new(client);
    let zone = config.settings.ui.timezone;
    let parts = frontends::parts(&[channel], &config.secrets, &gateway, (&clock, zone), &stopped);
    let random = SystemRandom::from_os();
    for part in parts {
        let tell = |_: &str, why: String| report(&gateway, channel, why);
        supervise(part, &*clock, &random, tell, stopped.clone()).await;
    }
    global.note("stopping");
    Ok(DONE)
}

/// The daemon, once it is there. `None`: told to end before that.
async fn connected(
    global: &Global,
    dir: &InstanceDir,
    clock: &dyn Clock,
    mut stopped: watch::Receiver<bool>,
) -> Result<Option<SocketClient>, Failure> {
    let mut told = false;
    loop {
        match SocketClient::connect(&dir.socket()).await {
            Ok(client) => return Ok(Some(client)),
            Err(error) if !error.is_no_daemon() => return Err(Failure::unavailable(error)),
            Err(_) if told => {}
            Err(_) => {
                global.note("no daemon runs for this instance; waiting for `wakeman run`");
                told = true;
            }
        }
        tokio::select! {
            () = clock.sleep_until(clock.now().plus_ms(LOOK_MS)) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(None),
        }
    }
}

/// Tells the daemon that the adapter ended; it is begun again.
fn report(gateway: &Arc<dyn Gateway>, channel: Channel, why: String) {
    let gateway = Arc::clone(gateway);
    tokio::spawn(async move {
        let health = FrontendHealth { ok: false, detail: why, within_ms: ENDED_MS };
        if let Err(error) = gateway.report_health(channel, health).await {
            tracing::debug!(%error, "frontend.not_reported");
        }
    });
}
