//! Events out of an answer that is still being written: a turn's, or a channel's.

use futures::{StreamExt, stream};
use reqwest::Response;
use wakeman_types::{ErrorKind, ThreadId, TurnAnswer, TurnEvent, TurnId, TurnState, TurnStream, Usage};
use wakeman_types::{LiveEvent, LiveStream};

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The lines of an answer.
struct Lines {
    response: Response,
    buffer: Vec<u8>,
}

impl Lines {
    /// The next whole line. `None`: it ended, or one is too long.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                return Some(line);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) if self.buffer.len() + chunk.len() <= LINE_BYTES_MAX => {
                    self.buffer.extend_from_slice(&chunk)
                }
                _ => return None,
            }
        }
    }
}

/// The live events of `response`, until it ends. A line that is none of them is left out: it may be of a later version.
pub(crate) fn live(response: Response) -> LiveStream {
    let lines = Lines { response, buffer: Vec::new() };
    stream::unfold((lines, false), |(mut lines, mut told)| async move {
        loop {
            let line = lines.next().await?;
            match serde_json::from_slice::<LiveEvent>(&line) {
                Ok(event) => return Some((event, (lines, told))),
                Err(error) if !told && !line.is_empty() => {
                    // Once: a later version may say much of it.
                    tracing::warn!(%error, bytes = line.len(), "client.live_event_not_understood");
                    told = true;
                }
                Err(_) => {}
            }
        }
    })
    .boxed()
}

struct Reading {
    lines: Lines,
    /// What was read last, so that a broken answer can be named.
    place: Option<(ThreadId, TurnId)>,
    lost: String,
    ended: bool,
}

/// The events of `response`. If it breaks off, the last event is a failed `done` that says `lost`: the turn itself goes on.
pub(crate) fn events(response: Response, lost: String) -> TurnStream {
    let reading = Reading { lines: Lines { response, buffer: Vec::new() }, place: None, lost, ended: false };
    stream::unfold(reading, |mut reading| async move {
        let event = reading.next().await?;
        Some((event, reading))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<TurnEvent> {
        if self.ended {
            return None;
        }
        let line = self.lines.next().await;
        let event = line.and_then(|line| serde_json::from_slice::<TurnEvent>(&line).ok());
        let Some(event) = event else { return Some(self.broken()) };
        match &event {
            TurnEvent::Accepted { thread_id, turn_id } => {
                self.place = Some((thread_id.clone(), turn_id.clone()));
            }
            TurnEvent::Done { .. } => self.ended = true,
            TurnEvent::Token { .. } | TurnEvent::Tool { .. } | TurnEvent::Reset => {}
        }
        Some(event)
    }

    fn broken(&mut self) -> TurnEvent {
        self.ended = true;
        let (thread_id, turn_id) = self.place.clone().unwrap_or_else(|| (ThreadId::new(""), TurnId::new("")));
        let seen = if thread_id.as_str().is_empty() { String::new() } else { format!(" ({thread_id})") };
        let response = format!("{}; what came of it is in the thread{seen}", self.lost);
        TurnEvent::Done {
            answer: Box::new(TurnAnswer {
                thread_id,
                turn_id,
                state: TurnState::Failed,
                response,
                failure: Some(ErrorKind::Unavailable),
                actions: Vec::new(),
                citations: Vec::new(),
                prompt_version: None,
                usage: Usage::default(),
            }),
        }
    }
}
