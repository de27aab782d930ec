//! The command line.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use wakeman_cli::ColorChoice;

mod wakeups;

pub use wakeups::WakeupsCommand;

/// The night watch over your product: PostHog, GitHub and Vercel, in the chat you already have open.
#[derive(Debug, Parser)]
#[command(name = "wakeman", version, about, long_about = None, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Which instance.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    pub instance: String,
    /// Where instances live.
    #[arg(long, global = true, env = "WAKEMAN_ROOT", default_value = "./.runtime", value_name = "DIR")]
    pub root: PathBuf,
    /// Address to serve HTTP on; port 0 picks one and prints it.
    #[arg(long, global = true, env = "WAKEMAN_LISTEN", value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// One JSON value or JSON Lines on stdout, nothing else there.
    #[arg(long, global = true)]
    pub json: bool,
    /// Less on stderr.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More on stderr; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour.
    #[arg(long, global = true, default_value = "auto", value_name = "auto|always|never")]
    pub color: ColorChoice,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a simulated incident from the first sign to the verified repair; no keys, no network.
    Demo(DemoArgs),
    /// The simulated world alone.
    #[command(subcommand)]
    Lab(LabCommand),
    /// Create an instance.
    Init(InitArgs),
    /// Check everything that can be checked; each failed line says the remedy.
    Doctor,
    /// The daemon.
    Run(RunArgs),
    /// One chat in a process of its own, beside a daemon that leaves it to it (`run --apart`).
    Frontend(FrontendArgs),
    /// Talk to it.
    Chat(ChatArgs),
    /// Ask one thing.
    Ask(AskArgs),
    /// The one-look summary.
    Status,
    /// The findings, newest first.
    Findings(StateArgs),
    /// One finding.
    Finding(IdArgs),
    /// Why you were told: causes, evidence, the decision to interrupt.
    Why(IdArgs),
    /// The proposals, newest first.
    Proposals(StateArgs),
    /// Approve exactly what a card shows.
    Approve(ApproveArgs),
    /// Reject a proposal.
    Reject(RejectArgs),
    /// The same again as a fresh card, where a proposal expired or was not run.
    Renew(IdArgs),
    /// "It is mine."
    Ack(IdArgs),
    /// Quiet for a while.
    Snooze(SnoozeArgs),
    /// "It is over"; or whether a proposal's step in doubt took effect.
    Resolve(ResolveArgs),
    /// Tell nobody of a finding's subject for a while.
    Mute(MuteArgs),
    /// Tell of it again.
    Unmute(IdArgs),
    /// What it may do by itself: observe, propose or execute. Setting it is for owners.
    Mode(ModeArgs),
    /// Stop all execution at once; survives restarts.
    Halt(HaltArgs),
    /// A code with which a person is let in from their chat.
    Pair(PairArgs),
    /// Go on after a halt. For owners.
    Resume,
    /// The one thing worth doing next, or that there is none.
    Tip,
    /// Say whether a finding or tip was useful or noise: what you are told is learnt from it.
    Feedback(FeedbackArgs),
    /// The policies that decide what interrupts you: how they do, and which decides.
    #[command(subcommand)]
    Ranking(RankingCommand),
    /// Erase what was learnt of an operator, and their reactions. For owners.
    Forget(ForgetArgs),
    /// The conversations.
    Threads,
    /// What is told at which hours, and what became of it.
    Wakeups(WakeupsArgs),
    /// Who you are taken for.
    Whoami,
    /// What a model is told: the prompt files.
    #[command(subcommand)]
    Prompts(PromptsCommand),
    /// Proof: check the journal, or export it, whole or of one proposal.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Rebuild conversations and snapshots from the database.
    Export(ExportArgs),
    /// What a policy would have done on recorded data.
    #[command(subcommand)]
    Backtest(BacktestCommand),
    /// The JSON Schema of a file or object.
    Schema(SchemaArgs),
    /// Completions for a shell.
    Completions(CompletionsArgs),
}

