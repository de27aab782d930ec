//! Refusals and failures as RFC 9457 problem documents.

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wakeman_types::{ErrorKind, GatewayError, IdError, PrincipalError};

/// A problem document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    type_uri: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    /// What the gateway called it, so that a client can rebuild the gateway's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ErrorKind>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

/// The HTTP status of each kind of refusal or failure.
pub const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Forbidden | ErrorKind::Refused => StatusCode::FORBIDDEN,
        ErrorKind::AlreadyDecided | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Expired => StatusCode::GONE,
        ErrorKind::DigestMismatch => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The last part of the problem's type, and its title.
const fn words_of(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::NotFound => ("not-found", "There is no such thing"),
        ErrorKind::Invalid => ("invalid", "The request is wrong"),
        ErrorKind::Forbidden => ("forbidden", "Not allowed"),
        ErrorKind::AlreadyDecided => ("already-decided", "Already decided"),
        ErrorKind::Expired => ("expired", "The window has closed"),
        ErrorKind::DigestMismatch => ("digest-mismatch", "The digest differs"),
        ErrorKind::Refused => ("refused", "Refused by policy"),
        ErrorKind::Conflict => ("conflict", "Changed at the same moment"),
        ErrorKind::Unavailable => ("unavailable", "Something does not answer"),
        ErrorKind::Storage => ("storage", "The state could not be read or written"),
    }
}

impl Problem {
    /// A problem of HTTP itself, with no counterpart in the gateway.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { type_uri: "about:blank".into(), title, status, detail: detail.into(), kind: None }
    }

    /// A problem as the gateway puts it.
    pub fn of(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let (name, title) = words_of(kind);
        Self {
            type_uri: format!("urn:wakeman:problem:{name}"),
            title,
            status: status_of(kind),
            detail: detail.into(),
            kind: Some(kind),
        }
    }

    /// 401: no token, or none that is known.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self { kind: Some(ErrorKind::Forbidden), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 403: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::of(ErrorKind::Forbidden, detail)
    }

    /// A request that cannot be understood, with the status HTTP has for it.
    fn unreadable(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, ..Self::of(ErrorKind::Invalid, detail) }
    }

    /// 413: the body is over the limit.
    pub fn too_large(limit_bytes: usize) -> Self {
        let detail = format!("the request body is longer than {limit_bytes} bytes; send a shorter one");
        Self::unreadable(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 408: the body did not arrive in time, or broke off.
    pub fn slow_body() -> Self {
        Self::unreadable(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive whole; send it again")
    }

    /// 503: the gateway took too long.
    pub fn no_answer_in(seconds: u64) -> Self {
        let detail = format!(
            "no answer within {seconds} s; look whether it was done before asking again, `wakeman doctor` says what is slow"
        );
        Self::of(ErrorKind::Unavailable, detail)
    }

    #[cfg(test)]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        Self::of(error.kind, error.message)
    }
}

impl From<IdError> for Problem {
    fn from(error: IdError) -> Self {
        Self::of(ErrorKind::Invalid, error.to_string())
    }
}

impl From<PrincipalError> for Problem {
    fn from(error: PrincipalError) -> Self {
        Self::of(ErrorKind::Invalid, error.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::unreadable(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"wakeman\""));
        }
        response
    }
}
