//! Calls of the Bot API. What a call that failed may have done is told apart exactly: sends are not repeated on a guess.

use std::time::Duration;

use reqwest::{Client, StatusCode, header, redirect, retry};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use teloxide_core::requests::Payload;

use crate::{API_URL, TelegramError, TelegramOptions};

/// To open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A call that is not held by Telegram.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// It was never sent.
    #[error("Telegram cannot be reached: {0}")]
    Unreachable(String),
    /// It was sent, and nobody knows whether it took effect.
    #[error("Telegram did not answer: {0}")]
    Doubt(String),
    /// Too fast; nothing was done.
    #[error("Telegram asks to wait {} s", .ms.saturating_add(999) / 1_000)]
    Wait {
        /// How long.
        ms: i64,
    },
    /// The group has another id now; nothing was done.
    #[error("the group is now {0}")]
    Moved(i64),
    /// Refused; nothing was done.
    #[error("Telegram refuses: {description} ({code})")]
    Refused {
        /// HTTP's status.
        code: u16,
        /// In Telegram's words.
        description: String,
    },
}

impl CallError {
    /// Whether another program polls for the same bot.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// Whether Telegram, or the way to it, is not well.
    pub(crate) fn is_ill(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Doubt(_))
    }

    /// Whether the token is wrong.
    pub(crate) fn is_token(&self) -> bool {
        matches!(self, Self::Refused { code: 401 | 404, .. })
    }

    /// Whether it is how parts of a text are shown that Telegram does not take.
    pub(crate) fn is_entities(&self) -> bool {
        let says = |description: &str| description.to_lowercase().contains("entit");
        matches!(self, Self::Refused { code: 400, description } if says(description))
    }

    /// Whether Telegram refuses with words that contain `text`.
    pub(crate) fn says(&self, text: &str) -> bool {
        matches!(self, Self::Refused { description, .. } if description.contains(text))
    }
}

/// What every answer looks like.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<i64>,
    migrate_to_chat_id: Option<i64>,
}

