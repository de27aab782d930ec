//! How each service answers while it is down or throttling.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::model;
use crate::scenario::{OutageMode, Service};

/// The answer of a service in an outage of 429s or 5xxs; `number` counts them.
pub(super) fn answer(service: Service, mode: OutageMode, seconds_left: i64, number: u64) -> Response {
    if service == Service::Model {
        return match mode {
            OutageMode::TooManyRequests => model::outage_throttled(seconds_left.clamp(1, 3_600)),
            _ => model::outage_broken(),
        };
    }
    if mode == OutageMode::TooManyRequests {
        throttled(service, seconds_left.clamp(1, 3_600))
    } else {
        broken(service, number)
    }
}

fn throttled(service: Service, seconds: i64) -> Response {
    let body = match service {
        Service::Github => json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
            "status": "429",
        }),
        Service::Vercel => json!({"error": {
            "code": "rate_limited", "message": "Rate limited. Too many requests.",
            "limit": {"remaining": 0, "total": 500, "resetMs": seconds * 1_000},
        }}),
        Service::Discord => return crate::discord::outage(seconds),
        Service::Telegram => json!({
            "ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {seconds}"),
            "parameters": {"retry_after": seconds},
        }),
        _ => json!({
            "type": "throttled_error", "code": "throttled", "attr": null,
            "detail": format!("Request was throttled. Expected available in {seconds} seconds."),
        }),
    };
    let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Every other answer is a proxy's page instead of the service's own error.
fn broken(service: Service, number: u64) -> Response {
    if number.is_multiple_of(2) {
        let page = "<!DOCTYPE html>\n<html>\n<head><title>503 Service Temporarily Unavailable</title></head>\n<body>\n<h1>503 Service Temporarily Unavailable</h1>\n</body>\n</html>\n";
        return (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response();
    }
    let body = match service {
        Service::Github => json!({"message": "Server Error"}),
        Service::Discord => json!({"message": "500: Internal Server Error", "code": 0}),
        Service::Vercel => {
            json!({"error": {"code": "internal_server_error", "message": "An unexpected internal error occurred"}})
        }
        Service::Telegram => json!({"ok": false, "error_code": 500, "description": "Internal Server Error"}),
        _ => json!({"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": null}),
    };
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}
