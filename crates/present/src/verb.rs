//! The operator's words: the same on every channel, with `/` where the platform wants it.

use std::fmt;

use wakeman_types::{
    DAY_MS, ExecutionMode, FindingId, HOUR_MS, IdError, MINUTE_MS, ModeError, OperatorId, Proposal, ProposalId,
    ResolvedAs, ThreadId, TipId, WakeupOrder, WakeupRules,
};

use crate::{Align, Block, Column, Doc, Line, Table, nearest::nearest, safe::sanitize};

/// The longest snooze: thirty days.
pub const DURATION_MS_MAX: i64 = 30 * DAY_MS;

/// Word, what follows it, what it does.
const WORDS: [(&str, &str, &str); 25] = [
    ("status", "", "one look at everything"),
    ("findings", "[STATE]", "what is wrong: open, acknowledged, snoozed, resolved"),
    ("finding", "F-12", "one finding"),
    ("why", "F-12", "everything behind a finding, or a tip like T-1"),
    ("proposals", "[STATE]", "repairs, the ones that wait for you first"),
    ("proposal", "P-3", "one proposal with the exact payload behind its card"),
    ("approve", "P-3 [step [N]] [DIGEST]", "run exactly what the card shows, or only the next step of its plan"),
    ("reject", "P-3 [REASON]", "do not run it"),
    ("renew", "P-3", "the same again as a fresh card, where it expired or was not run"),
    ("ack", "F-12", "it is mine"),
    ("snooze", "F-12 2h", "quiet for that long, then again if it still holds"),
    ("resolve", "F-12 | P-3 done|failed", "it is over; or what became of a step in doubt"),
    ("mute", "F-12 [2h]", "tell nobody of it for that long, or for a week"),
    ("unmute", "F-12", "tell of it again"),
    ("mode", "[MODE]", "what it may do by itself: observe, propose, execute"),
    ("halt", "[REASON]", "stop all execution at once"),
    ("resume", "", "go on after a halt"),
    ("tip", "", "the one thing worth doing next, or that there is none"),
    (
        "feedback",
        "F-12 useful|noise",
        "whether that, or a tip like T-1, was worth telling you; what you are told is learnt from it",
    ),
    (
        "wakeups",
        "[history | pause|resume|run|skip ID | add WHEN: WHAT | edit ID WHEN]",
        "what is told at which hours; WHEN like weekdays 09:00 only changed, WHAT a prompt or your words",
    ),
    (
        "ranking",
        "[status | promote POLICY | rollback | reset OPERATOR]",
        "which policies decide what interrupts you, how well they do, and which one shall",
    ),
    ("forget", "OPERATOR", "erase what was learnt of somebody, and their reactions"),
    ("threads", "[ID]", "conversations, or one of them"),
    ("whoami", "", "who you are taken for"),
    ("help", "", "these words"),
];

/// Words of a chat that are no verbs.
const OF_CHATS: [(&str, &str, &str); 2] = [
    ("new", "", "a new conversation begins with your next message"),
    ("stop", "", "stop the answer that is being written"),
];

/// Every verb: its word, what follows it, what it does.
pub fn verb_words() -> impl ExactSizeIterator<Item = (&'static str, &'static str, &'static str)> {
    WORDS.into_iter()
}

