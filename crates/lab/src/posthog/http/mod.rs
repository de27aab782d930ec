//! PostHog's HTTP surface: credentials, dispatch by path, errors and pages as PostHog writes them.

mod activity;
mod definitions;
mod flags;
mod funnels;
mod insights;
mod people;
mod query;
mod tracking;
mod trends;

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{OriginalUri, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::control::POSTHOG_PROJECT;
use crate::scenario::Service;
use crate::{Lab, World};

/// Bodies larger than this are refused.
const BODY_BYTES_MAX: usize = 20 << 20;
/// Entries of a page unless asked otherwise.
const PAGE_DEFAULT: usize = 100;
/// Entries of a page at most.
const PAGE_MAX: usize = 1_000;

/// The routes, relative to the service's base URL. Trailing slashes may be left out.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new().fallback(serve)
}

/// One request, read.
struct Call {
    method: Method,
    /// Path after the project: `["feature_flags", "12"]`.
    segments: Vec<String>,
    params: Vec<(String, String)>,
    body: Value,
    /// The request's own address without its query, for links to other pages.
    address: String,
    /// The instant the answer is about.
    at_ms: i64,
}

/// An error as PostHog writes it.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    code: String,
    detail: String,
    attr: Option<&'static str>,
}

type Answer = Result<(StatusCode, Value), Refusal>;

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, code: &str, detail: impl Into<String>) -> Refusal {
        Refusal { status, kind, code: code.to_owned(), detail: detail.into(), attr: None }
    }

    fn invalid(attr: Option<&'static str>, code: &str, detail: impl Into<String>) -> Refusal {
        Refusal { attr, ..Refusal::new(StatusCode::BAD_REQUEST, "validation_error", code, detail) }
    }

    fn not_found() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "invalid_request", "not_found", "Not found.")
    }

    fn method(method: &Method) -> Refusal {
        let detail = format!("Method \"{method}\" not allowed.");
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "method_not_allowed", detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"type": self.kind, "code": self.code, "detail": self.detail, "attr": self.attr});
        (self.status, axum::Json(body)).into_response()
    }
}

async fn serve(State(lab): State<Arc<Lab>>, original: OriginalUri, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "error", "Request body too large.")
            .into_response();
    };
    if let Err(refusal) = authorized(&parts.headers) {
        return refusal.into_response();
    }
    let answer = read(&parts.method, &parts.uri, &parts.headers, &original, body).and_then(|mut call| {
        let mut world = lab.world();
        call.at_ms = world.seen_ms(Service::Posthog);
        route(&mut world, &call)
    });
    match answer {
        Ok((status, body)) if status == StatusCode::NO_CONTENT && body.is_null() => status.into_response(),
        Ok((status, body)) => (status, axum::Json(body)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn authorized(headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse =
        |code: &str, detail: &str| Refusal::new(StatusCode::UNAUTHORIZED, "authentication_error", code, detail);
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| refuse("not_authenticated", "Authentication credentials were not provided."))?;
    let token = value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty());
    token.map(|_| ()).ok_or_else(|| {
        refuse("authentication_failed", "Personal API key found in request Authorization header is invalid.")
    })
}

fn read(method: &Method, uri: &Uri, headers: &HeaderMap, original: &OriginalUri, body: Bytes) -> Result<Call, Refusal> {
    let body = if body.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::invalid(None, "parse_error", format!("JSON parse error - {error}")))?
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    Ok(Call {
        method: method.clone(),
        segments: uri.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        params: Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default(),
        body,
        address: format!("http://{host}{}", original.path()),
        at_ms: 0,
    })
}

fn route(world: &mut World, call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let rest = match segments.as_slice() {
        ["api", "users", "@me"] => return call.get_only(people::me(world)),
        ["api", "personal_api_keys", "@current"] => return call.get_only(people::key(world, call.at_ms)),
        ["api", "projects" | "environments"] => {
            return call.get_only(page(call, vec![people::project(world)]));
        }
        ["api", "projects" | "environments", project, rest @ ..]
            if matches!(*project, POSTHOG_PROJECT | "@current") =>
        {
            rest
        }
        _ => return Err(Refusal::not_found()),
    };
    match rest {
        [] => call.get_only(people::project(world)),
        ["query", rest @ ..] => query::route(world, call, rest),
        ["feature_flags", rest @ ..] => flags::route(world, call, rest),
        ["experiments"] => call.get_only(activity::experiments(world, call)),
        ["advanced_activity_logs"] => call.get_only(activity::advanced(world, call)),
        ["activity_log"] => call.get_only(activity::log(world, call)),
        ["error_tracking", "issues" | "issue", rest @ ..] => tracking::route(world, call, rest),
        ["annotations", rest @ ..] => people::annotations(world, call, rest),
        ["event_definitions"] => call.get_only(definitions::events(world, call)),
        ["property_definitions"] => call.get_only(definitions::properties(world, call)),
        ["insights", rest @ ..] => insights::route(world, call, rest),
        _ => Err(Refusal::not_found()),
    }
}

impl Call {
    fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of a parameter, repeated (`a=1&a=2`, `a[]=1`) or in one (`a=1,2`).
    fn all(&self, names: &[&str]) -> Vec<&str> {
        let mine = self.params.iter().filter(|(key, _)| names.contains(&key.trim_end_matches("[]")));
        mine.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.param(name)?.parse().ok()
    }

    fn get_only(&self, body: Value) -> Answer {
        if self.method == Method::GET { Ok((StatusCode::OK, body)) } else { Err(Refusal::method(&self.method)) }
    }
}

/// One page of a list, by `limit` and `offset` or `page` and `page_size`.
fn page(call: &Call, entries: Vec<Value>) -> Value {
    let (size_name, by_page) =
        if call.param("page_size").or(call.param("page")).is_some() { ("page_size", true) } else { ("limit", false) };
    let size = call.number(size_name).unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let offset =
        if by_page { (call.number("page").unwrap_or(1).max(1) - 1) * size } else { call.number("offset").unwrap_or(0) };
    let count = entries.len();
    let link = |offset: usize| {
        let kept =
            call.params.iter().filter(|(key, _)| !matches!(key.as_str(), "limit" | "offset" | "page" | "page_size"));
        let mut query: Vec<String> = kept.map(|(key, value)| format!("{}={}", escaped(key), escaped(value))).collect();
        query.extend(if by_page {
            [format!("page={}", offset / size + 1), format!("page_size={size}")]
        } else {
            [format!("limit={size}"), format!("offset={offset}")]
        });
        format!("{}?{}", call.address, query.join("&"))
    };
    json!({
        "count": count,
        "next": (offset + size < count).then(|| link(offset + size)),
        "previous": (offset > 0).then(|| link(offset.saturating_sub(size))),
        "results": entries.into_iter().skip(offset).take(size).collect::<Vec<_>>(),
    })
}

/// Percent-encodes all but unreserved characters.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