/// How the demo answers its proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// A key on the terminal.
    Ask,
    /// Yes to all.
    Approve,
    /// No to all.
    Reject,
}

/// How fast the demo plays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as it goes.
    Max,
    /// That many seconds of the simulated world in one.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times >= 1.0 => Ok(Self::Times(times)),
            _ => Err("write max, or how many simulated seconds one second shows, from 1".to_owned()),
        }
    }
}

/// `demo`
#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// A shipped scenario or a file.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Option<String>,
    /// Replaces the scenario's seed.
    #[arg(long, value_name = "N", value_parser = a_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// `max`, or simulated seconds per second [default: 600 on a terminal, else max].
    #[arg(long, value_name = "max|1..N")]
    pub speed: Option<Speed>,
    /// Who answers the proposals.
    #[arg(long, default_value = "ask")]
    pub answer: Answer,
    /// A LiteLLM proxy (or the like) that adds a note to each finding; its key is LITELLM_MASTER_KEY.
    #[arg(long, value_name = "URL")]
    pub llm: Option<String>,
    /// A lab that is already served.
    #[arg(long, value_name = "URL")]
    pub lab: Option<String>,
}

/// `lab`
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Serve a scenario's world: /posthog, /github, /vercel, /telegram, /discord, the model under /v1, control under /_lab.
    Serve(LabServeArgs),
}

/// `lab serve`
#[derive(Debug, ClapArgs)]
pub struct LabServeArgs {
    /// A shipped scenario or a file.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: String,
    /// Replaces the scenario's seed.
    #[arg(long, value_name = "N", value_parser = a_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
}

/// `init`
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// Take over another instance directory of the same contract.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Ask nothing.
    #[arg(long)]
    pub yes: bool,
}

/// `run`
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// Which frontends run in this process [default: all that are configured].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub frontends: Option<Vec<String>>,
    /// Chats that `wakeman frontend NAME` serves in a process of its own.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub apart: Vec<String>,
    /// One look at every source, then exit.
    #[arg(long)]
    pub once: bool,
}

/// `frontend`
#[derive(Debug, ClapArgs)]
pub struct FrontendArgs {
    /// Which: telegram or discord.
    pub name: String,
}

/// A list of one state.
#[derive(Debug, ClapArgs)]
pub struct StateArgs {
    /// Only this state.
    #[arg(long, value_name = "S")]
    pub state: Option<String>,
}

/// One id.
#[derive(Debug, ClapArgs)]
pub struct IdArgs {
    /// Like F-12.
    pub id: String,
}

/// `resolve`
#[derive(Debug, ClapArgs)]
pub struct ResolveArgs {
    /// A finding like F-12, or a proposal like P-3.
    pub id: String,
    /// Of a proposal: `done` or `failed`.
    pub outcome: Option<String>,
    /// What you saw.
    #[arg(long, requires = "outcome")]
    pub reason: Option<String>,
}

/// `approve`
#[derive(Debug, ClapArgs)]
pub struct ApproveArgs {
    /// Like P-3.
    pub id: String,
    /// The digest on the card: 12 digits or more. Without it the card is shown and a key asked for.
    #[arg(long, value_name = "D")]
    pub digest: Option<String>,
    /// Only the next step of a plan, or step N if that is the next; the one after it asks again.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "0")]
    pub step: Option<u32>,
}

/// `reject`
#[derive(Debug, ClapArgs)]
pub struct RejectArgs {
    /// Like P-3.
    pub id: String,
    /// Why.
    #[arg(long, value_name = "R")]
    pub reason: Option<String>,
}

/// `chat`
#[derive(Debug, ClapArgs)]
pub struct ChatArgs {
    /// Go on with this conversation.
    #[arg(long, value_name = "ID")]
    pub thread: Option<String>,
}