/// The same with the words that only a chat has, for a platform to complete.
pub fn chat_words() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    verb_words().chain(OF_CHATS)
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// The one-look summary.
    Status,
    /// The wakeups, or what is ordered of one.
    Wakeups(Option<WakeupOrder>),
    /// What became of the due slots, of one state or of all.
    WakeupHistory(Option<String>),
    /// The findings, of one state or of all.
    Findings(Option<String>),
    /// One finding.
    Finding(FindingId),
    /// Everything behind a finding.
    Why(FindingId),
    /// The proposals, of one state or of all.
    Proposals(Option<String>),
    /// One proposal's card with the exact payload behind it ([`crate::details_doc`]).
    Proposal(ProposalId),
    /// Yes.
    Approve {
        /// To which.
        id: ProposalId,
        /// The digest the operator was shown, 12 digits or more. `None`: show the card first.
        digest: Option<String>,
        /// To how much of it.
        part: Part,
    },
    /// No.
    Reject {
        /// To which.
        id: ProposalId,
        /// Why, in their words, as typed.
        reason: Option<String>,
    },
    /// The same again, as a fresh card: it expired, or was not run.
    Renew(ProposalId),
    /// "It is mine."
    Acknowledge(FindingId),
    /// Quiet for a while.
    Snooze {
        /// Which.
        id: FindingId,
        /// For how many milliseconds.
        duration_ms: i64,
    },
    /// "It is over."
    Resolve(FindingId),
    /// What became of a proposal's step that was in doubt.
    Settle {
        /// Which.
        id: ProposalId,
        /// Whether it took effect.
        found: ResolvedAs,
        /// What they saw, in their words.
        reason: Option<String>,
    },
    /// Its subject interrupts nobody.
    Mute {
        /// Which.
        id: FindingId,
        /// For how many milliseconds; `None`: a week.
        duration_ms: Option<i64>,
    },
    /// Lifts a mute.
    Unmute(FindingId),
    /// The mode: which it is, or which it shall be.
    Mode(Option<ExecutionMode>),
    /// Stops all execution, for a reason.
    Halt(Option<String>),
    /// Goes on after a halt.
    Resume,
    /// Whether it was worth telling.
    Feedback {
        /// Which.
        id: FindingId,
        /// Useful, or noise.
        useful: bool,
    },
    /// The one thing worth doing next.
    Tip,
    /// Whether a tip was worth showing.
    TipFeedback {
        /// Which.
        id: TipId,
        /// Useful, or noise.
        useful: bool,
    },
    /// Everything behind a tip.
    WhyTip(TipId),
    /// Who decides what interrupts.
    Ranking(RankingWord),
    /// Erases what was learnt of somebody.
    Forget(OperatorId),
    /// The conversations.
    Threads,
    /// One conversation.
    Thread(ThreadId),
    /// Who the caller is taken for.
    Whoami,
    /// The words.
    Help,
}

/// How much of a plan a yes is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// All that is left of it.
    #[default]
    All,
    /// The step that is next when it is asked.
    Next,
    /// This step, which must be the next.
    Step(u32),
}

impl Part {
    /// The only step of `proposal` that is meant; `None`: all that is left.
    pub fn step_of(self, proposal: &Proposal) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Next => proposal.next_step().map(|step| step.number),
            Self::Step(number) => Some(number),
        }
    }
}

impl fmt::Display for Part {
    /// As it stands behind the id, with a space before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Next => f.write_str(" step"),
            Self::Step(number) => write!(f, " step {number}"),
        }
    }
}

/// What is asked or ordered of the ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RankingWord {
    /// Every policy with what came of it.
    Status,
    /// Propose that this policy decides.
    Promote(String),
    /// Back to `rule-v1`.
    Rollback,
    /// Begin anew, with one operator or with all.
    Reset(Option<OperatorId>),
}

impl Verb {
    /// Whether it takes away for good what was learnt. A chat, where such words are said in passing, wants a `/` before it.
    pub const fn erases(&self) -> bool {
        matches!(self, Self::Forget(_) | Self::Ranking(RankingWord::Reset(_)))
    }
}

/// What is said to a word that [erases](Verb::erases) and came without a `/`.
pub fn with_slash(verb: &Verb) -> String {
    format!("Nothing was erased. Write `/{verb}` if you mean it; it cannot be undone.")
}

