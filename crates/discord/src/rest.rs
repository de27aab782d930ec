//! Requests to Discord: one try each, and what came of it in words that decide what is done next.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::body::Picture;
use crate::pace::Allowance;
use crate::{DISCORD_URL, DiscordError, DiscordOptions};

/// One request with its answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Who asks, in the form that Discord wants it.
const AGENT: &str = concat!("DiscordBot (https://github.com/wakeman/wakeman, ", env!("CARGO_PKG_VERSION"), ")");
/// If a 429 says nothing.
const WAIT: Duration = Duration::from_secs(1);
/// "Unknown Message": what was to be edited is gone.
const UNKNOWN_MESSAGE: u64 = 10_008;

/// What came of a request that did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    #[error("Discord refuses the token; put a valid one into DISCORD_BOT_TOKEN")]
    Token,
    #[error("Discord asks to wait {} s", .0.as_millis().div_ceil(1_000))]
    Throttled(Duration),
    /// It will never work.
    #[error("Discord refuses it: {message} ({status}, code {code})")]
    Refused { status: u16, code: u64, message: String },
    /// It may have worked.
    #[error("Discord answers with error {0}")]
    Server(u16),
    /// It may have worked.
    #[error("no answer from Discord")]
    Silent(#[source] reqwest::Error),
    /// It was never asked for.
    #[error("this message's time ran out before Discord could be asked; it is tried again")]
    Late,
    /// It was never asked for.
    #[error("Discord cannot be reached")]
    Unreached(#[source] reqwest::Error),
}

impl RestError {
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::Throttled(wait) = self { Some(*wait) } else { None }
    }

    /// Whether Discord, or the way to it, is not well.
    pub(crate) fn is_ill(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Silent(_) | Self::Unreached(_))
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { code: UNKNOWN_MESSAGE, .. })
    }
}

/// Asks Discord.
pub(crate) struct Rest {
    http: Client,
    socket: Client,
    base: String,
    token: SecretString,
    pub(crate) allowance: Allowance,
}

/// What is asked.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) picture: Option<&'a Picture>,
    /// The channel whose allowance it spends.
    pub(crate) channel: Option<u64>,
}

impl Ask<'_> {
    pub(crate) fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, picture: None, channel: None }
    }
}

impl Rest {
    pub(crate) fn new(options: &DiscordOptions) -> Result<Self, DiscordError> {
        let given = options.api_url.as_deref().unwrap_or(DISCORD_URL);
        let base = given.trim_end_matches('/').trim_end_matches("/api/v10").trim_end_matches("/api");
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(DiscordError::Address(given.to_owned()));
        }
        // Redirects are not followed: the token goes nowhere else. HTTP/1.1, for the socket begins as a request.
        let client = || {
            let builder = Client::builder().redirect(redirect::Policy::none()).http1_only().tcp_nodelay(true);
            builder.user_agent(AGENT).connect_timeout(CONNECT_TIMEOUT)
        };
        Ok(Self {
            http: client().timeout(TIMEOUT).build().map_err(DiscordError::Client)?,
            socket: client().build().map_err(DiscordError::Client)?,
            base: format!("{base}/api/v10"),
            token: options.token.clone(),
            allowance: Allowance::new(options.pace.every),
        })
    }

    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Where it asks.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// For connections that last.
    pub(crate) fn socket(&self) -> &Client {
        &self.socket
    }

    /// One request; its answer, `null` if it has no body.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Value, RestError> {
        let mut request = self.http.request(ask.method, format!("{}{}", self.base, ask.path));
        // What interactions are answered with has a token of its own in its path.
        if !ask.path.starts_with("/interactions/") && !ask.path.starts_with("/webhooks/") {
            request = request.header(AUTHORIZATION, format!("Bot {}", self.token.expose_secret()));
        }
        request = match (&ask.body, ask.picture) {
            (Some(body), Some(picture)) => {
                let boundary = crate::body::nonce(&[&picture.alt, &body.to_string()]);
                let kind = format!("multipart/form-data; boundary=wakeman{boundary}");
                request.header(CONTENT_TYPE, kind).body(parts(&format!("wakeman{boundary}"), body, picture))
            }
            (Some(body), None) => request.json(body),
            (None, _) => request,
        };
        let sent = request.send().await.map_err(|error| {
            let error = error.without_url();
            if error.is_connect() { RestError::Unreached(error) } else { RestError::Silent(error) }
        })?;
        if let Some(channel) = ask.channel {
            self.note(channel, sent.headers());
        }
        self.judge(sent, ask.channel).await
    }

    fn note(&self, channel: u64, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<f64>().ok().filter(|n| *n >= 0.0);
        if let (Some(left), Some(reset)) = (number("x-ratelimit-remaining"), number("x-ratelimit-reset-after")) {
            self.allowance.told(channel, left as u32, seconds(reset));
        }
    }

    async fn judge(&self, response: Response, channel: Option<u64>) -> Result<Value, RestError> {
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await;
        let body: Option<Value> = text.as_ref().ok().and_then(|text| serde_json::from_str(text).ok());
        match status {
            // The answer was cut: what was asked for happened.
            200..=299 => text.map(|_| body.unwrap_or_default()).map_err(|error| RestError::Silent(error.without_url())),
            401 => Err(RestError::Token),
            429 => {
                let body = body.unwrap_or_default();
                let wait = body["retry_after"].as_f64().or(header).map_or(WAIT, seconds);
                // What is no answer of Discord's own comes from before it, and holds for everything.
                let everywhere = body["global"] == true || !body.is_object();
                if everywhere || channel.is_some() {
                    self.allowance.throttled(channel.filter(|_| !everywhere), wait);
                }
                Err(RestError::Throttled(wait))
            }
            300..=499 => {
                let body = body.unwrap_or_default();
                let message: String = body["message"].as_str().unwrap_or("no reason given").chars().take(200).collect();
                Err(RestError::Refused { status, code: body["code"].as_u64().unwrap_or(0), message })
            }
            _ => Err(RestError::Server(status)),
        }
    }

    pub(crate) async fn me(&self) -> Result<u64, RestError> {
        let me = self.ask(Ask::new(Method::GET, "/users/@me", None)).await?;
        id_of(&me)
    }

    /// The address of the socket.
    pub(crate) async fn gateway(&self) -> Result<String, RestError> {
        let answer = self.ask(Ask::new(Method::GET, "/gateway", None)).await?;
        answer["url"].as_str().map(str::to_owned).ok_or_else(unreadable)
    }

    /// The direct messages with a person; opened if there are none yet.
    pub(crate) async fn direct(&self, user: u64) -> Result<u64, RestError> {
        let body = json!({"recipient_id": user.to_string()});
        id_of(&self.ask(Ask::new(Method::POST, "/users/@me/channels", Some(body))).await?)
    }
}

fn unreadable() -> RestError {
    RestError::Refused { status: 200, code: 0, message: "the answer is not one of Discord's".to_owned() }
}

/// The id of what Discord answered with.
pub(crate) fn id_of(value: &Value) -> Result<u64, RestError> {
    value["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(unreadable)
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number.clamp(0.0, 3_600.0)).unwrap_or(WAIT)
}

/// A message with its picture, as RFC 7578 wants it.
fn parts(boundary: &str, body: &Value, picture: &Picture) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{body}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), &picture.png, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}
