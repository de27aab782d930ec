//! One call to GitHub: address, credential, bounded answer, and what each status means.

use std::{
    any::Any,
    error::Error as StdError,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};
use http_body_util::BodyExt;
use octocrab::Octocrab;
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use wakeman_gateway::ports::Clock;
use wakeman_types::{HOUR_MS, Timestamp};

use super::{GithubOptions, cache::Cache, credential::Credential};
use crate::http::{
    BODY_BYTES_MAX, BuildError, Failure, LIMIT_WAIT_MS, Pace, Timeouts, base_address, date_header, http_client,
    is_html, parse, retry_after_ms, short, too_long,
};

/// Conversations leave one call in so many of the hourly limit to the watch and to actions.
const KEPT_PART: u64 = 4;

/// A whole answer with a 2xx status, or 304.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

pub(super) struct Wire {
    crab: Octocrab,
    prefix: String,
    pub(super) owner: String,
    repository: String,
    pub(super) credential: Credential,
    /// Whether we speak to it over TLS.
    secure: bool,
    timeouts: Timeouts,
    /// Without any credential: for addresses that hold their own permission.
    bare: reqwest::Client,
    /// What is left of the hourly limit, of how much, as GitHub last said.
    left: Mutex<Option<(u64, u64)>>,
    cache: Mutex<Cache>,
    /// Of what changes something; while GitHub wants to be left alone nothing is read either.
    pace: Pace,
    clock: Arc<dyn Clock>,
}

impl Wire {
    pub(super) fn new(options: GithubOptions) -> Result<Self, BuildError> {
        let base = base_address("GITHUB_API_URL", &options.api_url, "https://api.github.com")?;
        let repository = options.repository.trim().to_owned();
        let named = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        let Some((owner, _)) = repository.split_once('/').filter(|(owner, name)| named(owner) && named(name)) else {
            let problem = "is not a repository";
            return Err(BuildError::Value {
                setting: "github.repository",
                text: repository,
                problem,
                example: "acme/app",
            });
        };
        let owner = owner.to_owned();
        let http = http_client(&base, options.timeouts)?;
        let around = (options.timeouts, &options.clock);
        let credential = Credential::new(options.credential, &base, &repository, &http, around)?;
        let crab = Octocrab::builder()
            .add_header(header::ACCEPT, "application/vnd.github+json".to_owned())
            .base_uri(base.origin().ascii_serialization())
            .and_then(|builder| builder.build_with_reqwest(http.clone()))
            .map_err(|error| BuildError::Client { reason: short(&error.to_string()) })?;
        Ok(Self {
            crab,
            prefix: base.path().trim_end_matches('/').to_owned(),
            owner,
            repository,
            credential,
            secure: base.scheme() == "https",
            timeouts: options.timeouts,
            bare: http,
            left: Mutex::default(),
            cache: Mutex::default(),
            pace: Pace::new(options.gate),
            clock: options.clock,
        })
    }

    /// The present by our clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `owner/name`.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// The address of a path of the repository: `/pulls`, `/git/trees`, … or nothing for the repository itself.
    fn in_repository(&self, path: &str) -> String {
        format!("{}/repos/{}{path}", self.prefix, self.repository)
    }

    /// Reads a path of the repository.
    pub(super) async fn get<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<T, Failure> {
        parse_reply(what, &self.call(Method::GET, &self.in_repository(path), None, None).await?)
    }

    /// Reads a path of the repository for a conversation: only while enough of the hourly limit is left for everything else.
    pub(super) async fn ask<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<T, Failure> {
        self.room_to_ask()?;
        self.get(what, path).await
    }

