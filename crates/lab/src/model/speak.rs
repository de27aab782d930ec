//! An answer on the wire: one JSON body, or a stream of events; in pieces, late, or broken off, as ordered.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};

use super::answer::{Answer, Usage};
use super::error::mid_stream;
use super::rules::Cut;

/// How the answer comes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Delivery {
    /// Pause before each piece.
    pub(super) delay: Duration,
    /// Where it breaks off.
    pub(super) cut_after: Option<usize>,
    /// How.
    pub(super) cut: Cut,
}

/// What every answer names.
pub(super) struct Head<'a> {
    pub(super) number: u64,
    pub(super) model: &'a str,
    /// Unix seconds, lab time.
    pub(super) created: i64,
}

impl Head<'_> {
    fn frame(&self, object: &str, choices: Value) -> Value {
        json!({"id": format!("chatcmpl-lab{}", self.number), "created": self.created, "model": self.model, "object": object,
               "system_fingerprint": "fp_lab", "choices": choices})
    }

    fn tag(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let call = HeaderValue::from_str(&format!("00000000-0000-4000-8000-{:012x}", self.number));
        headers.insert("x-litellm-call-id", call.unwrap_or(HeaderValue::from_static("0")));
        headers.insert("x-litellm-version", HeaderValue::from_static("1.106.2"));
        headers
            .insert("x-litellm-model-group", HeaderValue::from_str(self.model).unwrap_or(HeaderValue::from_static("")));
        headers.insert("x-litellm-attempted-retries", HeaderValue::from_static("0"));
        headers.insert("x-litellm-attempted-fallbacks", HeaderValue::from_static("0"));
    }
}

/// The whole answer in one body. Its cost is in a header, nowhere else.
pub(super) fn whole(head: &Head<'_>, answer: &Answer, usage: Usage, delivery: Delivery) -> Response {
    let calls: Vec<Value> = answer
        .calls
        .iter()
        .map(|call| json!({"function": {"arguments": call.arguments, "name": call.name}, "id": call.id, "type": "function"}))
        .collect();
    let text = if answer.text.is_empty() && !calls.is_empty() { Value::Null } else { json!(answer.text) };
    let mut message = json!({"content": text, "role": "assistant"});
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let choice = json!({"finish_reason": answer.finish(), "index": 0, "message": message});
    let mut body = head.frame("chat.completion", json!([choice]));
    body["usage"] = usage.json();
    let pieces = VecDeque::from([body.to_string()]);
    let mut response = deliver(pieces, Delivery { cut: Cut::Close, ..delivery }, "application/json");
    let cost = HeaderValue::from_str(&usage.cost().to_string());
    response.headers_mut().insert("x-litellm-response-cost", cost.unwrap_or(HeaderValue::from_static("0")));
    head.tag(&mut response);
    response
}

/// The answer as events. Its cost is in the last one before `[DONE]`, if that was asked for.
pub(super) fn streamed(head: &Head<'_>, answer: &Answer, usage: Option<Usage>, delivery: Delivery) -> Response {
    let chunk = |choice: Value| head.frame("chat.completion.chunk", json!([choice]));
    let delta = |delta: Value| chunk(json!({"index": 0, "delta": delta}));
    let mut events = vec![delta(json!({"content": "", "role": "assistant"}))];
    events.extend(answer.text.split_inclusive(' ').map(|word| delta(json!({"content": word}))));
    for (index, call) in answer.calls.iter().enumerate() {
        let function = json!({"arguments": "", "name": call.name});
        let first = json!({"id": call.id, "function": function, "type": "function", "index": index});
        events.push(delta(json!({"tool_calls": [first]})));
        for piece in thirds(&call.arguments) {
            // The proxy repeats the type with every piece.
            let more = json!({"function": {"arguments": piece}, "type": "function", "index": index});
            events.push(delta(json!({"tool_calls": [more]})));
        }
    }
    events.push(chunk(json!({"finish_reason": answer.finish(), "index": 0, "delta": {}})));
    if let Some(usage) = usage {
        let mut last = delta(json!({}));
        last["usage"] = usage.json();
        last["usage"]["cost"] = json!(usage.cost());
        events.push(last);
    }
    let mut pieces: VecDeque<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    pieces.push_back("data: [DONE]\n\n".to_owned());
    let mut response = deliver(pieces, delivery, "text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    head.tag(&mut response);
    response
}

/// A text in up to three pieces.
fn thirds(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(letters.len().div_ceil(3).max(1)).map(|piece| piece.iter().collect()).collect()
}

fn deliver(mut pieces: VecDeque<String>, delivery: Delivery, kind: &'static str) -> Response {
    let mut broken = false;
    if let Some(limit) = delivery.cut_after {
        (pieces, broken) = cut(pieces, limit);
        if broken && delivery.cut == Cut::Error {
            let whole = |piece: &String| piece.ends_with("\n\n");
            pieces.retain(whole);
            pieces.push_back(format!("data: {}\n\n", mid_stream()));
            broken = false;
        }
    }
    let headers = [(header::CONTENT_TYPE, kind)];
    if delivery.delay.is_zero() && !broken {
        let pieces = stream::iter(pieces.into_iter().map(|piece| Ok::<_, io::Error>(Bytes::from(piece))));
        return (headers, Body::from_stream(pieces)).into_response();
    }
    let pieces = stream::unfold((pieces, broken), move |(mut pieces, broken)| async move {
        if !delivery.delay.is_zero() {
            tokio::time::sleep(delivery.delay).await;
        }
        match pieces.pop_front() {
            Some(piece) => Some((Ok(Bytes::from(piece)), (pieces, broken))),
            // An error instead of an end closes the connection in the middle of the body. What was said before must have left.
            None if broken => {
                tokio::task::yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), (pieces, false)))
            }
            None => None,
        }
    });
    (headers, Body::from_stream(pieces)).into_response()
}

/// The first `limit` bytes of the pieces, and whether anything was cut off. Never inside a letter.
fn cut(pieces: VecDeque<String>, limit: usize) -> (VecDeque<String>, bool) {
    let mut kept = VecDeque::new();
    let mut room = limit;
    for piece in pieces {
        if piece.len() <= room {
            room -= piece.len();
            kept.push_back(piece);
            continue;
        }
        let end = (0..=room).rev().find(|end| piece.is_char_boundary(*end)).unwrap_or(0);
        if end > 0 {
            kept.push_back(piece[..end].to_owned());
        }
        return (kept, true);
    }
    (kept, false)
}
