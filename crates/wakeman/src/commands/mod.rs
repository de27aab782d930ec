//! One thin file per subcommand.

mod ahead;
mod audit;
mod backtest;
mod chat;
mod chat_above;
mod completions;
mod control;
mod decide;
mod demo;
mod doctor;
mod export;
mod frontend;
mod init;
mod lab;
mod live;
mod pair;
mod prompts;
mod ranking;
pub mod run;
mod schema;
mod show;
mod talk;
mod tip;
mod verbs;

use crate::{args::Command, failure::Failure, global::Global};

/// Runs the subcommand; its exit code, or why it failed.
pub async fn run(global: &Global, command: Command) -> Result<u8, Failure> {
    if !matches!(command, Command::Run(_)) {
        crate::logging::start(global.verbosity, global.errors_in_color(), None);
    }
    match command {
        Command::Demo(args) => demo::run(global, args).await,
        Command::Lab(command) => lab::run(global, command).await,
        Command::Init(args) => init::run(global, args).await,
        Command::Doctor => doctor::run(global).await,
        Command::Run(args) => run::run(global, args).await,
        Command::Frontend(args) => frontend::run(global, &args).await,
        Command::Status => show::status(global).await,
        Command::Findings(args) => show::findings(global, args).await,
        Command::Finding(args) => show::finding(global, &args.id).await,
        Command::Why(args) => show::why(global, &args.id).await,
        Command::Proposals(args) => show::proposals(global, args).await,
        Command::Threads => show::threads(global).await,
        Command::Wakeups(args) => show::wakeups(global, args).await,
        Command::Whoami => show::whoami(global).await,
        Command::Approve(args) => decide::approve(global, args).await,
        Command::Reject(args) => decide::reject(global, args).await,
        Command::Renew(args) => decide::renew(global, &args.id).await,
        Command::Ack(args) => decide::acknowledge(global, &args.id).await,
        Command::Snooze(args) => decide::snooze(global, &args).await,
        Command::Resolve(args) => decide::resolve(global, args).await,
        Command::Mute(args) => control::mute(global, args).await,
        Command::Unmute(args) => control::unmute(global, &args.id).await,
        Command::Mode(args) => control::mode(global, args).await,
        Command::Halt(args) => control::halt(global, args).await,
        Command::Pair(args) => pair::run(global, args).await,
        Command::Resume => control::resume(global).await,
        Command::Ranking(command) => ranking::run(global, command).await,
        Command::Forget(args) => ranking::forget(global, args).await,
        Command::Tip => tip::tip(global).await,
        Command::Feedback(args) => ranking::feedback(global, &args).await,
        Command::Prompts(command) => prompts::run(global, &command).await,
        Command::Ask(args) => talk::ask(global, args).await,
        Command::Chat(args) => chat::chat(global, args).await,
        Command::Audit(command) => audit::run(global, command).await,
        Command::Export(args) => export::run(global, args).await,
        Command::Schema(args) => schema::run(global, args),
        Command::Backtest(command) => backtest::run(global, command).await,
        Command::Completions(args) => completions::run(global, &args),
    }
}
