//! One line on standard error for what takes more than a second.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use wakeman_present::{sanitize, span};

use crate::{TermStyle, wrap::truncate};

/// Nothing is shown before this.
const QUIET: Duration = Duration::from_secs(1);
/// Between two frames.
const FRAME: Duration = Duration::from_millis(120);

/// A spinner with a label and the time it has run, cleared when this is dropped. Silent for the first second, and everywhere
/// but on a terminal.
#[derive(Debug)]
pub struct Progress {
    /// Dropping it ends the thread.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins; `is_tty` says whether standard error is a terminal.
    pub fn start(label: &str, is_tty: bool, style: TermStyle) -> Self {
        if !is_tty {
            return Self { running: None, thread: None };
        }
        let (running, stopped) = channel();
        let label = sanitize(label, 200);
        // An error here means the terminal is gone, and with it whoever would read this line.
        let thread = std::thread::spawn(move || drop(spin(&mut io::stderr(), &label, &stopped, &style)));
        Self { running: Some(running), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.running = None;
        if let Some(thread) = self.thread.take() {
            // It only panics if a frame cannot be made, and then the line is gone as it should be.
            let _ = thread.join();
        }
    }
}

fn spin(out: &mut impl Write, label: &str, stopped: &Receiver<()>, style: &TermStyle) -> io::Result<()> {
    let mut wait = QUIET;
    let mut elapsed = Duration::ZERO;
    let mut number = 0;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
        elapsed += wait;
        write!(out, "\r{}\x1b[K", frame(label, number, elapsed, style))?;
        out.flush()?;
        wait = FRAME;
        number += 1;
    }
    if number > 0 {
        write!(out, "\r\x1b[K")?;
        out.flush()?;
    }
    Ok(())
}

/// One frame: `⠹ asking PostHog 3 s`.
fn frame(label: &str, number: usize, elapsed: Duration, style: &TermStyle) -> String {
    const TURNS: [char; 8] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧'];
    const ASCII_TURNS: [char; 4] = ['|', '/', '-', '\\'];
    let turn = if style.unicode { TURNS[number % TURNS.len()] } else { ASCII_TURNS[number % ASCII_TURNS.len()] };
    let time = span(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX));
    let label = truncate(&label.into(), style.width.saturating_sub(time.len() + 4), style).text();
    format!("{turn} {label} {time}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_the_terminal() {
        let style = TermStyle::plain(40);
        let seconds = Duration::from_secs(3);
        insta::assert_snapshot!(frame("asking PostHog", 2, seconds, &style), @"⠹ asking PostHog 3 s");
        insta::assert_snapshot!(frame("asking PostHog", 2, seconds, &style.ascii()), @"- asking PostHog 3 s");
        let long = frame(&"replaying ".repeat(20), 0, Duration::from_secs(3661), &style);
        assert!(crate::wrap::width_of(&long) <= 40, "{long}");
    }

    #[test]
    fn what_ends_within_a_second_is_never_shown() {
        let (running, stopped) = channel();
        drop(running);
        let mut out = Vec::new();
        spin(&mut out, "asking", &stopped, &TermStyle::plain(60)).unwrap();
        assert!(out.is_empty());
    }
}