impl fmt::Display for Verb {
    /// The words that [`parse_verb`] reads back as this verb.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Findings(None) => f.write_str("findings"),
            Self::Findings(Some(state)) => write!(f, "findings {state}"),
            Self::Finding(id) => write!(f, "finding {id}"),
            Self::Why(id) => write!(f, "why {id}"),
            Self::Proposals(None) => f.write_str("proposals"),
            Self::Proposals(Some(state)) => write!(f, "proposals {state}"),
            Self::Proposal(id) => write!(f, "proposal {id}"),
            Self::Approve { id, digest: None, part } => write!(f, "approve {id}{part}"),
            Self::Approve { id, digest: Some(digest), part } => write!(f, "approve {id}{part} {digest}"),
            Self::Reject { id, reason: None } => write!(f, "reject {id}"),
            Self::Reject { id, reason: Some(reason) } => write!(f, "reject {id} {reason}"),
            Self::Renew(id) => write!(f, "renew {id}"),
            Self::Acknowledge(id) => write!(f, "ack {id}"),
            Self::Snooze { id, duration_ms } => write!(f, "snooze {id} {}", short_duration(*duration_ms)),
            Self::Resolve(id) => write!(f, "resolve {id}"),
            Self::Settle { id, found, reason } => {
                let word = if *found == ResolvedAs::Done { "done" } else { "failed" };
                write!(f, "resolve {id} {word}")?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, " {reason}"))
            }
            Self::Mute { id, duration_ms: None } => write!(f, "mute {id}"),
            Self::Mute { id, duration_ms: Some(ms) } => write!(f, "mute {id} {}", short_duration(*ms)),
            Self::Unmute(id) => write!(f, "unmute {id}"),
            Self::Mode(None) => f.write_str("mode"),
            Self::Mode(Some(mode)) => write!(f, "mode {mode}"),
            Self::Halt(None) => f.write_str("halt"),
            Self::Halt(Some(reason)) => write!(f, "halt {reason}"),
            Self::Resume => f.write_str("resume"),
            Self::Feedback { id, useful } => write!(f, "feedback {id} {}", if *useful { "useful" } else { "noise" }),
            Self::Tip => f.write_str("tip"),
            Self::TipFeedback { id, useful } => write!(f, "feedback {id} {}", if *useful { "useful" } else { "noise" }),
            Self::Wakeups(None) => f.write_str("wakeups"),
            Self::WakeupHistory(None) => f.write_str("wakeups history"),
            Self::WakeupHistory(Some(state)) => write!(f, "wakeups history {state}"),
            Self::Wakeups(Some(order)) => match order {
                WakeupOrder::Add { when, what, rules } => write!(f, "wakeups add {when}{rules}: {what}"),
                WakeupOrder::Edit { id, when: Some(when), rules } => write!(f, "wakeups edit {id} {when}{rules}"),
                WakeupOrder::Edit { id, when: None, rules } => write!(f, "wakeups edit {id}{rules}"),
                WakeupOrder::Pause { id } => write!(f, "wakeups pause {id}"),
                WakeupOrder::Resume { id } => write!(f, "wakeups resume {id}"),
                WakeupOrder::Run { id } => write!(f, "wakeups run {id}"),
                WakeupOrder::Skip { id } => write!(f, "wakeups skip {id}"),
            },
            Self::WhyTip(id) => write!(f, "why {id}"),
            Self::Ranking(RankingWord::Status) => f.write_str("ranking"),
            Self::Ranking(RankingWord::Promote(policy)) => write!(f, "ranking promote {policy}"),
            Self::Ranking(RankingWord::Rollback) => f.write_str("ranking rollback"),
            Self::Ranking(RankingWord::Reset(None)) => f.write_str("ranking reset"),
            Self::Ranking(RankingWord::Reset(Some(operator))) => write!(f, "ranking reset {operator}"),
            Self::Forget(operator) => write!(f, "forget {operator}"),
            Self::Threads => f.write_str("threads"),
            Self::Thread(id) => write!(f, "threads {id}"),
            Self::Whoami => f.write_str("whoami"),
            Self::Help => f.write_str("help"),
        }
    }
}

