//! One listener's view of the world: its checks, its routes, its limits.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, HttpBody, to_bytes},
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use tower::ServiceExt;
use wakeman_types::Gateway;

use crate::{
    Limits,
    access::{Access, Proof},
    origin::HostRule,
    problem::Problem,
    routes::{self, Surface},
};

/// Open to everybody who can reach the listener.
const HEALTH_PATH: &str = "/healthz";

/// Everything one listener answers with.
pub(crate) struct Site {
    hosts: HostRule,
    access: Access,
    router: Router,
    limits: Limits,
}

impl Site {
    pub fn new(gateway: Arc<dyn Gateway>, surface: Surface, hosts: HostRule, access: Access, limits: Limits) -> Self {
        Self { hosts, access, router: routes::router(gateway, surface), limits }
    }

    /// The limits of its connections.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request: host and origin, caller, body, and only then the route.
    #[tracing::instrument(name = "http.request", level = "debug", skip_all,
        fields(http.method = %request.method(), http.path = %request.uri().path()))]
    pub async fn answer(&self, proof: Proof, request: Request) -> Response {
        let about_health = request.uri().path() == "/healthz";
        let mut response = match self.admit(proof, request).await {
            Ok(request) => self.route(request).await,
            Err(problem) => problem.into_response(),
        };
        // A source that is down makes an unhealthy answer, not a failed request; the watch tells of it once.
        if response.status().is_server_error() && !about_health {
            tracing::warn!(http.status = response.status().as_u16(), "request failed");
        } else {
            tracing::debug!(http.status = response.status().as_u16(), "request answered");
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn admit(&self, proof: Proof, mut request: Request) -> Result<Request, Problem> {
        self.hosts.check(request.uri(), request.headers())?;
        let open = self.access.wants_token() && request.uri().path() == HEALTH_PATH;
        if !open {
            let caller = self.access.admit(proof, request.headers())?;
            request.extensions_mut().insert(caller);
        }
        self.with_whole_body(request).await
    }

    async fn with_whole_body(&self, request: Request) -> Result<Request, Problem> {
        let limit = self.limits.body_bytes;
        let (parts, body) = request.into_parts();
        if body.size_hint().lower() > limit as u64 {
            return Err(Problem::too_large(limit));
        }
        let read = timeout(self.limits.body_timeout, to_bytes(body, limit)).await;
        match read.map_err(|_| Problem::slow_body())? {
            Ok(bytes) => Ok(Request::from_parts(parts, Body::from(bytes))),
            Err(error) if is_length_limit(&error) => Err(Problem::too_large(limit)),
            Err(_) => Err(Problem::slow_body()),
        }
    }

    async fn route(&self, request: Request) -> Response {
        let limit = self.limits.request_timeout;
        match timeout(limit, self.router.clone().oneshot(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Problem::no_answer_in(limit.as_secs()).into_response(),
        }
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

#[cfg(test)]
mod tests {
    use wakeman_types::{Channel, Principal, Role};

    use super::*;
    use crate::{
        access::{ApiToken, TokenHash, TokenTable},
        fake::Fake,
    };

    fn site(access: Access) -> Site {
        let hosts = HostRule::new(Vec::new(), None);
        Site::new(Arc::new(Fake::default()), Surface::Verbs, hosts, access, Limits::default())
    }

    async fn status(site: &Site, proof: Proof, line: &str, token: &str, body: &str) -> u16 {
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        site.answer(proof, request).await.status().as_u16()
    }

    #[tokio::test]
    async fn a_role_too_low_is_refused_before_parameters_and_body() {
        let tokens = [("viewer", Role::Viewer), ("approver", Role::Approver), ("owner", Role::Owner)];
        let tokens = tokens.map(|(name, role)| ApiToken {
            hash: TokenHash::of(name),
            role,
            principal: Principal::new(Channel::Api, "1"),
        });
        let site = site(Access::Token(TokenTable::new(tokens.to_vec())));
        let decision = r#"{"decision":"approve","digest":"4f9a1c22e07b"}"#;
        let receipt = r#"{"epoch":1,"report":{"result":"sent","reference":null}}"#;
        let cases = [
            ("GET /api/v1/status", "", [200, 200, 200]),
            ("GET /api/v1/whoami", "", [200, 200, 200]),
            ("GET /api/v1/findings/F-1", "", [200, 200, 200]),
            ("POST /api/v1/findings/F-1/acknowledge", "", [200, 200, 200]),
            ("POST /api/v1/findings/F-1/snooze", r#"{"duration_ms":1}"#, [200, 200, 200]),
            ("POST /api/v1/proposals/P-1/decision", decision, [403, 200, 200]),
            ("POST /api/v1/proposals/P-1/decision", "{", [403, 400, 400]),
            ("POST /api/v1/proposals/x/decision", decision, [403, 422, 422]),
            ("POST /api/v1/proposals/P-1/renew", "", [403, 200, 200]),
            ("POST /api/v1/proposals/P-1/resolve", r#"{"outcome":"done"}"#, [403, 200, 200]),
            ("GET /api/v1/adapters/cli/deliveries", "", [403, 403, 200]),
            ("GET /api/v1/adapters/fax/deliveries", "", [403, 403, 422]),
            ("POST /api/v1/adapters/cli/deliveries/d1/confirm", receipt, [403, 403, 204]),
        ];
        for (line, body, wants) in cases {
            for (token, want) in ["viewer", "approver", "owner"].into_iter().zip(wants) {
                assert_eq!(status(&site, Proof::Token, line, token, body).await, want, "{token}: {line} {body}");
            }
            assert_eq!(status(&site, Proof::Token, line, "stranger", body).await, 401, "{line}");
        }
    }

    #[tokio::test]
    async fn another_user_of_the_machine_gets_nothing_from_the_socket() {
        let site = site(Access::Peer { own_uid: 1000 });
        for line in ["GET /healthz", "GET /api/v1/status", "POST /api/v1/findings/F-1/resolve", "GET /nowhere"] {
            assert_eq!(status(&site, Proof::Peer(Some(1001)), line, "", "").await, 403, "{line}");
            assert_eq!(status(&site, Proof::Peer(None), line, "", "").await, 403, "{line}");
            assert_ne!(status(&site, Proof::Peer(Some(1000)), line, "", "").await, 403, "{line}");
        }
    }
}
