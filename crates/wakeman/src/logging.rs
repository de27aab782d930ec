//! Logs: words on stderr, one JSON object a line in the session log. Never on stdout.

use std::{fs::File, sync::Mutex};

use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging. `session` gets everything from `info` up; stderr what `verbosity` asks for (−1 errors, 0 warnings, 1 info, 2 debug),
/// in colours if a terminal shows them.
pub fn start(verbosity: i8, color: bool, session: Option<File>) {
    let level = match verbosity {
        ..=-1 => "error",
        0 => "warn",
        1 => "info",
        2.. => "debug",
    };
    // Libraries that log what they should not, or log a failure we handle.
    let quiet = "hyper=off,sqlx=warn,tower=off,octocrab=off,reqwest=warn";
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .with_target(false)
        .with_filter(EnvFilter::new(format!("{level},{quiet}")));
    let session = session.map(|file| {
        let layer = tracing_subscriber::fmt::layer().json().with_current_span(false).with_writer(Mutex::new(file));
        layer.with_filter(EnvFilter::new(format!("info,{quiet}")))
    });
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(stderr).with(session).try_init();
}