/// A text that is not one of the operator's words, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    /// Nothing was said.
    #[error("nothing to do; \"help\" lists the commands")]
    Empty,
    /// The first word is none of ours.
    #[error("\"{word}\" is not a command; {}", .suggestion.map_or_else(
        || "\"help\" lists them".to_owned(), |known| format!("did you mean \"{known}\"?")))]
    Unknown {
        /// The word, made safe.
        word: String,
        /// The nearest word there is.
        suggestion: Option<&'static str>,
    },
    /// Something that must follow is missing.
    #[error("{word} needs more; write it like \"{usage}\"")]
    Missing {
        /// The word.
        word: &'static str,
        /// An example of it.
        usage: String,
    },
    /// Something follows that has no place there.
    #[error("\"{extra}\" does not belong there; write it like \"{usage}\"")]
    Extra {
        /// What was too much, made safe.
        extra: String,
        /// An example of the word.
        usage: String,
    },
    /// That is not an id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// That is not a mode.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// That is not a duration, or not one that makes sense.
    #[error("\"{text}\" is not a duration between 1m and 30d; write it like 30m, 2h or 1d")]
    Duration {
        /// What was written, made safe.
        text: String,
    },
}

/// Reads `30m`, `2h`, `1d` or `1h30m` as milliseconds, at least a minute and at most [`DURATION_MS_MAX`].
///
/// # Errors
/// [`VerbError::Duration`] for anything else.
pub fn parse_duration(text: &str) -> Result<i64, VerbError> {
    let wrong = || VerbError::Duration { text: sanitize(text, 20) };
    let mut total: i64 = 0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..unit_at].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes()[unit_at].to_ascii_lowercase() {
            b's' => 1000,
            b'm' => MINUTE_MS,
            b'h' => HOUR_MS,
            b'd' => DAY_MS,
            _ => return Err(wrong()),
        };
        total = number.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
        rest = &rest[unit_at + 1..];
    }
    if (MINUTE_MS..=DURATION_MS_MAX).contains(&total) { Ok(total) } else { Err(wrong()) }
}

/// A duration as it is typed: `2h`, `1h30m`.
fn short_duration(ms: i64) -> String {
    let mut rest = ms;
    let mut text = String::new();
    for (unit, letter) in [(DAY_MS, 'd'), (HOUR_MS, 'h'), (MINUTE_MS, 'm'), (1000, 's')] {
        if rest >= unit {
            text.push_str(&format!("{}{letter}", rest / unit));
            rest %= unit;
        }
    }
    text
}

/// What follows a word, read one piece at a time.
struct Arguments<'a> {
    word: &'static str,
    usage: String,
    rest: &'a str,
}

