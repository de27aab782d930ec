//! The routes, each with the least role it asks for.

mod adapters;
mod chat;
mod control;
mod findings;
mod health;
mod instance;
mod proposals;
mod ranking;
mod threads;
mod wakeups;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use serde::Deserialize;
use wakeman_types::{Gateway, ListRequest, Role};

use crate::{access::Caller, problem::Problem};

/// What the handlers share.
type Brain = State<Arc<dyn Gateway>>;
/// What most handlers answer with.
type Answer<T> = Result<Json<T>, Problem>;

/// How much of the API a listener shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Health and status.
    Summary,
    /// Everything the operator's verbs and the frontends need.
    Verbs,
}

/// The router of one listener.
pub(crate) fn router(gateway: Arc<dyn Gateway>, surface: Surface) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/api/v1/status", needs(Role::Viewer, get(instance::status)));
    if surface == Surface::Verbs {
        router = router.merge(verbs());
    }
    router.fallback(no_route).method_not_allowed_fallback(wrong_method).with_state(gateway)
}

fn verbs() -> Router<Arc<dyn Gateway>> {
    Router::new()
        .route("/api/v1/whoami", needs(Role::Viewer, get(instance::whoami)))
        .route("/api/v1/pair", needs(Role::Owner, post(instance::pair)))
        .route("/api/v1/pair/revoke", needs(Role::Owner, post(instance::unpair)))
        .route("/api/v1/findings", needs(Role::Viewer, get(findings::list)))
        .route("/api/v1/findings/{id}", needs(Role::Viewer, get(findings::one)))
        .route("/api/v1/findings/{id}/why", needs(Role::Viewer, get(findings::why)))
        .route("/api/v1/findings/{id}/acknowledge", needs(Role::Viewer, post(findings::acknowledge)))
        .route("/api/v1/findings/{id}/snooze", needs(Role::Viewer, post(findings::snooze)))
        .route("/api/v1/findings/{id}/mute", needs(Role::Approver, post(findings::mute)))
        .route("/api/v1/findings/{id}/unmute", needs(Role::Approver, post(findings::unmute)))
        .route(
            "/api/v1/mode",
            needs(Role::Viewer, get(control::look)).merge(needs(Role::Owner, post(control::set_mode))),
        )
        .route("/api/v1/halt", needs(Role::Approver, post(control::halt)))
        .route("/api/v1/resume", needs(Role::Owner, post(control::resume)))
        .route("/api/v1/findings/{id}/resolve", needs(Role::Viewer, post(findings::resolve)))
        .route("/api/v1/findings/{id}/feedback", needs(Role::Viewer, post(findings::feedback)))
        .route("/api/v1/recommend", needs(Role::Viewer, post(ranking::recommend)))
        .route("/api/v1/tips/{id}/feedback", needs(Role::Viewer, post(ranking::tip_feedback)))
        .route("/api/v1/tips/{id}/why", needs(Role::Viewer, get(ranking::tip_why)))
        .route("/api/v1/prompts/stats", needs(Role::Viewer, get(ranking::prompt_stats)))
        .route("/api/v1/ranking", needs(Role::Viewer, get(ranking::status)))
        .route("/api/v1/ranking/scores", needs(Role::Viewer, get(ranking::scores)))
        .route("/api/v1/ranking/stats", needs(Role::Viewer, get(ranking::stats)))
        .route("/api/v1/ranking/features", needs(Role::Viewer, get(ranking::features)))
        .route("/api/v1/ranking/promote", needs(Role::Approver, post(ranking::promote)))
        .route("/api/v1/ranking/rollback", needs(Role::Owner, post(ranking::rollback)))
        .route("/api/v1/ranking/reset", needs(Role::Owner, post(ranking::reset)))
        .route("/api/v1/ranking/forget", needs(Role::Owner, post(ranking::forget)))
        .route("/api/v1/proposals", needs(Role::Viewer, get(proposals::list)))
        .route("/api/v1/proposals/{id}", needs(Role::Viewer, get(proposals::one)))
        .route("/api/v1/proposals/{id}/decision", needs(Role::Approver, post(proposals::decide)))
        .route("/api/v1/proposals/{id}/renew", needs(Role::Approver, post(proposals::renew)))
        .route("/api/v1/proposals/{id}/resolve", needs(Role::Approver, post(proposals::resolve)))
        .route("/api/v1/chat", needs(Role::Viewer, post(chat::ask)))
        .route("/api/v1/threads/{id}/stop", needs(Role::Viewer, post(chat::stop)))
        .route("/api/v1/threads", needs(Role::Viewer, get(threads::list)))
        .route("/api/v1/threads/{id}/messages", needs(Role::Viewer, get(threads::messages)))
        .route(
            "/api/v1/wakeups",
            needs(Role::Viewer, get(wakeups::list)).merge(needs(Role::Approver, post(wakeups::order))),
        )
        .route("/api/v1/wakeups/history", needs(Role::Viewer, get(wakeups::history)))
        .merge(adapters())
}

fn adapters() -> Router<Arc<dyn Gateway>> {
    Router::new()
        .route("/api/v1/adapters/{channel}/inbound", needs(Role::Owner, post(adapters::inbound)))
        .route("/api/v1/adapters/{channel}/checkpoint", needs(Role::Owner, get(adapters::checkpoint)))
        .route("/api/v1/adapters/{channel}/live", needs(Role::Owner, get(adapters::live)))
        .route("/api/v1/adapters/{channel}/placed", needs(Role::Owner, post(adapters::placed)))
        .route("/api/v1/adapters/{channel}/health", needs(Role::Owner, post(adapters::health)))
        .route("/api/v1/adapters/{channel}/ready", needs(Role::Owner, get(adapters::ready)))
        .route("/api/v1/adapters/{channel}/deliveries", needs(Role::Owner, get(adapters::claim)))
        .route("/api/v1/adapters/{channel}/deliveries/{id}/confirm", needs(Role::Owner, post(adapters::confirm)))
}

/// `route`, for callers whose role includes `least`. Checked before parameters and body are looked at.
fn needs(least: Role, route: MethodRouter<Arc<dyn Gateway>>) -> MethodRouter<Arc<dyn Gateway>> {
    route.layer(middleware::from_fn_with_state(least, role_at_least))
}

async fn role_at_least(
    State(least): State<Role>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if caller.role < least {
        let detail = format!("this needs the role {least}; your token has the role {}", caller.role);
        return Problem::forbidden(detail).into_response();
    }
    next.run(request).await
}

async fn no_route(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no route {method} {} here", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path()))
}

/// The query of every list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    cursor: Option<String>,
    #[serde(default)]
    limit: u32,
}

impl From<ListQuery> for ListRequest {
    fn from(query: ListQuery) -> Self {
        Self { state: query.state, cursor: query.cursor, limit: query.limit }
    }
}
