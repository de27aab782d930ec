//! The API as clients meet it: authentication, limits, conditional requests, then the answer.
//!
//! REST paths are matched by their segments, so that branch and file names may hold slashes.

mod actions;
mod answer;
mod app;
mod commits;
mod deployments;
mod git_data;
mod issues;
mod limits;
mod pulls;
mod repository;
mod request;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;

pub(super) use answer::{Answer, Refusal, Reply};
pub(super) use limits::Limits;
pub(super) use request::Call;

use super::graphql;
use crate::scenario::{OutageMode, Service};
use crate::{Lab, World};

/// Bodies larger than this are refused.
const BODY_BYTES_MAX: usize = 40 * 1024 * 1024;

/// The REST and GraphQL routes, relative to the service's base URL.
pub fn router() -> Router<Arc<Lab>> {
    Router::new().fallback(serve)
}

async fn serve(State(lab): State<Arc<Lab>>, OriginalUri(original): OriginalUri, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Refusal::TooLarge.reply().into_response(&HeaderMap::new());
    };
    let base = request::base_url(&parts.headers, original.path(), parts.uri.path());
    let call = Call::new(&parts.method, &parts.uri, &parts.headers, body, base);
    let mut world = lab.world();
    super::sync(&mut world);
    let (reply, headers, landed) = answered(&mut world, call);
    for repair in landed {
        world.landed(&repair.change, repair.action);
    }
    reply.into_response(&headers)
}

/// A repair that took effect, for the world to judge.
pub(super) struct Landed {
    /// The change that was undone, or `none` when no change was the cause.
    pub(super) change: String,
    /// The kind of action that did it.
    pub(super) action: &'static str,
}

/// Answers one call: who asks, whether they still may, whether they know the answer already.
fn answered(world: &mut World, mut call: Call) -> (Reply, HeaderMap, Vec<Landed>) {
    let now_ms = world.now_ms;
    world.github.limits.roll(now_ms);
    if let ["_raw", "jobs", id] = call.segments().as_slice() {
        let text = actions::raw_log(world.github_view(), id);
        return (text.unwrap_or_else(Refusal::reply), HeaderMap::new(), Vec::new());
    }
    if let Err(refusal) = call.authorized() {
        return (refusal.reply(), HeaderMap::new(), Vec::new());
    }
    let free = call.segments() == ["rate_limit"];
    let limits = world.github.limits.clone();
    if !free && limits.exhausted() {
        let refusal = Refusal::RateLimited { retry_after_s: limits.seconds_left(now_ms) };
        return (refusal.reply(), limits.headers(), Vec::new());
    }
    let mut reply = routed(world, &mut call).unwrap_or_else(Refusal::reply);
    let unchanged = call.method == Method::GET && reply.tag_and_compare(call.known_tag.as_deref());
    if !free && !unchanged {
        world.github.limits.count();
    }
    (reply, world.github.limits.headers(), call.landed)
}

/// During a stale outage reads see the repository as it was; writes always reach the real one.
fn routed(world: &mut World, call: &mut Call) -> Answer {
    let stale = world.outage(Service::Github) == Some(OutageMode::Stale);
    let reads = call.method == Method::GET || graphql::only_reads(call);
    if stale && reads {
        let mut snapshot = world.github_view().clone();
        return route(&mut snapshot, call);
    }
    route(&mut world.github, call)
}

fn route(repo: &mut super::Repo, call: &mut Call) -> Answer {
    let segments: Vec<String> = call.segments().iter().map(|part| (*part).to_owned()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // The enterprise layout puts REST below /api/v3 and GraphQL at /api/graphql.
    let segments = match segments.as_slice() {
        ["api", "v3", rest @ ..] => rest,
        ["api", rest @ ..] if *rest == ["graphql"] => rest,
        other => other,
    };
    match (call.method.as_str(), segments) {
        ("POST", ["graphql"]) => graphql::answer(repo, call),
        ("GET", ["user"]) => Ok(Reply::json(call.view(repo).user(super::API_USER))),
        ("GET", ["users", login]) => Ok(Reply::json(call.view(repo).user(login))),
        ("POST", ["app", "installations", id, "access_tokens"]) => app::token(repo, call, id),
        ("GET", ["rate_limit"]) => Ok(Reply::json(repo.limits.report())),
        ("GET", ["search", "issues"]) => search::issues(repo, call),
        ("GET", ["search", "code"]) => search::code(repo, call),
        (_, ["repos", owner, name, rest @ ..])
            if owner.eq_ignore_ascii_case(super::OWNER) && name.eq_ignore_ascii_case(super::NAME) =>
        {
            in_repository(repo, call, rest)
        }
        _ => Err(Refusal::NotFound),
    }
}

fn in_repository(repo: &mut super::Repo, call: &mut Call, path: &[&str]) -> Answer {
    match path {
        [] => repository::route(repo, call, &[]),
        ["installation"] => app::installation(call),
        ["pulls", rest @ ..] => pulls::route(repo, call, rest),
        ["issues", rest @ ..] => issues::route(repo, call, rest),
        ["commits", rest @ ..] => commits::route(repo, call, rest),
        ["compare", rest @ ..] => commits::compare(repo, call, &rest.join("/")),
        ["git", rest @ ..] => git_data::route(repo, call, rest),
        ["actions", rest @ ..] => actions::route(repo, call, rest),
        ["deployments", rest @ ..] => deployments::route(repo, call, rest),
        other => repository::route(repo, call, other),
    }
}

/// Sets one header; values that HTTP cannot carry are left out.
fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// A plain status, for answers without a body.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
