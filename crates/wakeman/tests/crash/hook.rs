//! A receiver of webhooks. It counts what it takes, and one call to it comes to an ordered outcome.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

#[derive(Default)]
struct State {
    /// What the next call comes to.
    outcome: Option<&'static str>,
    taken: usize,
    late: usize,
    closed: bool,
}

pub struct Hook {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.state.lock().unwrap().closed = true;
        // Wakes it, so that it sees that it is closed.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Hook {
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.lock().unwrap().closed {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next call comes to this.
    pub fn order(&self, outcome: &'static str) {
        self.state.lock().unwrap().outcome = Some(outcome);
    }

    /// What was on its way arrives.
    pub fn land_late(&self) {
        let mut state = self.state.lock().unwrap();
        state.taken += std::mem::take(&mut state.late);
    }

    pub fn taken(&self) -> usize {
        self.state.lock().unwrap().taken
    }
}

/// Reads one request whole. False: whoever sent it died over it.
fn read(stream: &TcpStream) -> bool {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if !reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            return false;
        }
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).is_ok()
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    if !read(&stream) {
        return;
    }
    let outcome = state.lock().unwrap().outcome.take();
    let mut answer = |status: &str| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
    };
    match outcome {
        Some("not_applied") => answer("502 Bad Gateway"),
        Some("applied") => {
            state.lock().unwrap().taken += 1;
            answer("502 Bad Gateway");
        }
        Some("reply_lost") => state.lock().unwrap().taken += 1,
        Some("late") => state.lock().unwrap().late += 1,
        // No answer, until whoever waits for it has given up.
        Some("never") => drop(stream.read(&mut [0])),
        _ => {
            state.lock().unwrap().taken += 1;
            answer("200 OK");
        }
    }
}
