//! One call to PostHog: address, credential, budget, bounded answer, and what each status means.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Client, Method, Response, StatusCode, Url, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use wakeman_gateway::ports::Clock;
use wakeman_types::Timestamp;

use super::{PosthogOptions, budget::Budget};
use crate::http::{
    BODY_BYTES_MAX, BuildError, Failure, Pace, Timeouts, base_address, http_client, is_html, parse, parse_value,
    retry_after_ms, short, too_long,
};

/// PostHog runs three queries of a team at a time; one is left for its people.
const QUERIES_IN_FLIGHT: usize = 2;

/// What a call is for; decides whether the budget may refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Watching. Refused when our share is used up.
    Watch,
    /// Answering a question in a conversation. Refused when the part of our share that the watch leaves is used up.
    Ask,
    /// Carrying out, or checking, what a person approved. Counted only.
    Act,
}

/// A whole answer with a 2xx status.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) struct Wire {
    http: Client,
    base: Url,
    project: String,
    key: SecretString,
    timeouts: Timeouts,
    /// Of what changes something.
    pace: Pace,
    budget: Mutex<Budget>,
    queries: Semaphore,
    /// Questions of conversations go one at a time, so that the watch never waits for two.
    asking: Semaphore,
    pub(super) clock: Arc<dyn Clock>,
}

impl Wire {
    pub(super) fn new(options: PosthogOptions) -> Result<Self, BuildError> {
        let base = base_address("posthog.host", &options.host, "https://eu.posthog.com")?;
        let project = options.project_id.trim().to_owned();
        if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@_-".contains(&byte)) {
            let problem = "is not a project id";
            return Err(BuildError::Value { setting: "POSTHOG_PROJECT_ID", text: project, problem, example: "12345" });
        }
        if !(options.rate_share > 0.0 && options.rate_share <= 1.0) {
            let (text, problem) = (options.rate_share.to_string(), "is not a share above 0 and up to 1");
            return Err(BuildError::Value { setting: "posthog.rateShare", text, problem, example: "0.1" });
        }
        if options.key.expose_secret().bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
            return Err(BuildError::Credential { setting: "POSTHOG_API_KEY" });
        }
        let http = http_client(&base, options.timeouts)?;
        Ok(Self {
            http,
            base,
            project,
            key: options.key,
            timeouts: options.timeouts,
            pace: Pace::new(options.gate),
            budget: Mutex::new(Budget::new(options.rate_share)),
            queries: Semaphore::new(QUERIES_IN_FLIGHT),
            asking: Semaphore::new(1),
            clock: options.clock,
        })
    }

    /// The present by our clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Share of the hourly budget that is used, 0–1.
    pub(super) fn budget_used(&self) -> f64 {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).used(self.now())
    }

    /// The address of a path below `/api/`.
    pub(super) fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The project's id.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// The address of a path of the project.
    pub(super) fn project_address(&self, path: &str) -> Url {
        self.address(&format!("projects/{}/{path}", self.project))
    }

    /// The address of a path of the project's environment, where PostHog keeps its newer parts.
    pub(super) fn environment_address(&self, path: &str) -> Url {
        self.address(&format!("environments/{}/{path}", self.project))
    }

    /// The address of a page of the project that a person can open.
    pub(super) fn page(&self, path: &str) -> String {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/project/{}/{path}", self.base.path().trim_end_matches('/'), self.project));
        url.into()
    }

    /// The address a list gives for its next page, if it is still this server's.
    pub(super) fn next_page(&self, next: &str) -> Option<Url> {
        let mut url = Url::parse(next).ok()?;
        let ours = url.host_str() == self.base.host_str() && url.path().starts_with(self.base.path());
        // Behind a proxy PostHog may call itself http; what we were told to use counts.
        let same = ours && url.set_scheme(self.base.scheme()).is_ok() && url.set_port(self.base.port()).is_ok();
        same.then_some(url)
    }

    /// Reads a JSON answer called `what`.
    pub(super) async fn get<T: DeserializeOwned>(&self, what: &str, url: Url, purpose: Purpose) -> Result<T, Failure> {
        let reply = self.call(Method::GET, url, None, purpose).await?;
        parse_reply(what, &reply)
    }

    /// Changes something. Counted, never refused by our own budget, never repeated; not sent while PostHog wants no further changes.
    pub(super) async fn patch<T: DeserializeOwned>(&self, what: &str, url: Url, body: &Value) -> Result<T, Failure> {
        self.send(Method::PATCH, what, url, body).await
    }

    /// The same with another method.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        url: Url,
        body: &Value,
    ) -> Result<T, Failure> {
        self.pace.wait(&*self.clock).await?;
        let answer = self.call(method, url, Some(body), Purpose::Act).await;
        parse_reply(what, &answer.inspect_err(|failure| self.pace.note(failure, self.now()))?)
    }

    /// Runs a query to its end. Cached results are refused: we want the present.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        what: &str,
        query: Value,
        purpose: Purpose,
    ) -> Result<T, Failure> {
        let closed = |_| Failure::NotSent { reason: "shutting down".to_owned() };
        let _turn = match purpose {
            Purpose::Ask => Some(self.asking.acquire().await.map_err(closed)?),
            Purpose::Watch | Purpose::Act => None,
        };
        let _place = self.queries.acquire().await.map_err(closed)?;
        let body = json!({"query": query, "refresh": "force_blocking", "name": format!("wakeman: {what}")});
        let reply = self.call(Method::POST, self.project_address("query/"), Some(&body), purpose).await?;
        if reply.status != StatusCode::ACCEPTED {
            return parse_reply(what, &reply);
        }
        self.finished(what, parse_reply(what, &reply)?, purpose).await
    }

    /// Waits for a query that PostHog chose to compute in the background.
    async fn finished<T: DeserializeOwned>(
        &self,
        what: &str,
        first: Background,
        purpose: Purpose,
    ) -> Result<T, Failure> {
        let looks = self.timeouts.answer.as_millis() / self.timeouts.poll.as_millis().max(1);
        let mut status = first.query_status;
        for _ in 0..looks.max(1) {
            if status.error {
                let reason = short(status.error_message.as_deref().unwrap_or("the query failed"));
                return Err(refused(400, String::new(), reason));
            }
            if status.complete {
                let results = status.results.unwrap_or(Value::Null);
                return parse_value(what, results).map_err(with_remedy);
            }
            let poll_ms = i64::try_from(self.timeouts.poll.as_millis()).unwrap_or(i64::MAX);
            self.clock.sleep_until(self.now().plus_ms(poll_ms)).await;
            let url = self.project_address(&format!("query/{}/", status.id));
            status = self.get::<Background>(what, url, purpose).await?.query_status;
        }
        Err(Failure::Lost { reason: format!("query not finished within {} s", self.timeouts.answer.as_secs()) })
    }

    /// One call. Everything but a 2xx is a failure.
    pub(super) async fn call(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        purpose: Purpose,
    ) -> Result<Reply, Failure> {
        {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            match purpose {
                Purpose::Watch => budget.take(self.now())?,
                Purpose::Ask => budget.take_to_ask(self.now())?,
                Purpose::Act => budget.note(self.now()),
            }
        }
        let mut request = self.http.request(method, url).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Err(Failure::of_wire(&error, self.timeouts.answer)),
        };
        answer.map_err(|failure| failure.scrubbed(self.key.expose_secret()))
    }

    async fn read(&self, mut response: Response) -> Result<Reply, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let told = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let mut body = Vec::with_capacity(told.min(BODY_BYTES_MAX));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES_MAX => return Err(too_long()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // The status of a broken answer still counts when it is bad news.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(Failure::of_wire(&error, self.timeouts.answer)),
            }
        }
        if status.is_success() {
            return Ok(Reply { status, headers, body });
        }
        Err(classify(status, &headers, &body, self.now()))
    }
}

