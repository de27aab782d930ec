//! The line being typed: editing, history, completion, what its key would do, and messages that are printed above it.

use std::{
    borrow::Cow,
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustyline::{
    ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper, completion::Completer,
    error::ReadlineError, highlight::Highlighter, hint::Hinter, history::MemHistory, validate::Validator,
};

use crate::{
    TermStyle,
    complete::{Ids, complete},
    history::History,
    offer::Offer,
    paint::paint,
};

/// What came of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A line, maybe empty.
    Line(String),
    /// Control-C where nothing was typed.
    Interrupt,
    /// Control-C on what was being typed, which is gone.
    Cleared,
    /// Control-D on an empty line, or the terminal is gone.
    End,
}

/// Reads lines from the terminal this process was started from.
pub struct LineEditor {
    editor: Editor<Words, MemHistory>,
    history: Option<History>,
    ids: Arc<Mutex<Ids>>,
    typing: Arc<AtomicBool>,
}

/// Prints above the line being typed, which stays as it is.
pub struct Above(Box<dyn ExternalPrinter + Send>);

impl Above {
    /// Prints `text`, which ends its own lines.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn print(&mut self, text: String) -> io::Result<()> {
        self.0.print(text).map_err(to_io)
    }
}

impl LineEditor {
    /// An editor whose history is kept at `history`; without it where that file cannot be used. The keys of `offer` are explained.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn new(history: &Path, offer: Offer, style: TermStyle) -> io::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .color_mode(if style.color { ColorMode::Enabled } else { ColorMode::Disabled })
            .bracketed_paste(true)
            .build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(to_io)?;
        let ids = Arc::new(Mutex::new(Ids::default()));
        let typing = Arc::default();
        editor.set_helper(Some(Words { ids: Arc::clone(&ids), offer, style, typing: Arc::clone(&typing) }));
        let history = History::open(history).ok();
        for line in history.iter().flat_map(|history| history.lines()) {
            editor.add_history_entry(line.as_str()).map_err(to_io)?;
        }
        Ok(Self { editor, history, ids, typing })
    }

    /// A printer for messages that come while a line is typed.
    ///
    /// # Errors
    /// What the terminal says; one that cannot move its cursor has none.
    pub fn above(&mut self) -> io::Result<Above> {
        Ok(Above(Box::new(self.editor.create_external_printer().map_err(to_io)?)))
    }

    /// Sets the ids that are completed from now on.
    pub fn set_ids(&self, ids: Ids) {
        *self.ids.lock().unwrap_or_else(PoisonError::into_inner) = ids;
    }

    /// Shows `prompt` and waits for a line.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn read(&mut self, prompt: &str) -> io::Result<Typed> {
        self.typing.store(false, Ordering::SeqCst);
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) if self.typing.load(Ordering::SeqCst) => Ok(Typed::Cleared),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(to_io(error)),
        }
    }

    /// Keeps a line in the history, unless it begins with a space, as shells do.
    ///
    /// # Errors
    /// What the editor says. A file that cannot be written ends nothing: the session's own history goes on.
    pub fn keep(&mut self, line: &str) -> io::Result<()> {
        if line.starts_with(' ') {
            return Ok(());
        }
        self.editor.add_history_entry(line).map_err(to_io)?;
        if let Some(Err(_)) = self.history.as_mut().map(|history| history.add(line)) {
            self.history = None;
        }
        Ok(())
    }
}

fn to_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// What rustyline asks about the line.
struct Words {
    ids: Arc<Mutex<Ids>>,
    offer: Offer,
    style: TermStyle,
    /// Whether something stands in the line.
    typing: Arc<AtomicBool>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line, cursor, &self.ids.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What enter would do. It is read, never taken into the line.
struct Would(String);

impl rustyline::hint::Hint for Would {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Words {
    type Hint = Would;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<Would> {
        // Asked for after every key, and nothing else tells what stood there when it is thrown away.
        self.typing.store(!line.is_empty(), Ordering::SeqCst);
        // Never cut: a decision's digest stands at its end.
        Some(Would(format!("  enter: {}", self.offer.behind(line)?)))
    }
}

impl Highlighter for Words {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(paint(hint, "2", &self.style))
    }
}

impl Validator for Words {}
impl Helper for Words {}
