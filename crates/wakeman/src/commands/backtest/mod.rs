//! `backtest`: what a policy would have done on recorded data.

mod ope;
mod operators;
mod rank;

use std::path::Path;

use crate::{args::BacktestCommand, failure::Failure, global::Global};

/// Larger files are not read.
const BYTES_MAX: u64 = 1 << 30;

/// Runs one of them.
pub async fn run(global: &Global, command: BacktestCommand) -> Result<u8, Failure> {
    match command {
        BacktestCommand::Rank(args) => rank::run(global, &args),
        BacktestCommand::Operators(args) => operators::run(global, &args).await,
        BacktestCommand::Ope(args) => ope::run(global, &args),
    }
}

/// The text of a file.
///
/// # Errors
/// A usage failure that names the file and the remedy.
fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let told = |error: std::io::Error| Failure::usage(format!("{shown}: cannot be read ({error}); name a CSV file"));
    if std::fs::metadata(path).map_err(told)?.len() > BYTES_MAX {
        return Err(Failure::usage(format!("{shown}: larger than 1 GiB; give a part of it")));
    }
    std::fs::read_to_string(path).map_err(told)
}