fn parse_reply<T: DeserializeOwned>(what: &str, reply: &Reply) -> Result<T, Failure> {
    if is_html(&reply.headers, &reply.body) {
        return Err(Failure::Shape {
            reason: format!("{what}: a web page instead of JSON; is `posthog.host` the address of PostHog's API?"),
        });
    }
    if let Some(said) = complaint(&reply.body) {
        return Err(not_answered(&said));
    }
    parse(what, &reply.body).map_err(with_remedy)
}

/// What a success says went wrong with the query all the same.
fn complaint(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Complaint {
        #[serde(default)]
        error: Option<String>,
    }
    // A page of buckets is large, and says so in passing that there is none.
    body.windows(7).any(|window| window == b"\"error\"").then_some(())?;
    let said: Complaint = serde_json::from_slice(body).ok()?;
    said.error.map(|words| short(&words)).filter(|words| !words.is_empty())
}

/// A query that PostHog took and did not finish: what it says, and what may help.
fn not_answered(said: &str) -> Failure {
    Failure::Faulty {
        reason: format!(
            "PostHog did not finish the query: {said}; it is asked again, and a slow query can be narrowed"
        ),
    }
}

/// What is not as agreed is PostHog's, or its address is not PostHog's.
pub(super) fn with_remedy(failure: Failure) -> Failure {
    match failure {
        Failure::Shape { reason } => {
            Failure::Shape { reason: format!("{reason}; is `posthog.host` the address of PostHog's API?") }
        }
        other => other,
    }
}