/// One call, ready to be made more than once.
pub(crate) enum Call {
    /// A method with JSON.
    Json(&'static str, Value),
    /// A method with its fields, and the PNG that they call `attach://chart`.
    Picture(&'static str, Value, Vec<u8>),
}

impl Call {
    /// A method of teloxide's.
    pub(crate) fn of<P: Payload + Serialize>(payload: &P) -> Self {
        Self::Json(P::NAME, serde_json::to_value(payload).expect("invariant: a payload is JSON"))
    }

    /// The same without entities, where it has some: a text that is not set off is better than none.
    pub(crate) fn bare(&self) -> Option<Self> {
        let Self::Json(method, body) = self else { return None };
        let mut body = body.clone();
        let fields = body.as_object_mut()?;
        let mut had = false;
        for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
            let given = fields.remove(entities);
            had |= given.is_some_and(|given| given.as_array().is_some_and(|given| !given.is_empty()));
            if let Some(Value::String(text)) = fields.get_mut(text) {
                *text = wakeman_present::telegram::bare(text);
            }
        }
        had.then_some(Self::Json(method, body))
    }
}

/// One bot at one address.
pub(crate) struct Api {
    http: Client,
    /// Holds the token: never shown.
    base: String,
}

impl Api {
    /// Builds the client. Sends nothing.
    pub(crate) fn new(options: &TelegramOptions) -> Result<Self, TelegramError> {
        let given = options.api_url.as_deref().unwrap_or(API_URL).trim().trim_end_matches('/');
        let url =
            reqwest::Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| TelegramError::Address(given.to_owned()))?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // `main` installs one first. Losing this race to another thread is fine: then there is one.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let mut builder = Client::builder()
            .user_agent(concat!("wakeman/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true);
        if url.scheme() == "http" {
            // A plain address needs no certificates.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| TelegramError::Client(error.without_url().to_string()))?;
        Ok(Self { http, base: format!("{given}/bot{}", options.token.expose_secret()) })
    }

    /// Calls a method with JSON.
    pub(crate) async fn call<P>(&self, payload: &P) -> Result<P::Output, CallError>
    where
        P: Payload + Serialize,
        P::Output: DeserializeOwned,
    {
        let result = self.raw(payload, Duration::ZERO).await?;
        // It was done: that we cannot read what Telegram says of it is no reason to do it again.
        serde_json::from_value(result).map_err(|error| CallError::Doubt(format!("its answer cannot be read: {error}")))
    }

    /// Calls a method that Telegram may hold for `held`, and answers what it says as it is.
    pub(crate) async fn raw<P: Payload + Serialize>(&self, payload: &P, held: Duration) -> Result<Value, CallError> {
        let body = serde_json::to_vec(payload).map_err(|error| unsent(&error))?;
        self.post(P::NAME, "application/json", body, held).await
    }

    /// The same with the fields as they are.
    pub(crate) async fn held(&self, method: &str, fields: &Value, held: Duration) -> Result<Value, CallError> {
        self.post(method, "application/json", fields.to_string().into_bytes(), held).await
    }

    /// Makes a call and answers what Telegram says.
    pub(crate) async fn make(&self, call: &Call) -> Result<Value, CallError> {
        match call {
            Call::Json(method, body) => {
                self.post(method, "application/json", body.to_string().into_bytes(), Duration::ZERO).await
            }
            Call::Picture(method, fields, png) => {
                let (kind, body) = parts(fields, png);
                self.post(method, &kind, body, Duration::ZERO).await
            }
        }
    }

    async fn post(&self, method: &str, kind: &str, body: Vec<u8>, held: Duration) -> Result<Value, CallError> {
        let request = self.http.post(format!("{}/{method}", self.base)).header(header::CONTENT_TYPE, kind);
        let sent = request.timeout(CALL_TIMEOUT + held).body(body).send().await;
        let response = sent.map_err(|error| {
            let before = error.is_connect() || error.is_builder();
            let told = cause(&error.without_url());
            if before { CallError::Unreachable(told) } else { CallError::Doubt(told) }
        })?;
        let status = response.status();
        let text = response.text().await.map_err(|error| CallError::Doubt(cause(&error.without_url())))?;
        read(status, &text)
    }
}

fn unsent(error: &serde_json::Error) -> CallError {
    CallError::Refused { code: 400, description: error.to_string() }
}

/// Fields and one picture as a body in parts (RFC 7578), with its type.
fn parts(fields: &Value, png: &[u8]) -> (String, Vec<u8>) {
    // In a PNG by a chance of one in 2^128 for each of its bytes.
    const BOUNDARY: &str = "wakeman-5b1f0c7e2d9a4c36";
    let mut body = Vec::with_capacity(png.len() + 4096);
    for (name, value) in fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"chart\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(png);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// The innermost reason; without an address, for that holds the token.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn read(status: StatusCode, text: &str) -> Result<Value, CallError> {
    let code = status.as_u16();
    let envelope: Option<Envelope> = serde_json::from_str(text).ok();
    match envelope {
        Some(envelope) if envelope.ok => Ok(envelope.result),
        // A gateway between may have passed it on before it gave up.
        _ if status.is_server_error() => Err(CallError::Doubt(format!("it answered {code}"))),
        Some(Envelope { parameters: Parameters { retry_after: Some(seconds), .. }, .. }) => {
            Err(CallError::Wait { ms: seconds.clamp(1, 86_400) * 1_000 })
        }
        Some(Envelope { parameters: Parameters { migrate_to_chat_id: Some(id), .. }, .. }) => Err(CallError::Moved(id)),
        Some(envelope) => {
            Err(CallError::Refused { code: envelope.error_code.unwrap_or(code), description: envelope.description })
        }
        None if code == 429 => Err(CallError::Wait { ms: 5_000 }),
        None => Err(CallError::Doubt(format!("{code} and no answer of the Bot API"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_entities_says_the_same_and_nothing_in_it_acts() {
        let body =
            serde_json::json!({"text": "see a.example", "entities": [{"type": "pre", "offset": 0, "length": 13}]});
        let Some(Call::Json("SendMessage", bare)) = Call::Json("SendMessage", body).bare() else { panic!() };
        assert_eq!(bare, serde_json::json!({"text": "see a.\u{2060}example"}));
        let plain = serde_json::json!({"text": "x", "entities": []});
        assert!(Call::Json("SendMessage", plain).bare().is_none(), "nothing would change");
    }

    #[test]
    fn every_answer_comes_to_what_it_means() {
        let refused = |code, description: &str| CallError::Refused { code, description: description.to_owned() };
        for (status, text, want) in [
            (200, r#"{"ok":true,"result":{"message_id":7}}"#, Ok(serde_json::json!({"message_id": 7}))),
            (
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#,
                Err(CallError::Wait { ms: 3_000 }),
            ),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#,
                Err(CallError::Moved(-1001)),
            ),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: x"}"#,
                Err(refused(400, "Bad Request: message is not modified: x")),
            ),
            (401, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#, Err(refused(401, "Unauthorized"))),
            (502, "<html>502 Bad Gateway</html>", Err(CallError::Doubt("it answered 502".into()))),
            (
                500,
                r#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#,
                Err(CallError::Doubt("it answered 500".into())),
            ),
            (429, "slow down", Err(CallError::Wait { ms: 5_000 })),
            (200, "<html>a portal</html>", Err(CallError::Doubt("200 and no answer of the Bot API".into()))),
        ] {
            assert_eq!(read(StatusCode::from_u16(status).unwrap(), text), want, "{status} {text}");
        }
    }
}
