//! `run` over a damaged database: it answers what can still be read, and does nothing else.

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::watch, task::JoinSet, time::timeout};
use wakeman_gateway::{Core, Desk, instance::InstanceDir};
use wakeman_server::ApiToken;
use wakeman_types::{Gateway, SafeMode};

use super::{PATIENCE, answer, part_ended, stop_signal};
use crate::{
    failure::{DONE, Failure},
    global::Global,
};

/// Serves until SIGTERM or SIGINT. With `once` it tells how it stands and fails: no source was read.
pub(super) async fn run(
    global: &Global,
    (dir, core, safe): (InstanceDir, Arc<Core>, SafeMode),
    place: (SocketAddr, Vec<ApiToken>),
    once: bool,
) -> Result<u8, Failure> {
    core.health.failed("database", "damaged; it is only read");
    global.complain(&format!("safe mode: {}; it is only read, and nothing is watched, told or run", safe.reason));
    for (at, step) in safe.steps.iter().enumerate() {
        global.complain(&format!("  {}. {step}", at + 1));
    }
    let desk = Arc::new(Desk::new(Arc::clone(&core)));
    let ended = match once {
        true => tell(global, &desk).await.and(Err(Failure::failed(format!("{}: no source was read", safe.reason)))),
        false => serve(global, &dir, desk, place).await,
    };
    core.store.close().await;
    ended
}

async fn tell(global: &Global, desk: &Desk) -> Result<(), Failure> {
    let status = desk.status_now().await?;
    let context = global.context(status.as_of, &status.timezone);
    let line = serde_json::json!({"type": "status", "status": status});
    global.answer(&line, &wakeman_present::status_doc(&status, &context))
}

async fn serve(
    global: &Global,
    dir: &InstanceDir,
    gateway: Arc<dyn Gateway>,
    place: (SocketAddr, Vec<ApiToken>),
) -> Result<u8, Failure> {
    let told_to_stop = stop_signal()?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    answer(global, dir, place, (&gateway, &stopped), &mut tasks).await?;
    let ended = tokio::select! {
        () = told_to_stop => Ok(DONE),
        Some(died) = tasks.join_next() => Err(part_ended(died)),
    };
    global.note("stopping");
    let _ = stop.send(true);
    let rest = async { while tasks.join_next().await.is_some() {} };
    if timeout(PATIENCE, rest).await.is_err() {
        tasks.abort_all();
    }
    ended
}
