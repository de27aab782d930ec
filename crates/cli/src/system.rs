//! The real terminal: standard input for answers, standard error for questions, so that standard output stays clean.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use crossterm::{
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    terminal::{disable_raw_mode, enable_raw_mode},
};

use crate::{Choice, Key, Terminal, ask};

/// Raw mode while it lives; leaving it, even by a panic, gives the operator their terminal back.
#[derive(Debug)]
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing is left to try if this fails, and a drop must not panic.
        let _ = disable_raw_mode();
    }
}

/// The terminal this process was started from.
#[derive(Debug, Default)]
pub struct SystemTerminal {
    /// From the question on until its answer is written.
    raw: Option<RawMode>,
}

impl SystemTerminal {
    fn take_keys(&mut self) -> io::Result<()> {
        if self.raw.is_none() {
            self.raw = Some(RawMode::enter()?);
        }
        Ok(())
    }
}

impl Terminal for SystemTerminal {
    fn reads_keys(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        // A line ends in raw mode without going back to its beginning.
        if text.contains('\n') {
            self.raw = None;
        }
        let mut out = io::stderr().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn forget_typed(&mut self) -> io::Result<()> {
        self.take_keys()?;
        while event::poll(Duration::ZERO)? {
            event::read()?;
        }
        Ok(())
    }

    fn key(&mut self) -> io::Result<Key> {
        self.take_keys()?;
        loop {
            match event::read()? {
                Event::Key(pressed) if pressed.kind == KeyEventKind::Press => return Ok(key(pressed)),
                _ => {}
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    }
}

fn key(pressed: KeyEvent) -> Key {
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    match pressed.code {
        KeyCode::Char('c' | 'd') if control => Key::Interrupt,
        KeyCode::Char(c) if !control => Key::Char(c),
        _ => Key::Other,
    }
}

/// Asks on this process's terminal, as [`ask`] does.
///
/// # Errors
/// As [`ask`].
pub fn read_key(prompt: &str, choices: &[Choice]) -> io::Result<char> {
    ask(&mut SystemTerminal::default(), prompt, choices)
}

/// Columns of the terminal, where there is one.
pub fn terminal_width() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0)
}
