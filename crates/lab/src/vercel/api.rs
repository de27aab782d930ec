//! The REST routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::render::View;
use super::{Assignment, Vercel};
use crate::github::{Deployment, NAME};
use crate::scenario::{ChangeKind, Service};
use crate::{Lab, World};

/// The kind of action that a rollback is.
const ROLLBACK: &str = "vercel.rollback";

/// The REST routes, relative to the service's base URL.
pub fn router() -> Router<Arc<Lab>> {
    Router::new().fallback(serve)
}

async fn serve(State(lab): State<Arc<Lab>>, request: Request) -> Response {
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let mut world = lab.world();
    crate::github::sync(&mut world);
    let answer = authorized(&headers).and_then(|()| {
        let call = Call::new(&uri);
        let segments: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        match method.as_str() {
            "GET" | "HEAD" => read(&world, &call, &segments).map(|body| (StatusCode::OK, body)),
            "POST" => write(&mut world, &segments),
            _ => Err(Refusal::NotFound("The requested API endpoint was not found")),
        }
    });
    match answer {
        // A promotion or rollback is answered without a body.
        Ok((status, Value::Null)) => status.into_response(),
        Ok((status, body)) => (status, axum::Json(body)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Why Vercel says no.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    NoToken,
    BadToken,
    BadRequest(&'static str),
    NotFound(&'static str),
    Unprocessable(&'static str),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match &self {
            Self::NoToken => (401, "unauthorized", "The request is missing an authentication token"),
            Self::BadToken => (403, "forbidden", "Not authorized"),
            Self::BadRequest(message) => (400, "bad_request", *message),
            Self::NotFound(message) => (404, "not_found", *message),
            Self::Unprocessable(message) => (422, "unprocessable_entity", *message),
        };
        let mut error = json!({"code": code, "message": message});
        match self {
            Self::NoToken => error["missingToken"] = json!(true),
            Self::BadToken => error["invalidToken"] = json!(true),
            _ => {}
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(json!({ "error": error }))).into_response()
    }
}

fn authorized(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Refusal::NoToken)?;
    let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.filter(|(_, token)| !token.trim().is_empty()).map(|_| ()).ok_or(Refusal::BadToken)
}

/// The query parameters of a call.
struct Call {
    query: Vec<(String, String)>,
}

impl Call {
    fn new(uri: &Uri) -> Self {
        Self { query: Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default() }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A whole number, refused if it is none.
    fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Refusal::BadRequest("Invalid request: a query parameter should be a number."))
        };
        self.param(name).map(parse).transpose()
    }
}

/// The one project answers to its name and to every well-formed id: a scenario does not say which id it has.
fn is_project(name: &str) -> bool {
    name == NAME || name.strip_prefix("prj_").is_some_and(|rest| !rest.is_empty())
}

fn view<'a>(world: &'a World, at_ms: i64, project: Option<&str>) -> View<'a> {
    let given = project.filter(|name| name.starts_with("prj_")).map(str::to_owned);
    let project_id = given.unwrap_or_else(|| format!("prj_{}", world.vercel.code("project", 28)));
    View { vercel: &world.vercel, repo: &world.github, at_ms, project_id }
}

fn read(world: &World, call: &Call, segments: &[&str]) -> Result<Value, Refusal> {
    let at_ms = world.seen_ms(Service::Vercel);
    let seen = |project: Option<&str>| view(world, at_ms, project);
    match segments {
        ["v2", "user"] => Ok(seen(None).user()),
        ["v2", "teams"] => {
            let team = json!({"id": seen(None).team_id(), "slug": "acme", "name": "Acme"});
            Ok(json!({"teams": [team], "pagination": {"count": 1, "next": null, "prev": null}}))
        }
        ["v5" | "v6" | "v7", "deployments"] => list(&seen(call.param("projectId")), call),
        ["v13", "deployments", id] => {
            let view = seen(None);
            find(&view, id).map(|deployment| view.in_full(deployment))
        }
        ["v2", "deployments", id, "aliases"] => {
            let view = seen(None);
            find(&view, id).map(|deployment| json!({"aliases": view.aliases(deployment)}))
        }
        ["v4", "aliases"] => {
            let view = seen(call.param("projectId"));
            let aliases = view.production().map(|live| view.aliases(live)).unwrap_or_default();
            let pagination = json!({"count": aliases.len(), "next": null, "prev": null});
            Ok(json!({"aliases": aliases, "pagination": pagination}))
        }
        ["v9" | "v10", "projects"] => {
            Ok(json!({"projects": [seen(None).project()], "pagination": {"count": 1, "next": null, "prev": null}}))
        }
        ["v9", "projects", name] if is_project(name) => Ok(seen(Some(name)).project()),
        ["v9", "projects", _] => Err(Refusal::NotFound("Project not found.")),
        _ => Err(Refusal::NotFound("The requested API endpoint was not found")),
    }
}

