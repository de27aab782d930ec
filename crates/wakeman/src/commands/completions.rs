//! `completions SHELL`

use clap::CommandFactory;

use crate::{
    args::{Args, CompletionsArgs},
    failure::{DONE, Failure},
    global::Global,
};

/// Prints the completion script.
pub fn run(global: &Global, args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "wakeman", &mut script);
    global.print(&String::from_utf8_lossy(&script))?;
    Ok(DONE)
}