    /// Asks for a path that GitHub answers with another address, and asks there, once and without a credential.
    pub(super) async fn follow(&self, what: &str, path: &str) -> Result<reqwest::Response, Failure> {
        self.room_to_ask()?;
        let reply = self.call(Method::GET, &self.in_repository(path), None, None).await;
        let address = match reply {
            Err(Failure::Refused { status: 302, code: address, .. }) => address,
            Err(failure) => return Err(failure),
            Ok(_) => return Err(Failure::Shape { reason: format!("{what}: no address to read it from") }),
        };
        let secure = address.starts_with("https://") || (!self.secure && address.starts_with("http://"));
        if !secure {
            return Err(Failure::Shape { reason: format!("{what}: an address that is not https") });
        }
        let response = self.bare.get(address).send().await.map_err(|error| self.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let reason = format!("{status}, {what}: it is not kept any more, or not yet");
        Err(Failure::Refused { status, code: String::new(), reason, remedy: "look at it on GitHub".to_owned() })
    }

    /// What became of a call without our credential.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Failure {
        Failure::of_wire(error, self.timeouts.answer)
    }

    fn room_to_ask(&self) -> Result<(), Failure> {
        let left = *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left {
            Some((left, limit)) if left < limit / KEPT_PART => Err(Failure::Limited {
                reason: format!(
                    "{left} of {limit} calls are left this hour; they are kept for the watch and for actions"
                ),
                wait_ms: None,
            }),
            _ => Ok(()),
        }
    }

    fn note_limits(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        if let Some(left) = number("x-ratelimit-remaining").zip(number("x-ratelimit-limit")) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
    }

    /// Reads a path outside the repository, with the answer's headers.
    pub(super) async fn get_outside<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<(T, HeaderMap), Failure> {
        let reply = self.call(Method::GET, &format!("{}{path}", self.prefix), None, None).await?;
        Ok((parse_reply(what, &reply)?, reply.headers))
    }

    /// Reads a path of the repository; asks only whether it changed when it was read before.
    pub(super) async fn get_cached<T>(&self, what: &str, path: &str) -> Result<Arc<T>, Failure>
    where
        T: DeserializeOwned + Any + Send + Sync,
    {
        let address = self.in_repository(path);
        let (tag, known) = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            (cache.tag(&address), cache.answer::<T>(&address))
        };
        let tag = tag.filter(|_| known.is_some());
        let reply = self.call(Method::GET, &address, None, tag.as_deref()).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (reply.status, known) {
            return Ok(known);
        }
        let answer = Arc::new(parse_reply::<T>(what, &reply)?);
        let tag = reply.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        if let Some(tag) = tag {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.keep(&address, tag.to_owned(), Arc::clone(&answer));
        }
        Ok(answer)
    }

    /// Sends a call with an effect to a path of the repository. Once.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        path: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        parse_reply(what, &self.call(method, &self.in_repository(path), Some(body), None).await?)
    }

    /// Sends a GraphQL document. Once.
    pub(super) async fn graphql<T: DeserializeOwned>(&self, what: &str, body: &Value) -> Result<T, Failure> {
        // GitHub Enterprise has REST under /api/v3 and GraphQL beside it.
        let prefix = self.prefix.strip_suffix("/v3").filter(|prefix| prefix.ends_with("/api")).unwrap_or(&self.prefix);
        parse_reply(what, &self.call(Method::POST, &format!("{prefix}/graphql"), Some(body), None).await?)
    }

    async fn call(
        &self,
        method: Method,
        address: &str,
        body: Option<&Value>,
        tag: Option<&str>,
    ) -> Result<Reply, Failure> {
        match method {
            Method::GET => self.pace.open(self.now())?,
            _ => self.pace.wait(&*self.clock).await?,
        }
        let token = self.credential.token().await.inspect_err(|failure| self.pace.note(failure, self.now()))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Failure::NotSent { reason: "the token cannot be put into a header".to_owned() })?;
        bearer.set_sensitive(true);
        let mut builder = request::Builder::new().method(method).uri(address).header(header::AUTHORIZATION, bearer);
        if let Some(tag) = tag {
            builder = builder.header(header::IF_NONE_MATCH, tag);
        }
        let request = self
            .crab
            .build_request(builder, body)
            .map_err(|_| Failure::NotSent { reason: "the request could not be built".to_owned() })?;
        let answer = self.exchange(request).await;
        answer.map_err(|failure| {
            self.pace.note(&failure, self.now());
            if matches!(&failure, Failure::Denied { reason, .. } if reason.starts_with("401")) {
                self.credential.forget();
            }
            failure.scrubbed(token.expose_secret())
        })
    }

    async fn exchange(&self, request: http::Request<octocrab::OctoBody>) -> Result<Reply, Failure> {
        let response = self.crab.execute(request).await.map_err(|error| self.lost(&error))?;
        let (parts, mut stream) = response.into_parts();
        self.note_limits(&parts.headers);
        let settled = parts.status.is_success() || parts.status == StatusCode::NOT_MODIFIED;
        let mut body = Vec::new();
        while let Some(frame) = stream.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) if body.len() + data.len() > BODY_BYTES_MAX => return Err(too_long()),
                Ok(Ok(data)) => body.extend_from_slice(&data),
                Ok(Err(_)) => {}
                // The status of a broken answer still counts when it is bad news.
                Err(_) if !settled => break,
                Err(error) => return Err(self.lost(&error)),
            }
        }
        if settled {
            return Ok(Reply { status: parts.status, headers: parts.headers, body });
        }
        Err(classify(parts.status, &parts.headers, &body, self.now()))
    }

    fn lost(&self, error: &octocrab::Error) -> Failure {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(wire) = inner.downcast_ref::<reqwest::Error>() {
                return Failure::of_wire(wire, self.timeouts.answer);
            }
            cause = inner.source();
        }
        Failure::Lost { reason: "the call ended without an answer".to_owned() }
    }
}

