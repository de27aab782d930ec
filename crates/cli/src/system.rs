//! The real terminal: standard input for answers, standard error for questions, so that standard output stays clean.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use crossterm::{
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    terminal::{disable_raw_mode, enable_raw_mode},
};

use crate::{Choice, Key, Terminal, ask};

/// Raw mode while it lives; leaving it, even by a panic, gives the operator their terminal back.
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
pub struct SystemTerminal;

impl Terminal for SystemTerminal {
    fn reads_keys(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stderr().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn forget_typed(&mut self) -> io::Result<()> {
        let _raw = RawMode::enter()?;
        while event::poll(Duration::ZERO)? {
            event::read()?;
        }
        Ok(())
    }

    fn key(&mut self) -> io::Result<Key> {
        let _raw = RawMode::enter()?;
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
    ask(&mut SystemTerminal, prompt, choices)
}

/// Columns of the terminal, where there is one.
pub fn terminal_width() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0)
}
