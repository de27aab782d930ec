//! Answers and refusals in GitHub's words.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{set, status};

const DOCS: &str = "https://docs.github.com/rest";

/// What a handler comes to.
pub(in super::super) type Answer = Result<Reply, Refusal>;

/// An answer before it meets HTTP.
#[derive(Debug, Clone)]
pub(in super::super) struct Reply {
    code: u16,
    content_type: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(in super::super) fn json(value: Value) -> Self {
        let body = value.to_string().into_bytes();
        Self { code: 200, content_type: "application/json; charset=utf-8", body, headers: Vec::new() }
    }

    pub(in super::super) fn created(value: Value) -> Self {
        Self { code: 201, ..Self::json(value) }
    }

    pub(in super::super) fn text(text: String) -> Self {
        let body = text.into_bytes();
        Self { code: 200, content_type: "text/plain; charset=utf-8", body, headers: Vec::new() }
    }

    pub(in super::super) fn empty(code: u16) -> Self {
        Self { code, content_type: "", body: Vec::new(), headers: Vec::new() }
    }

    pub(in super::super) fn found(location: &str) -> Self {
        Self::empty(302).with_header("location", location)
    }

    pub(in super::super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Tags a successful answer by its bytes; turns it into 304 when the caller holds the same.
    pub(super) fn tag_and_compare(&mut self, known: Option<&str>) -> bool {
        if self.code != 200 {
            return false;
        }
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&self.body)[..20]));
        let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
        let same = known.is_some_and(|known| known.split(',').any(|one| opaque(one) == tag || one.trim() == "*"));
        self.headers.push(("etag", format!("W/{tag}")));
        if same {
            self.code = 304;
            self.content_type = "";
            self.body.clear();
        }
        same
    }

    pub(super) fn into_response(self, extra: &HeaderMap) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status(self.code);
        let headers = response.headers_mut();
        headers.extend(extra.clone());
        if !self.content_type.is_empty() {
            set(headers, header::CONTENT_TYPE, self.content_type);
        }
        set(headers, HeaderName::from_static("x-github-media-type"), "github.v3; format=json");
        for (name, value) in self.headers {
            set(headers, HeaderName::from_static(name), &value);
        }
        response
    }
}

/// Why GitHub says no.
#[derive(Debug, Clone)]
pub(in super::super) enum Refusal {
    /// 401 without a token.
    NoToken,
    /// 401 with something that is not one.
    BadToken,
    /// 401 with something that is no app's proof.
    NoJwt,
    /// 404.
    NotFound,
    /// 400.
    BadRequest(&'static str),
    /// 403.
    Forbidden(String),
    /// 405.
    NotAllowed(String),
    /// 409.
    Conflict(String),
    /// 413.
    TooLarge,
    /// 422 with the list of what is wrong.
    Invalid(Vec<Value>),
    /// 422 with a sentence only.
    Unprocessable(String),
    /// 403 until the limit's window is over.
    RateLimited { retry_after_s: i64 },
}

impl Refusal {
    /// 422 for one field: `code` is `missing_field`, `invalid`, `already_exists`, …
    pub(super) fn field(resource: &str, field: &str, code: &str) -> Self {
        Self::Invalid(vec![json!({"resource": resource, "field": field, "code": code})])
    }

    /// 422 with a message of the resource's own.
    pub(super) fn custom(resource: &str, message: &str) -> Self {
        Self::Invalid(vec![json!({"resource": resource, "code": "custom", "message": message})])
    }

    pub(super) fn reply(self) -> Reply {
        let (code, message) = match &self {
            Self::NoToken => (401, "Requires authentication".to_owned()),
            Self::BadToken => (401, "Bad credentials".to_owned()),
            Self::NoJwt => (401, "A JSON web token could not be decoded".to_owned()),
            Self::NotFound => (404, "Not Found".to_owned()),
            Self::BadRequest(message) => (400, (*message).to_owned()),
            Self::Forbidden(message) => (403, message.clone()),
            Self::NotAllowed(message) => (405, message.clone()),
            Self::Conflict(message) => (409, message.clone()),
            Self::TooLarge => (413, "Payload too large".to_owned()),
            Self::Invalid(_) => (422, "Validation Failed".to_owned()),
            Self::Unprocessable(message) => (422, message.clone()),
            Self::RateLimited { .. } => (403, "API rate limit exceeded for this user.".to_owned()),
        };
        let mut body = json!({"message": message, "documentation_url": DOCS, "status": code.to_string()});
        if let Self::Invalid(errors) = &self {
            body["errors"] = json!(errors);
        }
        let reply = Reply { code, ..Reply::json(body) };
        match self {
            Self::RateLimited { retry_after_s } => reply.with_header("retry-after", &retry_after_s.to_string()),
            _ => reply,
        }
    }
}