impl<'a> Arguments<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        Some(first).filter(|word| !word.is_empty())
    }

    fn need(&mut self) -> Result<&'a str, VerbError> {
        self.next().ok_or_else(|| VerbError::Missing { word: self.word, usage: self.usage.clone() })
    }

    fn id<T: std::str::FromStr<Err = IdError>>(&mut self) -> Result<T, VerbError> {
        let text = self.need()?;
        // The error repeats what was typed, so only clean text may reach it.
        Ok(sanitize(text, 40).parse()?)
    }

    fn done(&self, verb: Verb) -> Result<Verb, VerbError> {
        if self.rest.is_empty() {
            return Ok(verb);
        }
        Err(VerbError::Extra { extra: sanitize(self.rest, 40), usage: self.usage.clone() })
    }

    fn everything(&self) -> Option<String> {
        Some(self.rest.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// Reads an operator's words: `status`, `/why@wakeman_bot F-12`, `approve P-3 4f9a1c22e07b`, `snooze F-12 2h`.
///
/// # Errors
/// [`VerbError`] saying what to write instead.
pub fn parse_verb(text: &str) -> Result<Verb, VerbError> {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = first.strip_prefix('/').map_or(first, |word| word.split_once('@').map_or(word, |(word, _)| word));
    if name.is_empty() {
        return Err(VerbError::Empty);
    }
    let lower = name.to_lowercase();
    let Some((word, usage, _)) = WORDS.iter().find(|(word, ..)| *word == lower) else {
        let suggestion = nearest(&lower, WORDS.iter().map(|(word, ..)| *word));
        return Err(VerbError::Unknown { word: sanitize(name, 20), suggestion });
    };
    let usage = format!("{word} {usage}").trim_end().to_owned();
    dispatch(Arguments { word, usage, rest: rest.trim() })
}

fn dispatch(mut args: Arguments<'_>) -> Result<Verb, VerbError> {
    let verb = match args.word {
        "status" => Verb::Status,
        "findings" => Verb::Findings(state(&mut args)),
        "finding" => Verb::Finding(args.id()?),
        "why" if args.rest.starts_with(['T', 't']) => Verb::WhyTip(args.id()?),
        "why" => Verb::Why(args.id()?),
        "proposals" => Verb::Proposals(state(&mut args)),
        "proposal" => Verb::Proposal(args.id()?),
        "approve" => {
            let id = args.id()?;
            let part = part(&mut args);
            let digest = flagged(&mut args, "--digest").map(|digest| digest.to_ascii_lowercase());
            Verb::Approve { id, digest, part }
        }
        "reject" => {
            let id = args.id()?;
            return Ok(Verb::Reject { id, reason: args.everything() });
        }
        "renew" => Verb::Renew(args.id()?),
        "ack" => Verb::Acknowledge(args.id()?),
        "snooze" => Verb::Snooze { id: args.id()?, duration_ms: parse_duration(args.need()?)? },
        "resolve" if args.rest.starts_with(['P', 'p']) => return settle(args),
        "resolve" => Verb::Resolve(args.id()?),
        "mute" => {
            let id = args.id()?;
            let duration_ms = flagged(&mut args, "--for").map(parse_duration).transpose()?;
            Verb::Mute { id, duration_ms }
        }
        "unmute" => Verb::Unmute(args.id()?),
        "mode" => Verb::Mode(args.next().map(mode).transpose()?),
        "halt" => return Ok(Verb::Halt(args.everything())),
        "resume" => Verb::Resume,
        "tip" => Verb::Tip,
        "feedback" if args.rest.starts_with(['T', 't']) => {
            Verb::TipFeedback { id: args.id()?, useful: useful(&mut args)? }
        }
        "feedback" => Verb::Feedback { id: args.id()?, useful: useful(&mut args)? },
        "wakeups" => return wakeups(args),
        "ranking" => Verb::Ranking(ranking(&mut args)?),
        "forget" => Verb::Forget(OperatorId::new(sanitize(args.need()?, 80))),
        "threads" => args.next().map_or(Verb::Threads, |id| Verb::Thread(ThreadId::new(sanitize(id, 120)))),
        "whoami" => Verb::Whoami,
        _ => Verb::Help,
    };
    args.done(verb)
}

/// `step`, `step 2`; else all of it. A number of three digits and more is none of a step, but the beginning of a digest.
fn part(args: &mut Arguments<'_>) -> Part {
    let split = |rest: &'_ str| rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, rest) = args.rest.split_at(split(args.rest));
    if !matches!(word.to_lowercase().as_str(), "step" | "--step") {
        return Part::All;
    }
    args.rest = rest.trim_start();
    let (word, rest) = args.rest.split_at(split(args.rest));
    match word.parse() {
        Ok(number) if word.len() < 3 => {
            args.rest = rest.trim_start();
            Part::Step(number)
        }
        _ => Part::Next,
    }
}

fn mode(text: &str) -> Result<ExecutionMode, VerbError> {
    // The error repeats what was typed, so only clean text may reach it.
    Ok(sanitize(text, 20).to_lowercase().parse()?)
}

/// A state to filter by, with or without `--state` before it.
fn state(args: &mut Arguments<'_>) -> Option<String> {
    flagged(args, "--state").map(|state| sanitize(state, 20).to_lowercase())
}

/// `status`, `promote lints-v1`, `rollback`, `reset ada`; alone: the status.
fn ranking(args: &mut Arguments<'_>) -> Result<RankingWord, VerbError> {
    Ok(match args.next().map(str::to_lowercase).as_deref() {
        None | Some("status") => RankingWord::Status,
        Some("promote") => RankingWord::Promote(sanitize(args.need()?, 40)),
        Some("rollback") => RankingWord::Rollback,
        Some("reset") => {
            let operator = flagged(args, "--operator").map(|operator| OperatorId::new(sanitize(operator, 80)));
            RankingWord::Reset(operator)
        }
        Some(other) => return Err(VerbError::Extra { extra: sanitize(other, 40), usage: args.usage.clone() }),
    })
}

/// `pause ID`, `add weekdays 09:00: morning-brief`, `edit ID daily 10:00`; alone: the schedule.
fn wakeups(mut args: Arguments<'_>) -> Result<Verb, VerbError> {
    let Some(word) = args.next() else { return Ok(Verb::Wakeups(None)) };
    let order = match word.to_lowercase().as_str() {
        "history" => {
            let state = state(&mut args);
            return args.done(Verb::WakeupHistory(state));
        }
        "add" => {
            // The first colon with a space behind it: those in times have none.
            let rest = std::mem::take(&mut args.rest);
            let (when, what) = rest.split_once(": ").ok_or_else(|| VerbError::Missing {
                word: args.word,
                usage: format!("{} — write a colon between when and what", args.usage),
            })?;
            let (when, rules) = WakeupRules::split(when);
            WakeupOrder::Add { when, what: what.trim().to_owned(), rules }
        }
        "edit" => {
            let id = sanitize(args.need()?, 120);
            let text = args.everything().ok_or(VerbError::Missing { word: args.word, usage: args.usage.clone() })?;
            let (when, rules) = WakeupRules::split(&text);
            let when = Some(when).filter(|when| !when.is_empty());
            return Ok(Verb::Wakeups(Some(WakeupOrder::Edit { id, when, rules })));
        }
        "pause" => WakeupOrder::Pause { id: sanitize(args.need()?, 120) },
        "resume" => WakeupOrder::Resume { id: sanitize(args.need()?, 120) },
        "run" => WakeupOrder::Run { id: sanitize(args.need()?, 120) },
        "skip" => WakeupOrder::Skip { id: sanitize(args.need()?, 120) },
        other => return Err(VerbError::Extra { extra: sanitize(other, 40), usage: args.usage.clone() }),
    };
    args.done(Verb::Wakeups(Some(order)))
}

/// `P-3 done saw it`.
fn settle(mut args: Arguments<'_>) -> Result<Verb, VerbError> {
    let id = args.id()?;
    let found = match args.need()?.to_lowercase().as_str() {
        "done" => ResolvedAs::Done,
        "failed" => ResolvedAs::Failed,
        other => return Err(VerbError::Extra { extra: sanitize(other, 40), usage: args.usage.clone() }),
    };
    Ok(Verb::Settle { id, found, reason: args.everything() })
}

/// `useful` or `noise`.
fn useful(args: &mut Arguments<'_>) -> Result<bool, VerbError> {
    match args.need()?.to_lowercase().as_str() {
        "useful" => Ok(true),
        "noise" => Ok(false),
        other => Err(VerbError::Extra { extra: sanitize(other, 40), usage: args.usage.clone() }),
    }
}

/// The next piece, or the one after `flag` if the next is `flag`.
fn flagged<'a>(args: &mut Arguments<'a>, flag: &str) -> Option<&'a str> {
    match args.next() {
        Some(piece) if piece == flag => args.next(),
        piece => piece,
    }
}

/// The words there are, with what follows each.
pub fn help_doc() -> Doc {
    let rows = WORDS.iter().map(|(word, usage, help)| {
        let word = Line::new().strong(*word).plain(if usage.is_empty() { "" } else { " " }).plain(*usage);
        vec![word, Line::new().dim(*help)]
    });
    let columns = vec![Column::new("", Align::Left), Column::new("", Align::Left).growing()];
    Doc::bare().block(Block::Table(Table { columns, rows: rows.collect() }))
}