fn parse_reply<T: DeserializeOwned>(what: &str, reply: &Reply) -> Result<T, Failure> {
    if is_html(&reply.headers, &reply.body) {
        return Err(Failure::Shape {
            reason: format!("{what}: a web page instead of JSON; is GITHUB_API_URL the address of GitHub's API?"),
        });
    }
    parse(what, &reply.body)
}

/// `{message, errors}`, as far as it is there.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: Option<Value>,
}

impl ErrorBody {
    fn words(self, fallback: &str) -> String {
        let message = self.message.filter(|message| !message.is_empty()).unwrap_or_else(|| fallback.to_owned());
        let details: Vec<String> = self
            .errors
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|error| {
                let text = |key: &str| error.get(key).and_then(Value::as_str);
                let named = || Some(format!("{} {}", text("field")?, text("code")?));
                error.as_str().or_else(|| text("message")).map(str::to_owned).or_else(named)
            })
            .collect();
        if details.is_empty() { short(&message) } else { short(&format!("{message}: {}", details.join(", "))) }
    }
}

/// What a status that is neither 2xx nor an expected 304 means.
fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Failure {
    let error =
        if is_html(headers, body) { ErrorBody::default() } else { serde_json::from_slice(body).unwrap_or_default() };
    let code = status.as_u16();
    if let Some(wait_ms) = limited(status, headers, &error, now) {
        return Failure::Limited { reason: format!("{code}, rate limit"), wait_ms: Some(wait_ms) };
    }
    match code {
        401 => Failure::Denied {
            reason: format!("401, {}", error.words("token not accepted")),
            remedy: "make a new token and set GITHUB_TOKEN".to_owned(),
        },
        403 => Failure::Denied { reason: format!("403, {}", error.words("not allowed")), remedy: permission(headers) },
        500..=599 => Failure::Faulty { reason: code.to_string() },
        _ => {
            let (words, remedy) = match code {
                // The one redirect that is expected; its address is for `follow` alone and in no message.
                302 => {
                    let address = headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
                    let code_of = address.unwrap_or_default().to_owned();
                    return moved(code, code_of);
                }
                300..=399 => ("the repository moved".to_owned(), "set `github.repository` to its new name".to_owned()),
                404 => (error.words("not found"), "check `github.repository` and that the token may see it".to_owned()),
                _ => (error.words("request not accepted"), "look at it on GitHub".to_owned()),
            };
            Failure::Refused { status: code, code: String::new(), reason: format!("{code}, {words}"), remedy }
        }
    }
}