fn find<'a>(view: &View<'a>, id: &str) -> Result<&'a Deployment, Refusal> {
    let found = view.deployments().into_iter().find(|deployment| {
        let value = view.listed(deployment);
        value["uid"] == id || value["url"] == id
    });
    found.ok_or(Refusal::NotFound("The deployment could not be found."))
}

fn list(view: &View<'_>, call: &Call) -> Result<Value, Refusal> {
    let known = ["projectId", "app"].iter().filter_map(|name| call.param(name)).all(is_project);
    let limit = call.number("limit")?.unwrap_or(20).clamp(1, 100) as usize;
    let (since, until) = (call.number("since")?, call.number("until")?);
    let states: Option<Vec<String>> = call.param("state").map(|text| text.split(',').map(str::to_uppercase).collect());
    let wanted = |deployment: &&Deployment| {
        known
            && call.param("target").is_none_or(|target| target == "production")
            && states.as_ref().is_none_or(|states| states.iter().any(|state| state == view.state(deployment)))
            && call.param("sha").is_none_or(|sha| sha == deployment.commit.to_string())
            && call.param("branch").is_none_or(|branch| branch == crate::github::BRANCH)
            && call.param("rollbackCandidate").is_none_or(|text| (text == "true") == view.is_candidate(deployment))
            && since.is_none_or(|since| deployment.created_ms > since)
            && until.is_none_or(|until| deployment.created_ms < until)
    };
    let found: Vec<&Deployment> = view.deployments().into_iter().filter(wanted).collect();
    let shown: Vec<Value> = found.iter().take(limit).map(|deployment| view.listed(deployment)).collect();
    // The next page is asked for with `until`.
    let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.created_ms);
    let prev = found.first().map(|first| first.created_ms);
    Ok(json!({"pagination": {"count": shown.len(), "next": next, "prev": prev}, "deployments": shown}))
}

fn write(world: &mut World, segments: &[&str]) -> Result<(StatusCode, Value), Refusal> {
    let (project, verb, id) = match segments {
        ["v1" | "v9" | "v10", "projects", project, verb @ ("rollback" | "promote"), id] => (*project, *verb, *id),
        _ => return Err(Refusal::NotFound("The requested API endpoint was not found")),
    };
    if !is_project(project) {
        return Err(Refusal::NotFound("Project not found."));
    }
    let now_ms = world.now_ms;
    let seen = view(world, now_ms, Some(project));
    let target = find(&seen, id)?;
    if seen.state(target) != "READY" {
        return Err(Refusal::Unprocessable("The deployment is not ready, so production cannot be pointed at it."));
    }
    let rollback = verb == "rollback";
    if rollback && !seen.is_candidate(target) && !seen.is_production(target) {
        return Err(Refusal::Unprocessable("The deployment was never in production; promote it instead."));
    }
    let deployment = target.id;
    let undone = if rollback { undone_by(world, target) } else { Vec::new() };
    world.vercel.assign(Assignment { at_ms: now_ms, deployment, automatic: !rollback });
    let causes: Vec<Option<&str>> =
        undone.iter().map(|id| (id != crate::github::trouble::NO_CAUSE).then_some(id.as_str())).collect();
    world.github.settle(&causes, ROLLBACK);
    for change in &undone {
        world.landed(change, ROLLBACK);
    }
    Ok((StatusCode::CREATED, Value::Null))
}

/// The changes that are no longer live with `target`: made after it, and shipped or being shipped since.
fn undone_by(world: &World, target: &Deployment) -> Vec<String> {
    let newest_ms = world.github.deployments().iter().map(|deployment| deployment.created_ms).max().unwrap_or(i64::MIN);
    let ships = |kind| !matches!(kind, ChangeKind::Flag | ChangeKind::Experiment);
    let mut undone: Vec<String> = world
        .scenario
        .changes
        .iter()
        .filter(|change| ships(change.kind) && target.created_ms < change.at_ms && change.at_ms <= newest_ms)
        .map(|change| change.id.clone())
        .collect();
    if target.created_ms < newest_ms {
        undone.push(crate::github::trouble::NO_CAUSE.to_owned());
    }
    undone
}

impl Vercel {
    fn assign(&mut self, assignment: Assignment) {
        self.assignments.push(assignment);
    }
}
