//! A process at a terminal, seen from the other side.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use rustix::{fs, pty};

use crate::daemon::{Home, Process};

/// The process, the keys it hears and the screen it writes.
pub struct Terminal {
    process: Process,
    keys: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Runs the command with a terminal at all three ends.
    pub fn run(home: &Home, args: &[&str]) -> Self {
        let ours = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&ours).unwrap();
        pty::unlockpt(&ours).unwrap();
        let name = pty::ptsname(&ours, Vec::new()).unwrap();
        let theirs: OwnedFd = fs::open(name, fs::OFlags::RDWR | fs::OFlags::NOCTTY, fs::Mode::empty()).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = home.command(args);
        command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let process = Process(command.spawn().unwrap());
        let keys = File::from(ours);
        let mut output = keys.try_clone().unwrap();
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The other side's end is an error here.
            while let Ok(length @ 1..) = output.read(&mut piece) {
                let _ = send.send(piece[..length].to_vec());
            }
        });
        Self { process, keys, screen, shown: String::new() }
    }

    /// What was shown and not yet looked past.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn types(&mut self, keys: &str) {
        self.shown.clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether `what` is shown within that time after the last keys.
    pub fn shows(&mut self, what: &str, within: Duration) -> bool {
        let begun = Instant::now();
        while !self.shown.contains(what) {
            let Some(left) = within.checked_sub(begun.elapsed()) else { return false };
            match self.screen.recv_timeout(left) {
                Ok(piece) => self.shown.push_str(&String::from_utf8_lossy(&piece)),
                Err(_) => return false,
            }
        }
        true
    }

    /// Looks until `what` is shown, and forgets what was before it.
    pub fn until(&mut self, what: &str) {
        assert!(self.shows(what, Duration::from_secs(60)), "{what}: {}", self.shown);
        let at = self.shown.find(what).unwrap();
        self.shown.drain(..at);
    }

    /// Waits for its end; the exit code.
    pub fn ends(&mut self) -> Option<i32> {
        self.process.0.wait().unwrap().code()
    }
}
