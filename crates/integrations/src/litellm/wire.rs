//! One request to the proxy and the reading of its answer.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use wakeman_gateway::ports::{Clock, Completion, ModelRequest, Random, TextSink};

use super::{LitellmOptions, assemble::Assembly, body, chain::Progress, chunk, sse::Events, trouble, trouble::Trouble};
use crate::http::{BODY_BYTES_MAX, BuildError, Timeouts, base_address, http_client, is_html};

/// The deadline of a call ends it; this is for one that has none worth the name.
const ANSWER_MAX: Duration = Duration::from_secs(3600);
/// How long the end of a stream is waited for, aside, so that its connection can be used again.
const END_MAX: Duration = Duration::from_secs(2);

pub(super) struct Wire {
    http: Client,
    base: Url,
    key: Option<SecretString>,
    random: Arc<dyn Random>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Wire {
    pub(super) fn new(options: LitellmOptions) -> Result<Self, BuildError> {
        let mut base = base_address("LITELLM_URL", &options.url, "http://127.0.0.1:4000")?;
        // Both forms are in use; the routes below name `/v1` themselves.
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(path.strip_suffix("/v1").unwrap_or(&path));
        if let Some(key) = &options.key
            && key.expose_secret().bytes().any(|byte| !(0x21..0x7f).contains(&byte))
        {
            return Err(BuildError::Credential { setting: "LITELLM_MASTER_KEY" });
        }
        let timeouts = Timeouts { answer: ANSWER_MAX, ..Timeouts::default() };
        let http = http_client(&base, timeouts)?;
        Ok(Self { http, base, key: options.key, random: options.random, clock: options.clock })
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Sends `body` to `path`, or asks for it if there is none; a success, with its body still to come.
    pub(super) async fn send(&self, path: &str, body: Option<&Value>, headers: HeaderMap) -> Result<Response, Trouble> {
        let url = self.address(path);
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        };
        let response = request.headers(headers).send().await.map_err(|error| lost(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let alias = body.and_then(|body| body["model"].as_str()).unwrap_or_default();
        let body = self.bytes(response).await.unwrap_or_default();
        Err(self.scrubbed(trouble::of_answer(status, &headers, &body, alias, self.clock.now())))
    }

    /// What ties the calls of a turn together in the proxy's log. Not `x-litellm-timeout`: it would override the time-out that the
    /// proxy's configuration gives an alias, also where that is shorter.
    fn headers(&self, trace: [u8; 16]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // A trace of zeros is none (W3C Trace Context, 3.2.2.3).
        if trace != [0; 16] {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let span = (self.random.number() | 1).to_be_bytes();
            if let Ok(value) = HeaderValue::from_str(&format!("00-{}-{}-01", hex(&trace), hex(&span))) {
                headers.insert("traceparent", value);
            }
        }
        headers
    }

    /// Reads a body to its end.
    pub(super) async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if bytes.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(Trouble::unavailable(format!("an answer of more than {} MiB", BODY_BYTES_MAX >> 20)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Reads a JSON body to its end; an error in it is one.
    pub(super) async fn json(&self, response: Response) -> Result<Value, Trouble> {
        let headers = response.headers().clone();
        let bytes = self.bytes(response).await?;
        if is_html(&headers, &bytes) {
            return Err(Trouble::unavailable("a web page instead of an answer; is LITELLM_URL right?"));
        }
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|_| Trouble::unavailable("an answer that is not JSON"))?;
        match chunk::error(&value) {
            Some(error) => Err(self.scrubbed(trouble::of_event(&error))),
            None => Ok(value),
        }
    }

    /// One try of a completion by `alias`.
    pub(super) async fn complete(
        &self,
        request: &ModelRequest,
        alias: &str,
        words: TextSink<'_>,
        progress: &Progress,
    ) -> Result<Completion, Trouble> {
        let body = body::chat(request, alias);
        let headers = self.headers(request.trace);
        let response =
            self.send("chat/completions", Some(&body), headers).await.map_err(|trouble| whose(trouble, alias))?;
        let headers = response.headers().clone();
        let group = headers.get("x-litellm-model-group").and_then(|group| group.to_str().ok());
        let (alias, cost_usd) = (group.unwrap_or(alias).to_owned(), cost(&headers));
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut assembly = Assembly::default();
        // Known before the first word: also an answer that breaks off costs it.
        assembly.cost(cost_usd);
        if kind.contains("json") || kind.contains("html") {
            // A host that does not stream answers all at once.
            let piece = chunk::read(&self.json(response).await?);
            pass(assembly.add(piece)?, words, progress);
        } else {
            self.stream(response, &mut assembly, words, progress).await.map_err(|trouble| self.scrubbed(trouble))?;
        }
        assembly.finish(alias)
    }

    /// Reads a stream to its end: `[DONE]`, or a reason to stop and then a clean end.
    async fn stream(
        &self,
        mut response: Response,
        assembly: &mut Assembly,
        words: TextSink<'_>,
        progress: &Progress,
    ) -> Result<(), Trouble> {
        let mut events = Events::default();
        loop {
            let bytes = match response.chunk().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(_) => return Err(assembly.cut("the connection broke")),
            };
            for data in events.push(&bytes).map_err(|_| assembly.cut("an event of more than 1 MiB"))? {
                if data == "[DONE]" {
                    finish_reading(response);
                    return Ok(());
                }
                take(&data, assembly, words, progress)?;
            }
        }
        let done = events.rest().is_some_and(|data| data == "[DONE]") || assembly.is_finished();
        if done { Ok(()) } else { Err(assembly.cut("the stream ended in the middle")) }
    }

    /// Blacks our key out of what a host said.
    fn scrubbed(&self, mut trouble: Trouble) -> Trouble {
        let Some(key) = &self.key else { return trouble };
        match &mut trouble {
            Trouble::Denied { reason, .. }
            | Trouble::Limited { reason, .. }
            | Trouble::Unavailable { reason }
            | Trouble::TooLong { reason }
            | Trouble::Rejected { reason }
            | Trouble::Cut { reason, .. } => *reason = reason.replace(key.expose_secret(), "[credential]"),
            Trouble::Empty { .. } => {}
        }
        trouble
    }
}

/// Takes one event of a stream.
fn take(data: &str, assembly: &mut Assembly, words: TextSink<'_>, progress: &Progress) -> Result<(), Trouble> {
    if data.trim().is_empty() {
        return Ok(());
    }
    let value: Value = serde_json::from_str(data).map_err(|_| assembly.cut("an event that is not JSON"))?;
    if let Some(error) = chunk::error(&value) {
        let trouble = trouble::of_event(&error);
        // As the first event it is a refusal like any other; later the answer broke off.
        return Err(if assembly.has_begun() { assembly.cut(trouble.reason()) } else { trouble });
    }
    progress.start();
    pass(assembly.add(chunk::read(&value))?, words, progress);
    Ok(())
}

fn pass(text: String, words: TextSink<'_>, progress: &Progress) {
    if !text.is_empty() {
        progress.say(&text);
        words(&text);
    }
}

/// Reads the end behind `[DONE]`, so that the connection is used again; mostly it is there already.
fn finish_reading(mut response: Response) {
    if response.chunk().now_or_never().is_none() {
        tokio::spawn(async move {
            let _ = tokio::time::timeout(END_MAX, response.chunk()).await;
        });
    }
}

/// A refused key of the proxy's own is mended in the proxy.
fn whose(trouble: Trouble, alias: &str) -> Trouble {
    match trouble {
        Trouble::Denied { reason, ours: false } => Trouble::Denied {
            reason: format!("{reason}; it is the proxy's own key for {alias} that is refused"),
            ours: false,
        },
        other => other,
    }
}

/// What LiteLLM says the call cost, where it does not stream.
pub(super) fn cost(headers: &HeaderMap) -> Option<f64> {
    let cost: f64 = headers.get("x-litellm-response-cost")?.to_str().ok()?.trim().parse().ok()?;
    (cost.is_finite() && cost >= 0.0).then_some(cost)
}

/// What became of a call without a whole answer. Never the error's own text: it may hold the address with what is in it.
fn lost(error: &reqwest::Error) -> Trouble {
    Trouble::unavailable(if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke before the whole answer was there"
    })
}
