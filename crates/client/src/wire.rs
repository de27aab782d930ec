//! One request and its answer, whatever carries it.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use wakeman_types::{ErrorKind, GatewayError, LiveStream, TurnStream};

use crate::events::{events, live};

/// The host is what the server's check wants; the connection itself goes where the client was told to.
const BASE: &str = "http://localhost/";
/// Longest answer that is read, in bytes; a full page of findings with their series is under a tenth of it.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long one turn may take from its first to its last event; the brain's own bounds are far below.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(3_600);

/// A daemon that speaks our HTTP.
#[derive(Debug)]
pub(crate) struct Wire {
    http: reqwest::Client,
    /// `the daemon at …`, for messages.
    peer: String,
    timeout: Duration,
}

/// The status and the whole body of an answer.
pub(crate) struct Answer {
    pub status: StatusCode,
    body: Vec<u8>,
}

/// The part of a problem document that is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub detail: String,
    #[serde(default)]
    kind: Value,
}

/// Why there is no answer to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("it cannot be reached")]
    Connect,
    #[error("it took too long")]
    Timeout,
    #[error("its answer is too long")]
    TooLong,
    #[error("it broke off")]
    Broken,
}

/// A request that has been put together, with the name it has in messages.
pub(crate) struct Call {
    request: RequestBuilder,
    /// `GET /api/v1/findings`.
    route: String,
    changes: bool,
}

impl Wire {
    pub fn new(http: reqwest::Client, peer: String, timeout: Duration) -> Self {
        Self { http, peer, timeout }
    }

    /// `GET /healthz`, answered within `limit`.
    pub fn health(&self, limit: Duration) -> RequestBuilder {
        self.http.get(format!("{BASE}healthz")).timeout(limit)
    }

    /// A read of `/api/v1/` and `segments`.
    pub fn get(&self, segments: &[&str]) -> Result<Call, GatewayError> {
        self.call(Method::GET, segments)
    }

    /// A change through `/api/v1/` and `segments`.
    pub fn post(&self, segments: &[&str]) -> Result<Call, GatewayError> {
        self.call(Method::POST, segments)
    }

    fn call(&self, method: Method, segments: &[&str]) -> Result<Call, GatewayError> {
        let url = api_url(segments)?;
        let route = format!("{method} {}", url.path());
        let changes = method != Method::GET;
        Ok(Call { request: self.http.request(method, url).timeout(self.timeout), route, changes })
    }

    /// Sends `call` and reads what it answers with.
    pub async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, GatewayError> {
        let (route, answer) = self.send(call).await?;
        answer.read().map_err(|error| self.unreadable(&route, &error.to_string()))
    }

    /// Sends `call`, which answers with nothing.
    pub async fn tell(&self, call: Call) -> Result<(), GatewayError> {
        self.send(call).await.map(drop)
    }

    async fn send(&self, call: Call) -> Result<(String, Answer), GatewayError> {
        let Call { request, route, changes } = call;
        let answer = self.fetch(request).await.map_err(|error| self.no_answer(&route, changes, &error))?;
        if answer.status.is_success() {
            return Ok((route, answer));
        }
        Err(self.refusal(&route, &answer))
    }

    /// Sends `call` and gives the events it answers with as they come. The answer may take as long as it needs; that it is alive is
    /// seen by the connection.
    pub async fn follow(&self, call: Call) -> Result<TurnStream, GatewayError> {
        let response = self.open(call).await?;
        Ok(events(response, format!("{} went away in the middle of the answer", self.peer)))
    }

    /// Sends `call` and gives the live events it answers with as they come, until the connection ends.
    pub async fn lines(&self, call: Call) -> Result<LiveStream, GatewayError> {
        self.open(call).await.map(live)
    }

    async fn open(&self, call: Call) -> Result<Response, GatewayError> {
        let Call { request, route, changes } = call;
        let request = request.header("accept", "application/x-ndjson").timeout(FOLLOW_TIMEOUT);
        let response = request.send().await.map_err(|error| self.no_answer(&route, changes, &WireError::of(error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.no_answer(&route, changes, &WireError::of(error)))?;
        Err(self.refusal(&route, &Answer { status, body: body.to_vec() }))
    }

    /// Sends a request and reads the whole answer, up to a limit.
    pub async fn fetch(&self, request: RequestBuilder) -> Result<Answer, WireError> {
        let mut response = request.send().await.map_err(WireError::of)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(WireError::of)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(WireError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    /// The gateway's own error out of a problem document, or what is wrong with the answer.
    fn refusal(&self, route: &str, answer: &Answer) -> GatewayError {
        let status = answer.status.as_u16();
        let Ok(problem) = answer.read::<Problem>() else {
            return self.unreadable(route, &format!("status {status} without a problem document"));
        };
        match ErrorKind::deserialize(&problem.kind) {
            Ok(kind) => GatewayError::new(kind, problem.detail),
            Err(_) => self.unreadable(route, &format!("status {status}: {}", problem.detail)),
        }
    }

    fn unreadable(&self, route: &str, what: &str) -> GatewayError {
        let message = format!(
            "the answer of {} to {route} cannot be used ({what}); it may be another version: restart `wakeman run`",
            self.peer
        );
        GatewayError::new(ErrorKind::Unavailable, message)
    }

    fn no_answer(&self, route: &str, changes: bool, error: &WireError) -> GatewayError {
        let remedy = match error {
            WireError::Connect => "start it with `wakeman run`",
            _ if changes => "look whether it was done before doing it again",
            _ => "try again, and if it stays so restart `wakeman run`",
        };
        let message = format!("no answer from {} to {route} ({error}); {remedy}", self.peer);
        GatewayError::new(ErrorKind::Unavailable, message)
    }
}

impl Call {
    /// Adds parameters; those without a value are left out.
    pub fn query<T: Serialize>(mut self, query: &T) -> Self {
        self.request = self.request.query(query);
        self
    }

    /// Adds a JSON body.
    pub fn json<T: Serialize>(mut self, body: &T) -> Self {
        self.request = self.request.json(body);
        self
    }
}

impl Answer {
    /// The body as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl WireError {
    fn of(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Broken
        }
    }
}

/// `/api/v1/` and `segments`, each escaped. A segment that a URL cannot carry is refused: it names nothing.
fn api_url(segments: &[&str]) -> Result<Url, GatewayError> {
    if let Some(bad) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
        return Err(GatewayError::new(ErrorKind::Invalid, format!("\"{bad}\" is not an id; copy it from the list")));
    }
    let mut url: Url = BASE.parse().expect("invariant: the base is a URL");
    url.path_segments_mut()
        .expect("invariant: the base has a path")
        .pop_if_empty()
        .extend(["api", "v1"])
        .extend(segments);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        let cases = [
            ("F-1", "/api/v1/findings/F-1"),
            ("a/b", "/api/v1/findings/a%2Fb"),
            ("a b?c#d", "/api/v1/findings/a%20b%3Fc%23d"),
            ("%2e%2e", "/api/v1/findings/%252e%252e"),
            ("ü", "/api/v1/findings/%C3%BC"),
        ];
        for (id, want) in cases {
            assert_eq!(api_url(&["findings", id]).unwrap().path(), want, "{id}");
        }
        for id in ["", ".", ".."] {
            assert_eq!(api_url(&["threads", id, "messages"]).unwrap_err().kind, ErrorKind::Invalid, "{id:?}");
        }
    }
}
