//! Who asks, the project, and annotations.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Call, Refusal, page};
use crate::World;
use crate::posthog::{Annotation, issues};
use crate::time::{parse_rfc3339, rfc3339};

/// Whom every personal API key belongs to.
pub(super) const API_USER: &str = "acme-ops";

/// A person as PostHog embeds them.
pub(super) fn person(world: &World, login: &str) -> Value {
    let dice = world.dice(&format!("login/{login}"));
    json!({
        "id": 1 + dice.below(0, 0, 900), "uuid": issues::uuid(dice, 1), "distinct_id": issues::uuid(dice, 2),
        "first_name": login, "last_name": "", "email": format!("{login}@acme.example"), "is_email_verified": true,
        "hedgehog_config": null, "role_at_organization": null,
    })
}

fn organization(world: &World) -> Value {
    json!({"id": issues::uuid(world.dice("organization"), 0), "name": "Acme", "slug": "acme", "membership_level": 8})
}

pub(super) fn me(world: &World) -> Value {
    let mut me = person(world, API_USER);
    let team = json!({
        "id": 1, "uuid": issues::uuid(world.dice("team"), 0), "organization": organization(world)["id"], "name": "acme / app",
        "api_token": "phc_lab", "timezone": "UTC", "is_demo": false, "project_id": 1,
    });
    me["team"] = team;
    me["organization"] = organization(world);
    me["organizations"] = json!([organization(world)]);
    me["date_joined"] = json!(rfc3339(world.scenario.history_start_ms()));
    me["is_staff"] = json!(false);
    me["scoped_organizations"] = json!([]);
    me["scoped_teams"] = json!([]);
    me
}

pub(super) fn key(world: &World, at_ms: i64) -> Value {
    json!({
        "id": issues::uuid(world.dice("key"), 0), "label": "lab", "scopes": ["*"], "scoped_teams": [], "scoped_organizations": [],
        "created_at": rfc3339(world.scenario.history_start_ms()), "last_used_at": rfc3339(at_ms), "user_id": 1,
    })
}

pub(super) fn project(world: &World) -> Value {
    json!({
        "id": 1, "uuid": issues::uuid(world.dice("team"), 0), "organization": organization(world)["id"], "name": "acme / app",
        "api_token": "phc_lab", "timezone": "UTC", "is_demo": false, "week_start_day": null, "ingested_event": true,
        "created_at": rfc3339(world.scenario.history_start_ms()), "effective_membership_level": 8, "has_group_types": false,
        "completed_snippet_onboarding": true, "access_control": false,
    })
}

/// `annotations/…`
pub(super) fn annotations(world: &mut World, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::GET, []) => {
            let mut all: Vec<&Annotation> =
                world.posthog.annotations.iter().filter(|note| note.created_ms <= call.at_ms).collect();
            all.sort_by_key(|note| -note.marker_ms);
            let search = call.param("search").unwrap_or_default();
            let all = all.into_iter().filter(|note| note.content.contains(search));
            Ok((StatusCode::OK, page(call, all.map(|note| annotation(world, note)).collect())))
        }
        (&Method::GET, [id]) => {
            let note = world
                .posthog
                .annotations
                .iter()
                .find(|note| note.id.to_string() == *id)
                .ok_or_else(Refusal::not_found)?;
            Ok((StatusCode::OK, annotation(world, note)))
        }
        (&Method::POST, []) => {
            let note = new_annotation(world, &call.body)?;
            let body = annotation(world, &note);
            world.posthog.annotations.push(note);
            Ok((StatusCode::CREATED, body))
        }
        (_, [] | [_]) => Err(Refusal::method(&call.method)),
        _ => Err(Refusal::not_found()),
    }
}

fn new_annotation(world: &World, body: &Value) -> Result<Annotation, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let content = text("content").filter(|content| !content.trim().is_empty());
    let marker = match text("date_marker") {
        None => Some(world.now_ms),
        Some(marker) => parse_rfc3339(marker),
    };
    let scope = text("scope").unwrap_or("project");
    if !matches!(scope, "project" | "organization" | "dashboard_item" | "dashboard" | "recording") {
        return Err(Refusal::invalid(Some("scope"), "invalid_choice", format!("\"{scope}\" is not a valid choice.")));
    }
    let format =
        "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
    Ok(Annotation {
        id: world.posthog.annotations.len() as u64 + 1,
        content: content
            .ok_or_else(|| Refusal::invalid(Some("content"), "required", "This field is required."))?
            .to_owned(),
        marker_ms: marker.ok_or_else(|| Refusal::invalid(Some("date_marker"), "invalid", format))?,
        scope: scope.to_owned(),
        created_ms: world.now_ms,
    })
}

fn annotation(world: &World, note: &Annotation) -> Value {
    json!({
        "id": note.id, "content": note.content, "date_marker": rfc3339(note.marker_ms), "creation_type": "USR",
        "dashboard_item": null, "dashboard_id": null, "dashboard_name": null, "insight_short_id": null, "insight_name": null,
        "insight_derived_name": null, "created_by": person(world, API_USER), "created_at": rfc3339(note.created_ms),
        "updated_at": rfc3339(note.created_ms), "deleted": false, "scope": note.scope,
    })
}