fn moved(status: u16, address: String) -> Failure {
    let remedy = "set `github.repository` to its new name".to_owned();
    Failure::Refused { status, code: address, reason: format!("{status}, the repository moved"), remedy }
}

/// How long to wait, if this is a rate limit, primary or secondary.
fn limited(status: StatusCode, headers: &HeaderMap, error: &ErrorBody, now: Timestamp) -> Option<i64> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    if let Some(wait_ms) = retry_after_ms(headers, now) {
        return Some(wait_ms);
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    if number("x-ratelimit-remaining") == Some(0) {
        // Both ends of the wait are told by GitHub's clock where it tells it.
        let present = date_header(headers).unwrap_or(now);
        let wait_ms = number("x-ratelimit-reset").map(|reset| Timestamp::from_secs(reset).since(present));
        return Some(wait_ms.unwrap_or(LIMIT_WAIT_MS).clamp(1_000, HOUR_MS));
    }
    let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says_so = message.contains("rate limit") || message.contains("abuse");
    (says_so || status == StatusCode::TOO_MANY_REQUESTS).then_some(LIMIT_WAIT_MS)
}

/// GitHub names the permission a call needs.
fn permission(headers: &HeaderMap) -> String {
    let named = headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
    match named.map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) => format!("give the token the permission {}", short(named)),
        None => "check the token's permissions for this repository".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
        let map = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        classify(status, &map, body.as_bytes(), Timestamp::from_secs(1_000))
    }

    #[test]
    fn limits_of_both_kinds_say_how_long_to_wait() {
        let wait = |failure: Failure| match failure {
            Failure::Limited { wait_ms, .. } => wait_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(failure(403, &[("retry-after", "30")], "")), Some(30_000));
        let primary = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")];
        assert_eq!(wait(failure(403, &primary, "{}")), Some(90_000));
        // Far ahead (milliseconds for seconds, or nonsense), or gone by already: not until a restart, and not at once.
        for (reset, waits) in [("1790000000000", 3_600_000), ("9223372036854775807", 3_600_000), ("-5", 1_000)] {
            let primary = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
            assert_eq!(wait(failure(403, &primary, "{}")), Some(waits), "{reset}");
        }
        assert_eq!(wait(failure(429, &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], "")), Some(86_400_000));
        assert_eq!(wait(failure(429, &[], "")), Some(60_000));
        let body = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(wait(failure(403, &[], body)), Some(60_000));
    }

    #[test]
    fn a_refusal_names_what_is_missing() {
        let denied = failure(
            403,
            &[("x-accepted-github-permissions", "contents=write")],
            r#"{"message":"Resource not accessible by personal access token"}"#,
        );
        assert_eq!(
            denied,
            Failure::Denied {
                reason: "403, Resource not accessible by personal access token".into(),
                remedy: "give the token the permission contents=write".into()
            }
        );
        let invalid = failure(
            422,
            &[],
            r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:x."}]}"#,
        );
        let Failure::Refused { status: 422, reason, .. } = invalid else { panic!("{invalid:?}") };
        assert_eq!(reason, "422, Validation Failed: A pull request already exists for acme:x.");
    }

    #[test]
    fn every_status_has_its_meaning() {
        for (status, starts) in [
            (301, "Refused"),
            (401, "Denied"),
            (403, "Denied"),
            (404, "Refused"),
            (409, "Refused"),
            (500, "Faulty"),
            (502, "Faulty"),
        ] {
            let got = format!("{:?}", failure(status, &[], "<html>oops</html>"));
            assert!(got.starts_with(starts) && !got.contains("oops"), "{status}: {got}");
        }
    }
}