/// `ask`
#[derive(Debug, ClapArgs)]
pub struct AskArgs {
    /// What you want to know.
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
    /// Go on with this conversation.
    #[arg(long, value_name = "ID")]
    pub thread: Option<String>,
    /// A version of the chat prompt other than the configured one.
    #[arg(long, value_name = "V")]
    pub prompt_version: Option<String>,
}

/// `snooze`
#[derive(Debug, ClapArgs)]
pub struct SnoozeArgs {
    /// Like F-12.
    pub id: String,
    /// Like 30m, 2h or 1d.
    pub duration: String,
}

/// `ranking`
#[derive(Debug, Subcommand)]
pub enum RankingCommand {
    /// Every policy with its decisions, rewards, agreement and bound.
    Status,
    /// What the tip policies make of what could be shown next. Nothing is shown.
    Score(LearntArgs),
    /// What each policy's own choices brought each operator.
    Stats(LearntArgs),
    /// What the policies saw of the last hundred decisions.
    Features(LearntArgs),
    /// Propose that a shadow policy decides, by stages, if the log proves it better. An owner approves it.
    Promote(PromoteArgs),
    /// Back to rule-v1 and egreedy-v1, at once. For owners.
    Rollback,
    /// Begin anew with one operator, or with all. For owners.
    Reset(ResetArgs),
}

/// `ranking score`, `ranking stats`, `ranking features`
#[derive(Debug, ClapArgs)]
pub struct LearntArgs {
    /// Whose, as in the settings [default: everybody's for an owner, else your own].
    #[arg(long, value_name = "OPERATOR")]
    pub operator: Option<String>,
    /// Only this policy.
    #[arg(long, value_name = "P")]
    pub policy: Option<String>,
}

/// `ranking promote`
#[derive(Debug, ClapArgs)]
pub struct PromoteArgs {
    /// Which policy, like lints-v1.
    pub policy: String,
}

/// `ranking reset`
#[derive(Debug, ClapArgs)]
pub struct ResetArgs {
    /// Only what was learnt of this operator.
    #[arg(long, value_name = "OPERATOR")]
    pub operator: Option<String>,
}

/// `forget`
#[derive(Debug, ClapArgs)]
pub struct ForgetArgs {
    /// Whom, as in the settings, or like cli:1000.
    pub operator: String,
}

/// `feedback`
#[derive(Debug, ClapArgs)]
pub struct FeedbackArgs {
    /// Like F-12, or T-1 for a tip.
    pub id: String,
    /// What it was.
    pub word: FeedbackWord,
}

/// What being told was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeedbackWord {
    /// Worth it.
    Useful,
    /// Not worth it.
    Noise,
}

/// `wakeups`
#[derive(Debug, ClapArgs)]
pub struct WakeupsArgs {
    /// What to show [default: the schedule].
    #[command(subcommand)]
    pub command: Option<WakeupsCommand>,
}

/// `pair`
#[derive(Debug, ClapArgs)]
pub struct PairArgs {
    /// Whose account it will be [default: your own].
    #[arg(long, value_name = "ID")]
    pub operator: Option<String>,
    /// What they may do there [default: as settings say of the operator, else viewer].
    #[arg(long)]
    pub role: Option<RoleWord>,
    /// Lists the accounts that were let in, and makes no code.
    #[arg(long, conflicts_with_all = ["operator", "role", "revoke"])]
    pub list: bool,
    /// Shuts an account out that was let in, like telegram:99.
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["operator", "role"])]
    pub revoke: Option<String>,
}

/// A role, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleWord {
    /// Reads, acknowledges, snoozes.
    Viewer,
    /// Also decides proposals.
    Approver,
    /// Also changes modes and lets others in.
    Owner,
}

impl From<RoleWord> for wakeman_types::Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Approver => Self::Approver,
            RoleWord::Owner => Self::Owner,
        }
    }
}

/// `mute`
#[derive(Debug, ClapArgs)]
pub struct MuteArgs {
    /// Like F-12.
    pub id: String,
    /// Like 30m, 2h or 1d [default: 7d].
    #[arg(long = "for", value_name = "DUR")]
    pub duration: Option<String>,
}

