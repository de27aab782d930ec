//! How one try can fail, and what status and body say about it.

use reqwest::header::HeaderMap;
use serde_json::Value;
use wakeman_gateway::ports::{Bill, ModelError};
use wakeman_types::Timestamp;

use crate::http::{is_html, retry_after_ms, short};

/// How one try failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// A key is not accepted: ours by the proxy, or the proxy's by the model behind this alias.
    Denied { reason: String, ours: bool },
    /// It asks us to wait.
    Limited { reason: String, wait_ms: Option<i64> },
    /// It does not answer, or fails on its own.
    Unavailable { reason: String },
    /// The conversation is longer than the model reads.
    TooLong { reason: String },
    /// It does not accept the request.
    Rejected { reason: String },
    /// Neither words nor calls.
    Empty { bill: Bill },
    /// The answer broke off after `text`.
    Cut { text: String, reason: String, bill: Bill },
}

impl Trouble {
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    /// Whether the same request may work a moment later.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::Limited { .. } | Self::Unavailable { .. } | Self::Empty { .. } | Self::Cut { .. })
    }

    /// Whether another model may manage what this one did not.
    pub(super) const fn may_work_elsewhere(&self) -> bool {
        self.may_pass() || matches!(self, Self::Rejected { .. } | Self::Denied { ours: false, .. })
    }

    /// What a try that failed so is billed; `None`: nothing came.
    pub(super) const fn bill(&self) -> Option<Bill> {
        match self {
            Self::Empty { bill } | Self::Cut { bill, .. } => Some(*bill),
            _ => None,
        }
    }

    /// What happened, in words.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Denied { reason, .. }
            | Self::Limited { reason, .. }
            | Self::Unavailable { reason }
            | Self::TooLong { reason }
            | Self::Rejected { reason }
            | Self::Cut { reason, .. } => reason,
            Self::Empty { .. } => "nothing in it",
        }
    }

    pub(super) fn into_error(self, now: Timestamp) -> ModelError {
        match self {
            Self::Denied { reason, .. } => ModelError::Denied { reason },
            Self::Limited { reason, wait_ms } => {
                ModelError::Limited { reason, until: wait_ms.map(|wait| now.plus_ms(wait)) }
            }
            Self::Unavailable { reason } => ModelError::Unavailable { reason },
            Self::TooLong { reason } => ModelError::TooLong { reason },
            Self::Rejected { reason } => ModelError::Rejected { reason },
            Self::Empty { .. } => ModelError::Empty,
            Self::Cut { text, reason, .. } => ModelError::Cut { text, reason },
        }
    }
}

/// What a refusal of a request for `alias` says: status, body, headers.
pub(super) fn of_answer(status: u16, headers: &HeaderMap, body: &[u8], alias: &str, now: Timestamp) -> Trouble {
    if (300..400).contains(&status) {
        return Trouble::unavailable(format!(
            "{status}: LITELLM_URL redirects, and the key must not follow; set LITELLM_URL to the final address"
        ));
    }
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    if is_html(headers, body) {
        // What refuses a key says so in JSON; a page comes from something in front of the proxy.
        let firewall = "403, a web page; does a firewall stand before LITELLM_URL?";
        return match status {
            403 => Trouble::unavailable(firewall),
            _ => of_words(status, "", "a web page", alias, waiting_ms(headers, now)),
        };
    }
    of_words(status, kind(&value), &words(&value, body), alias, waiting_ms(headers, now))
}

/// What an error inside a stream says; its status is its code.
pub(super) fn of_event(error: &Value) -> Trouble {
    let code = match &error["code"] {
        Value::String(text) => text.parse().unwrap_or(500),
        other => other.as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500),
    };
    let value = serde_json::json!({ "error": error });
    of_words(code, kind(&value), &words(&value, b""), "", None)
}

fn of_words(status: u16, kind: &str, words: &str, alias: &str, wait_ms: Option<i64>) -> Trouble {
    let reason = if words.is_empty() { status.to_string() } else { format!("{status}, {words}") };
    // LiteLLM looks an unknown key up in its database; without one that is its answer.
    let unknown_key = matches!(kind, "no_db_connection" | "token_not_found_in_db" | "auth_error");
    match status {
        400.. if unknown_key => Trouble::Denied { reason, ours: true },
        // The key is good, and not for this model: another alias may be in its list. LiteLLM says whose list it is in front:
        // `key_model_access_denied`, `team_…`, `user_…`.
        401 | 403 if kind.ends_with("model_access_denied") => {
            let alias = if alias.is_empty() { "this alias" } else { alias };
            Trouble::Rejected { reason: format!("{status}, the key may not use {alias}") }
        }
        401 | 403 => Trouble::Denied { reason, ours: kind != "authentication_error" },
        408 => Trouble::Unavailable { reason },
        429 => Trouble::Limited { reason, wait_ms },
        503 if wait_ms.is_some() => Trouble::Limited { reason, wait_ms },
        400 | 413 | 422 if too_long(words) || status == 413 => Trouble::TooLong { reason },
        404 | 405 if kind.is_empty() => Trouble::Rejected { reason: format!("{reason}; is LITELLM_URL right?") },
        400..=499 => Trouble::Rejected { reason },
        _ => Trouble::Unavailable { reason },
    }
}

fn too_long(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    [
        "contextwindowexceeded",
        "maximum context length",
        "context_length_exceeded",
        "context length",
        "prompt is too long",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

fn kind(value: &Value) -> &str {
    value["error"]["type"].as_str().unwrap_or_default()
}

/// The host's own words, without what LiteLLM's router adds and without anything that looks like a key.
fn words(value: &Value, body: &[u8]) -> String {
    let told = [&value["error"]["message"], &value["error"], &value["detail"], &value["message"]];
    let told = told.into_iter().find_map(Value::as_str);
    let plain = || {
        if value.is_null() { String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned() } else { String::new() }
    };
    let told = told.map_or_else(plain, str::to_owned);
    // Behind the first line stand the router's settings.
    let own = told.trim_start().lines().next().unwrap_or_default();
    // `litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached`: people need the last part.
    let own = own.split_once("Exception - ").map_or(own, |(_, rest)| rest);
    without_keys(&short(own))
}

/// Hosts quote the key they refuse.
fn without_keys(text: &str) -> String {
    let hidden = |word: &str| {
        let key = word.find("sk-").filter(|at| word.len() - at > 6);
        key.map_or_else(|| word.to_owned(), |at| format!("{}[credential]", &word[..at]))
    };
    text.split(' ').map(hidden).collect::<Vec<_>>().join(" ")
}

/// How long it asks us to wait. LiteLLM passes its upstream's wait on under a name of its own; the longer one counts.
fn waiting_ms(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let mut upstream = HeaderMap::new();
    if let Some(value) = headers.get("llm_provider-retry-after") {
        upstream.insert(reqwest::header::RETRY_AFTER, value.clone());
    }
    retry_after_ms(headers, now).max(retry_after_ms(&upstream, now))
}