/// `{type, code, detail, attr}`, as far as it is there.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Background {
    query_status: QueryStatus,
}

#[derive(Debug, Deserialize)]
struct QueryStatus {
    id: String,
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    error: bool,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(default)]
    results: Option<Value>,
}

/// What a status that is not 2xx means.
fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Failure {
    let ErrorBody { code, detail } =
        if is_html(headers, body) { ErrorBody::default() } else { serde_json::from_slice(body).unwrap_or_default() };
    let (code, detail) = (code.unwrap_or_default(), short(&detail.unwrap_or_default()));
    let words = |fallback: &str| if detail.is_empty() { fallback.to_owned() } else { detail.clone() };
    match status.as_u16() {
        429 => Failure::Limited {
            reason: if code.is_empty() { "429".to_owned() } else { format!("429, {}", short(&code)) },
            wait_ms: retry_after_ms(headers, now).or_else(|| expected_wait_ms(&detail)),
        },
        401 => Failure::Denied {
            reason: format!("401, {}", words("key not accepted")),
            remedy: "make a personal API key (phx_…) in PostHog and set POSTHOG_API_KEY".to_owned(),
        },
        403 => Failure::Denied { reason: format!("403, {}", words("not allowed")), remedy: scope_remedy(&detail) },
        408 | 504 => {
            Failure::Faulty { reason: format!("{}, {}; it is asked again", status.as_u16(), words("timed out")) }
        }
        300..=399 => refused(status.as_u16(), code, "redirects to another address".to_owned()),
        400..=499 => refused(status.as_u16(), code, words("request not accepted")),
        other => {
            Failure::Faulty { reason: format!("{other}, PostHog is ill, or what stands before it; it is asked again") }
        }
    }
}

fn refused(status: u16, code: String, words: String) -> Failure {
    let remedy = match status {
        404 => "check POSTHOG_PROJECT_ID and `posthog.host`",
        402 => "the PostHog plan does not include this",
        300..=399 => "set `posthog.host` to the address PostHog itself answers from, e.g. https://eu.posthog.com",
        _ => "check the query or setting it names",
    };
    Failure::Refused { status, code, reason: format!("{status}, {words}"), remedy: remedy.to_owned() }
}

/// `Request was throttled. Expected available in 62 seconds.`
fn expected_wait_ms(detail: &str) -> Option<i64> {
    let (_, rest) = detail.split_once("available in ")?;
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let seconds: f64 = digits.trim_end_matches('.').parse().ok()?;
    Some((seconds.min(86_400.0) * 1000.0).ceil() as i64)
}

/// `API key missing required scope 'query:read'` names what to add.
fn scope_remedy(detail: &str) -> String {
    let scope = detail.split('\'').find(|word| word.contains(':') && !word.contains(' '));
    match scope {
        Some(scope) => format!("add the scope {scope} to the key in PostHog, settings, personal API keys"),
        None => "check the key's scopes and that it may see this project".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        classify(status, &HeaderMap::new(), body.as_bytes(), Timestamp::from_ms(0))
    }

    #[test]
    fn a_throttled_call_says_how_long_to_wait() {
        let body = r#"{"type":"throttled_error","code":"throttled","detail":"Request was throttled. Expected available in 62 seconds.","attr":null}"#;
        assert_eq!(failure(429, body), Failure::Limited { reason: "429, throttled".into(), wait_ms: Some(62_000) });
        let concurrent = r#"{"type":"throttled_error","code":"concurrency_limit_exceeded","detail":"Too many queries.","attr":null}"#;
        assert_eq!(
            failure(429, concurrent),
            Failure::Limited { reason: "429, concurrency_limit_exceeded".into(), wait_ms: None }
        );
        assert_eq!(failure(429, "<html>"), Failure::Limited { reason: "429".into(), wait_ms: None });
    }

    #[test]
    fn a_missing_scope_is_named() {
        let body = r#"{"type":"authentication_error","code":"permission_denied","detail":"API key missing required scope 'error_tracking:read'","attr":null}"#;
        let Failure::Denied { remedy, .. } = failure(403, body) else { panic!("403 is a denial") };
        assert_eq!(remedy, "add the scope error_tracking:read to the key in PostHog, settings, personal API keys");
    }

    #[test]
    fn every_status_has_its_meaning() {
        for (status, starts) in [
            (302, "Refused"),
            (400, "Refused"),
            (401, "Denied"),
            (403, "Denied"),
            (404, "Refused"),
            (408, "Faulty"),
            (429, "Limited"),
            (500, "Faulty"),
            (502, "Faulty"),
            (504, "Faulty"),
        ] {
            let got = format!("{:?}", failure(status, "<html>oops</html>"));
            assert!(got.starts_with(starts) && !got.contains("oops"), "{status}: {got}");
        }
    }
}
