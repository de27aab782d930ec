//! A question answered by one key.

use std::io;

use wakeman_present::{Doc, sanitize};

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The key: one lower-case letter.
    pub key: char,
    /// What it means: `Approve`.
    pub label: String,
}

impl Choice {
    /// The answer `label`, given with `key`.
    pub fn new(key: char, label: impl Into<String>) -> Self {
        Self { key: key.to_ascii_lowercase(), label: label.into() }
    }
}

/// The answers a message's buttons offer.
pub fn choices_of(doc: &Doc) -> Vec<Choice> {
    doc.buttons.iter().map(|button| Choice::new(button.key, button.label.as_str())).collect()
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Control-C, or control-D on an empty line.
    Interrupt,
    /// Anything else.
    Other,
}

/// What a question needs of a terminal.
pub trait Terminal {
    /// Whether single keys can be read: both ends are a terminal.
    fn reads_keys(&self) -> bool;
    /// Writes and flushes.
    fn write(&mut self, text: &str) -> io::Result<()>;
    /// Forgets what was typed before now, and takes keys from now on: an answer must come after its question was seen.
    fn forget_typed(&mut self) -> io::Result<()>;
    /// Waits for one key, without echo.
    fn key(&mut self) -> io::Result<Key>;
    /// Waits for one line; `None` at the end of the input.
    fn line(&mut self) -> io::Result<Option<String>>;
}

/// Wrong lines that are forgiven where keys cannot be read.
const TRIES: usize = 5;

/// Asks `prompt` until one of `choices` is given, and returns its key. A key nobody offered changes nothing.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] for control-C, [`io::ErrorKind::UnexpectedEof`] when the input ends,
/// [`io::ErrorKind::InvalidInput`] after five lines that are no answer, else what the terminal says.
pub fn ask(terminal: &mut dyn Terminal, prompt: &str, choices: &[Choice]) -> io::Result<char> {
    let keys = terminal.reads_keys();
    if keys {
        // Before it is shown: what is pressed as soon as it is seen is an answer.
        terminal.forget_typed()?;
    }
    terminal.write(&question(prompt, choices))?;
    if !keys {
        return ask_by_line(terminal, choices);
    }
    loop {
        match terminal.key()? {
            Key::Interrupt => {
                terminal.write("\n")?;
                return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
            Key::Char(pressed) => {
                if let Some(choice) = choices.iter().find(|choice| choice.key == pressed.to_ascii_lowercase()) {
                    terminal.write(&format!("{}\n", sanitize(&choice.label, 80)))?;
                    return Ok(choice.key);
                }
            }
            Key::Other => {}
        }
    }
}

fn ask_by_line(terminal: &mut dyn Terminal, choices: &[Choice]) -> io::Result<char> {
    for _ in 0..TRIES {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "the input ended before an answer");
        let line = terminal.line()?.ok_or_else(ended)?;
        let given = line.trim().to_lowercase();
        let fits = |choice: &&Choice| given == choice.label.to_lowercase() || given == choice.key.to_string();
        if let Some(choice) = choices.iter().find(fits) {
            return Ok(choice.key);
        }
        terminal.write(&question("Not an answer", choices))?;
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "no answer was given"))
}

/// `P-31: [a]pprove · [r]eject · [d]etails › `
fn question(prompt: &str, choices: &[Choice]) -> String {
    let lead = match sanitize(prompt, 200) {
        none if none.is_empty() => none,
        asked if asked.ends_with('?') => asked + " ",
        about => about + ": ",
    };
    format!("{lead}{} › ", offers(choices))
}

/// The answers with their keys: `[a]pprove · [r]eject · [d]etails`.
pub fn offers(choices: &[Choice]) -> String {
    choices.iter().map(offer).collect::<Vec<_>>().join(" · ")
}

/// The label with its key in brackets: `[a]pprove`, or before it where the label has no such letter: `[q] leave`.
fn offer(choice: &Choice) -> String {
    let label = sanitize(&choice.label, 80);
    match label.char_indices().find(|(_, c)| c.to_ascii_lowercase() == choice.key) {
        Some((at, letter)) => format!("{}[{}]{}", &label[..at], choice.key, &label[at + letter.len_utf8()..]),
        None => format!("[{}] {label}", choice.key),
    }
}
