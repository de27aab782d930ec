//! `/api/v1/chat` and stopping it.

use axum::{
    Extension, Json,
    body::{Body as HttpBody, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, future};
use serde::{Deserialize, Serialize};
use wakeman_types::{AskRequest, ErrorKind, ThreadId, TurnEvent, TurnStream};

use super::{Answer, Brain};
use crate::{
    access::Caller,
    extract::{Body, Path},
    problem::Problem,
};

/// The media type of a JSON value a line.
pub(super) const LINES: &str = "application/x-ndjson";

/// What is asked, as `POST /api/v1/chat` takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    message: String,
    #[serde(default)]
    thread_id: Option<ThreadId>,
    #[serde(default)]
    prompt_version: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    execution_mode: Manner,
}

/// Whether the turn is answered, or a plan of it is asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Manner {
    #[default]
    Direct,
    Plan,
}

impl Asked {
    fn request(self) -> Result<AskRequest, Problem> {
        if self.execution_mode == Manner::Plan {
            let words = "execution_mode: plan is not supported by this version; send direct, or leave it out";
            return Err(Problem::of(ErrorKind::Invalid, words));
        }
        let Self { message, thread_id, prompt_version, key, .. } = self;
        Ok(AskRequest { message, thread_id, prompt_version, key })
    }
}

/// How many messages were stopped.
#[derive(Debug, Serialize)]
pub(super) struct Stopped {
    stopped: u32,
}

/// One turn: its end as one JSON object, or with `Accept: application/x-ndjson` every event as a line as it happens.
///
/// The status is sent as soon as the message is stored: a turn may take longer than a request may.
pub(super) async fn ask(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let events = gateway.ask(&caller.principal, asked.request()?).await?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let wants_lines = accept.split(',').any(|kind| kind.trim().starts_with(LINES));
    let (kind, body) =
        if wants_lines { (LINES, HttpBody::from_stream(lines(events))) } else { ("application/json", end(events)) };
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// Each event as a line of JSON.
pub(super) fn lines<T: Serialize>(
    events: impl Stream<Item = T> + Send,
) -> impl Stream<Item = Result<Bytes, serde_json::Error>> + Send {
    events.map(|event| {
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        Ok(Bytes::from(line))
    })
}

fn end(events: TurnStream) -> HttpBody {
    let done = events.filter_map(|event| {
        future::ready(match event {
            TurnEvent::Done { answer } => Some(serde_json::to_vec(&answer).map(Bytes::from)),
            _ => None,
        })
    });
    HttpBody::from_stream(done)
}

pub(super) async fn stop(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<Stopped> {
    let stopped = gateway.stop(&caller.principal, &ThreadId::new(id)).await?;
    Ok(Json(Stopped { stopped }))
}
