//! LiteLLM's refusals, as they were recorded from version 1.106.2.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A refusal that can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// 400: the conversation is longer than the model reads.
    TooLong,
    /// 400: a parameter it does not take.
    BadRequest,
    /// 400: a key it does not know, and no database to look it up in.
    BadKey,
    /// 401: no key.
    NoKey,
    /// 401: the key of the proxy's own upstream is not accepted.
    Unauthorized,
    /// 408: the upstream took too long.
    Timeout,
    /// 429: the upstream's rate limit; the wait is only in `llm_provider-retry-after`.
    RateLimited,
    /// 500: the upstream failed.
    ServerError,
    /// 500: nobody answers upstream.
    Refused,
    /// 502: the page of a web server in front of the proxy.
    BadGateway,
}

/// A body in the recorded shape.
pub(super) fn body(status: u16, kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": status.to_string()}})
}

fn respond(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// What the router of the proxy adds to an upstream's words.
fn of_group(words: &str, model: &str) -> String {
    format!(
        "{words}\n\nLiteLLM: model group '{model}' failed with the error above and no fallback model group was found for it, so the \
         request was not retried on another model."
    )
}

/// The refusal of a request for `model`.
pub(super) fn refusal(kind: Kind, model: &str, retry_after: Option<u32>) -> Response {
    let group = |words: &str| of_group(words, model);
    let mut response = match kind {
        Kind::TooLong => {
            let words = "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - \
                         This model's maximum context length is 8192 tokens.";
            respond(400, body(400, "invalid_request_error", &group(words)))
        }
        Kind::BadRequest => {
            let words = "litellm.BadRequestError: OpenAIException - Unrecognized request argument supplied";
            respond(400, body(400, "invalid_request_error", &group(words)))
        }
        Kind::BadKey => respond(400, body(400, "no_db_connection", "No connected db.")),
        Kind::NoKey => {
            let message = "Authentication Error, No api key passed in.";
            respond(401, json!({"error": {"message": message, "type": "auth_error", "param": "None", "code": "401"}}))
        }
        Kind::Unauthorized => {
            let words =
                "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided";
            respond(401, body(401, "authentication_error", &group(words)))
        }
        Kind::Timeout => {
            let words = "litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out. - timeout value=2.0, \
                         time taken=2.01 seconds";
            respond(408, body(408, "invalid_request_error", &group(words)))
        }
        Kind::RateLimited => {
            let words = "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for requests";
            respond(429, body(429, "throttling_error", &group(words)))
        }
        Kind::ServerError => {
            let words = "litellm.InternalServerError: InternalServerError: OpenAIException - The server had an error while \
                         processing your request";
            respond(500, body(500, "internal_server_error", &group(words)))
        }
        Kind::Refused => {
            let words = "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.";
            respond(500, body(500, "internal_server_error", &group(words)))
        }
        Kind::BadGateway => crate::gate::bad_gateway(),
    };
    if let Some(seconds) = retry_after {
        // The proxy passes its upstream's own header on under another name.
        response.headers_mut().insert("llm_provider-retry-after", HeaderValue::from(seconds));
    }
    response
}

/// A name that is not served, asked for at `route`.
pub(super) fn unknown_model(route: &str, model: &str) -> Response {
    let message = format!(
        "{route}: Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key."
    );
    let mut answer = body(400, "invalid_request_error", &message);
    answer["error"]["provider_specific_fields"] = json!({"error": message});
    respond(400, answer)
}

/// A required field that is not there.
pub(super) fn missing(route: &str, field: &str) -> Response {
    let message = format!("{route}: Missing required parameter: '{field}'.");
    let error = json!({"message": message, "type": "invalid_request_error", "param": field, "code": "400"});
    respond(400, json!({"error": error}))
}

/// A body that is no JSON.
pub(super) fn not_json(problem: &str) -> Response {
    let message = format!("Invalid JSON payload: {problem}");
    let error = json!({"message": message, "type": "invalid_request_error", "param": "request_body", "code": "400"});
    respond(400, json!({"error": error}))
}

/// What a stream says when its upstream breaks off.
pub(super) fn mid_stream() -> Value {
    let message = "litellm.APIConnectionError: APIConnectionError: OpenAIException - Response payload is not completed: \
                   <TransferEncodingError: 400, message='Not enough data to satisfy transfer length header.'>";
    json!({"error": {"message": message, "type": null, "param": null, "code": "500"}})
}

/// The answer during an outage of rate limits.
pub(crate) fn outage_throttled(seconds: i64) -> Response {
    refusal(Kind::RateLimited, "chat", u32::try_from(seconds).ok())
}

/// The answer during an outage of server errors.
pub(crate) fn outage_broken() -> Response {
    refusal(Kind::ServerError, "chat", None)
}