/// `mode`
#[derive(Debug, ClapArgs)]
pub struct ModeArgs {
    /// The mode that shall hold; without it the present one is shown.
    #[arg(value_name = "observe|propose|execute")]
    pub mode: Option<String>,
}

/// `halt`
#[derive(Debug, ClapArgs)]
pub struct HaltArgs {
    /// Why.
    #[arg(value_name = "REASON")]
    pub reason: Vec<String>,
}

/// `prompts`
#[derive(Debug, Subcommand)]
pub enum PromptsCommand {
    /// Every prompt and version that can be used.
    List,
    /// One prompt as a model would be told it, with samples for what is filled in.
    Show(PromptArgs),
    /// Name what is wrong with the prompt files; exit 1 if anything is.
    Check,
    /// What each version's tips and notes were worth to people, with intervals.
    Stats,
}

/// One prompt.
#[derive(Debug, ClapArgs)]
pub struct PromptArgs {
    /// Like chat, or chat/v1.
    pub id: String,
}

/// `audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every entry and every signed head; exit 1 names the first that does not hold.
    Verify,
    /// The journal; with --proposal who saw what, who said yes, what ran, what came of it.
    Export(AuditExportArgs),
}

/// `audit export`
#[derive(Debug, ClapArgs)]
pub struct AuditExportArgs {
    /// Only what concerns one proposal, like P-3 [default: the whole journal, an entry a line].
    #[arg(long, value_name = "ID")]
    pub proposal: Option<String>,
}

/// `export`
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// Where to write [default: the instance's storage].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `backtest`
#[derive(Debug, Subcommand)]
pub enum BacktestCommand {
    /// Play a ranking policy on a file that knows every arm's reward.
    Rank(BacktestRankArgs),
    /// What another policy would have brought, from a log of decisions.
    Ope(BacktestOpeArgs),
    /// Simulated operators: the noise a learning policy spares them, and what it keeps. No file needed.
    Operators(BacktestOperatorsArgs),
}

/// `backtest rank`
#[derive(Debug, ClapArgs)]
pub struct BacktestRankArgs {
    /// A CSV with context columns x_* and reward columns `r_<arm>`.
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// Which policy, like linucb-v1.
    #[arg(long, value_name = "P")]
    pub policy: String,
    /// Orders the rows and draws what the policy draws.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = a_seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// At most this many rows, the first ones.
    #[arg(long, default_value_t = 8000, value_name = "N", value_parser = at_least_one)]
    pub rows: usize,
}

/// `backtest ope`
#[derive(Debug, ClapArgs)]
pub struct BacktestOpeArgs {
    /// A CSV with columns x_*, arm, propensity and reward; `pi_<arm>` and `q_<arm>` are optional.
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// The policy to judge, where the file has no columns `pi_<arm>`.
    #[arg(long, value_name = "P")]
    pub policy: Option<String>,
    /// For switch_dr and dros [default: chosen by SLOPE].
    #[arg(long, value_name = "L", value_parser = a_lambda, allow_negative_numbers = true)]
    pub lambda: Option<f64>,
}

/// `backtest operators`
#[derive(Debug, ClapArgs)]
pub struct BacktestOperatorsArgs {
    /// Draws findings, reactions and decisions.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = a_seed, allow_negative_numbers = true)]
    pub seed: u64,
    /// Plays eight weeks of a simulated product through the whole watch instead of drawing findings: takes long.
    #[arg(long)]
    pub lab: bool,
}

/// `schema`
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// Which; without it the names are listed.
    pub name: Option<String>,
}

/// `completions`
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: clap_complete::Shell,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rows| *rows > 0).ok_or_else(|| "write a number of rows, 1 or more".to_owned())
}

fn a_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

fn a_lambda(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|lambda| *lambda >= 0.0).ok_or_else(|| "write a number from 0, or inf".to_owned())
}

/// Help and version go to stdout with 0; everything else is a usage error (2).
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}
