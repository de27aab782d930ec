//! What every command needs: the global options, the output and how it looks.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
};

use serde::Serialize;
use wakeman_cli::{Progress, TermStyle};
use wakeman_gateway::instance::InstanceDir;
use wakeman_present::{Doc, RenderContext, parse_zone};
use wakeman_types::{Channel, Principal, Timestamp};

use crate::{args::Args, failure::Failure};

/// The global options, resolved against terminal and environment.
pub struct Global {
    /// The instance's name.
    pub instance: String,
    /// Where instances live.
    pub root: PathBuf,
    /// Address from flag or environment.
    pub listen: Option<SocketAddr>,
    /// JSON on stdout, nothing else there.
    pub json: bool,
    /// −1 quiet, 0, 1, 2: how much goes to stderr.
    pub verbosity: i8,
    /// How stdout looks.
    pub style: TermStyle,
    /// Whether a person sits there: both ends are a terminal.
    pub interactive: bool,
    errors: TermStyle,
}

impl Global {
    /// Resolves the options.
    pub fn new(args: &Args) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = wakeman_cli::terminal_width();
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            instance: args.instance.clone(),
            root: args.root.clone(),
            listen: args.listen,
            json: args.json,
            verbosity: if args.quiet { -1 } else { i8::try_from(args.verbose.min(2)).unwrap_or(2) },
            style: TermStyle::detect(args.color, no_color, out, width.filter(|_| out)),
            interactive: out && std::io::stdin().is_terminal(),
            errors: TermStyle::detect(args.color, no_color, err, width.filter(|_| err)),
        }
    }

    /// The instance directory; it may not exist yet.
    pub fn dir(&self) -> Result<InstanceDir, Failure> {
        InstanceDir::new(&self.root, &self.instance).map_err(Failure::usage)
    }

    /// The instance directory, which must exist.
    pub fn existing_dir(&self) -> Result<InstanceDir, Failure> {
        let dir = self.dir()?;
        if dir.exists() {
            return Ok(dir);
        }
        let path = dir.path().display();
        Err(Failure::usage(format!("there is no instance {} at {path}; create it with `wakeman init`", self.instance)))
    }

    /// The account at this terminal, as the socket would prove it.
    pub fn principal(&self) -> Principal {
        Principal::new(Channel::Cli, rustix::process::getuid().as_raw().to_string())
    }

    /// Prints an answer: JSON when asked for, else the words. A closed pipe is no failure.
    pub fn answer(&self, value: &impl Serialize, doc: &Doc) -> Result<(), Failure> {
        if self.json { self.print_json(value) } else { self.print(&wakeman_cli::render(doc, &self.style)) }
    }

    /// One JSON value on a line.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(Failure::failed)?;
        self.print(&format!("{text}\n"))
    }

    /// Text on stdout.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A line on stderr that is no error: progress, where something listens. Silent with `-q`.
    pub fn note(&self, text: &str) {
        if self.verbosity >= 0 {
            say(text);
        }
    }

    /// What is shown on stderr of work that takes more than a second, until it is dropped. Only to a person who may see it.
    pub fn progress(&self, label: &str) -> Progress {
        let watched = std::io::stderr().is_terminal() && !self.json && self.verbosity >= 0;
        Progress::start(label, watched, self.errors)
    }

    /// Whether stderr shows colours.
    pub const fn errors_in_color(&self) -> bool {
        self.errors.color
    }

    /// The one line of a failure.
    pub fn complain(&self, message: &str) {
        let mark = if self.errors.color { "\u{1b}[1;31mwakeman:\u{1b}[0m" } else { "wakeman:" };
        say(&format!("{mark} {}", printable(message)));
    }

    /// Time and zone for words.
    pub fn context(&self, now: Timestamp, zone: &str) -> RenderContext {
        RenderContext { now, zone: parse_zone(zone).unwrap_or(chrono_tz::UTC) }
    }
}

/// A line on stderr. Nobody reading it is no reason to die.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Text of ours that may quote outside text, safe on a terminal: no control characters but line breaks. Addresses stay whole.
pub fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    text.trim_end().chars().take(20_000).map(visible).collect()
}

/// `1 check`, `3 checks`.
pub fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
