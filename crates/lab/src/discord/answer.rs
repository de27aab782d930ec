//! Discord's refusals, in its own form.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why Discord says no.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    Unauthorized,
    NoRoute,
    Method,
    UnknownChannel,
    UnknownMessage,
    UnknownUser,
    UnknownInteraction,
    UnknownWebhook,
    Acknowledged,
    BadWebhookToken,
    MissingAccess,
    NotReachable,
    NotTheAuthor,
    Empty,
    /// The body is not JSON.
    Unreadable,
    /// Something in the body is wrong: where, code and words.
    Form(&'static str, &'static str, String),
    /// Too many requests: seconds to wait, whether for all routes.
    Throttled(f64, bool),
}

impl Refusal {
    fn parts(&self) -> (u16, u64, &'static str) {
        match self {
            Self::Unauthorized => (401, 0, "401: Unauthorized"),
            Self::NoRoute => (404, 0, "404: Not Found"),
            Self::Method => (405, 0, "405: Method Not Allowed"),
            Self::UnknownChannel => (404, 10_003, "Unknown Channel"),
            Self::UnknownMessage => (404, 10_008, "Unknown Message"),
            Self::UnknownUser => (404, 10_013, "Unknown User"),
            Self::UnknownWebhook => (404, 10_015, "Unknown Webhook"),
            Self::UnknownInteraction => (404, 10_062, "Unknown interaction"),
            Self::Acknowledged => (400, 40_060, "Interaction has already been acknowledged."),
            Self::BadWebhookToken => (401, 50_027, "Invalid Webhook Token"),
            Self::MissingAccess => (403, 50_001, "Missing Access"),
            Self::NotReachable => (403, 50_007, "Cannot send messages to this user"),
            Self::NotTheAuthor => (403, 50_005, "Cannot edit a message authored by another user"),
            Self::Empty => (400, 50_006, "Cannot send an empty message"),
            Self::Unreadable => (400, 50_109, "The request body contains invalid JSON."),
            Self::Form(..) => (400, 50_035, "Invalid Form Body"),
            Self::Throttled(_, true) => (429, 0, "You are being rate limited."),
            Self::Throttled(_, false) => (429, 0, "You are being rate limited."),
        }
    }

    fn body(&self) -> Value {
        let (_, code, message) = self.parts();
        match self {
            Self::Throttled(seconds, global) => json!({"message": message, "retry_after": seconds, "global": global}),
            Self::Form(place, code_word, words) => {
                let mut errors = json!({"_errors": [{"code": code_word, "message": words}]});
                for part in place.rsplit('.').filter(|part| !part.is_empty()) {
                    errors = json!({ part: errors });
                }
                json!({"message": message, "code": code, "errors": errors})
            }
            _ => json!({"message": message, "code": code}),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.parts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        if let Self::Throttled(seconds, global) = self {
            throttle_headers(&mut response, seconds, global);
        }
        response
    }
}

fn throttle_headers(response: &mut Response, seconds: f64, global: bool) {
    let headers = response.headers_mut();
    // The header is in whole seconds, rounded up; the body has the exact time.
    headers.insert("retry-after", HeaderValue::from(seconds.ceil() as u64));
    headers.insert("x-ratelimit-scope", HeaderValue::from_static(if global { "global" } else { "user" }));
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
    }
    headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.3}")) {
        headers.insert("x-ratelimit-reset-after", value);
    }
}

/// What the service answers with while a scenario's outage of 429s lasts.
pub(crate) fn outage(seconds: i64) -> Response {
    Refusal::Throttled(seconds as f64, true).into_response()
}
