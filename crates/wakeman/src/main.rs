//! The `wakeman` command: the composition root.
//!
//! Owns: arguments, the environment (read once, here), exit codes, which adapters are built and which tasks run.
//! Must not: hold a rule of the product; those are in the gateway. One thin file per subcommand in [`commands`].

mod args;
mod attach;
mod commands;
mod compose;
mod console;
mod failure;
mod frontends;
mod global;
mod logging;
mod memory;
mod supervise;
mod templates;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Args, global::Global};

fn main() -> ExitCode {
    // One TLS provider for the whole process; a second one would panic at the first connection.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return args::usage(&error),
    };
    if let args::Command::Run(_) | args::Command::Frontend(_) = args.command {
        memory::keep_small();
    }
    let global = Global::new(&args);
    if let Some(Err(error)) = std::env::var("WAKEMAN_CRASH_AT").ok().map(|at| wakeman_store::crash::arm(&at)) {
        global.complain(&error.to_string());
        return ExitCode::from(2);
    }
    match start(&global, args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            global.complain(&failure.to_string());
            ExitCode::from(failure.code())
        }
    }
}

fn start(global: &Global, args: Args) -> Result<u8, failure::Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all();
    let runtime = runtime.build().map_err(|error| failure::Failure::failed(format!("the runtime: {error}")))?;
    let ended = runtime.block_on(commands::run(global, args.command));
    // A thread that writes to somebody who does not read would be waited for.
    runtime.shutdown_background();
    ended
}
