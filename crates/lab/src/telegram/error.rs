//! How the Bot API says no.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// A refusal: its code and what it says. Extra parameters stand beside.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    code: u16,
    description: String,
    parameters: Map<String, Value>,
}

impl Refusal {
    /// Not a bot's address, or a method nobody knows.
    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// The token is not one.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    /// The request is wrong; `problem` is in the API's own words.
    pub(super) fn bad(problem: impl AsRef<str>) -> Self {
        Self::new(400, format!("Bad Request: {}", problem.as_ref()))
    }

    /// The person does not want to hear from the bot.
    pub(super) fn blocked() -> Self {
        Self::new(403, "Forbidden: bot was blocked by the user")
    }

    /// Two ask for updates at once.
    pub(super) fn conflict() -> Self {
        Self::new(
            409,
            "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
        )
    }

    /// Updates go to a webhook.
    pub(super) fn webhook() -> Self {
        Self::new(
            409,
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        )
    }

    /// Too fast.
    pub(super) fn too_many(seconds: u64) -> Self {
        let mut refusal = Self::new(429, format!("Too Many Requests: retry after {seconds}"));
        refusal.parameters.insert("retry_after".into(), json!(seconds));
        refusal
    }

    fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), parameters: Map::new() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = json!({"ok": false, "error_code": self.code, "description": self.description});
        let wait = self.parameters.get("retry_after").and_then(Value::as_u64);
        if !self.parameters.is_empty() {
            body["parameters"] = Value::Object(self.parameters);
        }
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
