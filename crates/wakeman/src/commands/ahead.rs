//! What is typed while an answer comes: `/stop` is done at once, any other line when its turn has come.

use std::{
    collections::VecDeque,
    io::{self, Stdin},
    sync::{Mutex, PoisonError},
};

use tokio::io::unix::AsyncFd;

/// Most lines that wait; what is typed beyond stays with the terminal.
const LINES_MAX: usize = 64;

/// The lines of this process's terminal, while nobody edits one.
pub(super) struct Ahead {
    stdin: AsyncFd<Stdin>,
    lines: Mutex<VecDeque<String>>,
}

impl Ahead {
    /// Of a terminal; anything else cannot be waited for and is an error.
    #[expect(
        deprecated,
        reason = "its successor is unsafe code; standard input is open as long as the process, which is what that asks for"
    )]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { stdin: AsyncFd::new(io::stdin())?, lines: Mutex::default() })
    }

    /// The oldest line that was typed ahead.
    pub(super) fn next(&self) -> Option<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Resolves when `/stop` is typed. Other lines are kept for later.
    pub(super) async fn stop(&self) {
        loop {
            match self.line().await {
                Ok(line) if line == "/stop" => return,
                Ok(line) => {
                    let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.push_back(line);
                    if lines.len() < LINES_MAX {
                        continue;
                    }
                }
                // The terminal is gone; whoever reads the next line finds out.
                Err(_) => {}
            }
            return std::future::pending().await;
        }
    }

    /// A whole line: a terminal gives no less before Enter.
    async fn line(&self) -> io::Result<String> {
        loop {
            let mut ready = self.stdin.readable().await?;
            if rustix::io::ioctl_fionread(self.stdin.get_ref())? == 0 {
                ready.clear_ready();
                continue;
            }
            let mut bytes = [0; 4096];
            let read = rustix::io::read(self.stdin.get_ref(), &mut bytes)?;
            return Ok(String::from_utf8_lossy(&bytes[..read]).trim().to_owned());
        }
    }
}
