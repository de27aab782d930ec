//! A turn's events out of an answer that is still being written.

use futures::{StreamExt, stream};
use reqwest::Response;
use wakeman_types::{ErrorKind, ThreadId, TurnAnswer, TurnEvent, TurnId, TurnState, TurnStream, Usage};

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

struct Reading {
    response: Response,
    buffer: Vec<u8>,
    /// What was read last, so that a broken answer can be named.
    place: Option<(ThreadId, TurnId)>,
    lost: String,
    ended: bool,
}

/// The events of `response`. If it breaks off, the last event is a failed `done` that says `lost`: the turn itself goes on.
pub(crate) fn events(response: Response, lost: String) -> TurnStream {
    let reading = Reading { response, buffer: Vec::new(), place: None, lost, ended: false };
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
        loop {
            if let Some(line) = self.line() {
                let Ok(event) = serde_json::from_slice::<TurnEvent>(&line) else { return Some(self.broken()) };
                match &event {
                    TurnEvent::Accepted { thread_id, turn_id } => {
                        self.place = Some((thread_id.clone(), turn_id.clone()));
                    }
                    TurnEvent::Done { .. } => self.ended = true,
                    TurnEvent::Token { .. } | TurnEvent::Tool { .. } | TurnEvent::Reset => {}
                }
                return Some(event);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) if self.buffer.len() + chunk.len() <= LINE_BYTES_MAX => {
                    self.buffer.extend_from_slice(&chunk)
                }
                _ => return Some(self.broken()),
            }
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        Some(line)
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
