//! `feature_flags/…`

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::{API_USER, person};
use super::{Answer, Call, Refusal, activity, page};
use crate::World;
use crate::posthog::{Edit, Flag, Setting};
use crate::time::rfc3339;

/// Fields of a flag that a PATCH may carry; PostHog ignores the others.
const DESCRIPTION: &str = "name";

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::GET, []) => Ok((StatusCode::OK, list(world, call))),
        (&Method::GET, ["activity"]) => Ok((StatusCode::OK, activity::of_flags(world, call, None))),
        (&Method::GET, [id]) => {
            let flag = find(world, call, id)?;
            Ok((StatusCode::OK, shown(world, flag, call.at_ms)))
        }
        (&Method::GET, [id, "activity"]) => {
            let id = find(world, call, id)?.id;
            Ok((StatusCode::OK, activity::of_flags(world, call, Some(id))))
        }
        (&Method::PATCH, [id]) => patch(world, call, id),
        (_, [] | [_] | [_, "activity"]) => Err(Refusal::method(&call.method)),
        _ => Err(Refusal::not_found()),
    }
}

fn find<'w>(world: &'w World, call: &Call, id: &str) -> Result<&'w Flag, Refusal> {
    let id = id.parse().map_err(|_| Refusal::not_found())?;
    world.posthog.flags.numbered(id).filter(|flag| flag.created_ms <= call.at_ms).ok_or_else(Refusal::not_found)
}

fn list(world: &World, call: &Call) -> Value {
    let search = call.param("search").unwrap_or_default().to_lowercase();
    let wanted = |flag: &&Flag| {
        let named = flag.key.to_lowercase().contains(&search) || flag.name.to_lowercase().contains(&search);
        let active = call.param("active").is_none_or(|active| (active == "true") == flag.setting(call.at_ms).active);
        named && active
    };
    let mut flags: Vec<&Flag> = world.posthog.flags.existing(call.at_ms).filter(wanted).collect();
    flags.sort_by_key(|flag| (std::cmp::Reverse(flag.created_ms), flag.id));
    page(call, flags.into_iter().map(|flag| shown(world, flag, call.at_ms)).collect())
}

/// The filters that a setting makes.
pub(super) fn filters(setting: Setting) -> Value {
    let percent = setting.rollout * 100.0;
    let percent = if percent.fract().abs() < 1e-9 { json!(percent.round() as i64) } else { json!(percent) };
    json!({
        "groups": [{"variant": null, "properties": [], "rollout_percentage": percent}],
        "payloads": {}, "multivariate": null,
    })
}

fn shown(world: &World, flag: &Flag, at_ms: i64) -> Value {
    let setting = flag.setting(at_ms);
    let last = flag.edits_until(at_ms).last();
    let rollout = filters(setting)["groups"][0]["rollout_percentage"].clone();
    json!({
        "id": flag.id, "name": flag.name, "key": flag.key, "filters": filters(setting), "deleted": false, "active": setting.active,
        "created_by": person(world, &flag.created_by), "created_at": rfc3339(flag.created_ms),
        "updated_at": rfc3339(last.map_or(flag.created_ms, |edit| edit.at_ms)),
        "last_modified_by": person(world, last.map_or(&flag.created_by, |edit| &edit.by)), "version": flag.version(at_ms),
        "is_simple_flag": true, "rollout_percentage": rollout, "ensure_experience_continuity": false,
        "experiment_set": activity::experiments_of(world, &flag.key, at_ms), "surveys": null, "features": null,
        "rollback_conditions": null, "performed_rollback": null, "can_edit": true, "tags": [], "usage_dashboard": null,
        "analytics_dashboards": [], "has_enriched_analytics": false, "user_access_level": "editor", "creation_context": "feature_flags",
        "is_remote_configuration": false, "has_encrypted_payloads": false, "status": "ACTIVE", "evaluation_runtime": "all",
    })
}

fn patch(world: &mut World, call: &Call, id: &str) -> Answer {
    let flag = find(world, call, id)?.clone();
    let now_ms = world.now_ms;
    let body = call
        .body
        .as_object()
        .ok_or_else(|| Refusal::invalid(None, "invalid", "Invalid data. Expected a dictionary."))?;
    if let Some(version) = body.get("version") {
        let version = version
            .as_u64()
            .ok_or_else(|| Refusal::invalid(Some("version"), "invalid", "A valid integer is required."))?;
        if version != flag.version(now_ms) {
            let by = flag.edits_until(now_ms).last().map_or(&flag.created_by, |edit| &edit.by);
            let detail = format!(
                "The feature flag was updated by {by}@acme.example since you started editing it. Please refresh and try again."
            );
            return Err(Refusal::new(StatusCode::CONFLICT, "invalid_request", "conflict", detail));
        }
    }
    let setting = new_setting(&call.body, flag.setting(now_ms))?;
    if let Some(name) = body.get(DESCRIPTION).and_then(Value::as_str) {
        world.posthog.flags.rename(flag.id, name);
    }
    world.posthog.flags.edit(flag.id, Edit { at_ms: now_ms, setting, by: API_USER.to_owned() });
    world.flag_edited(&flag.key);
    let flag = world.posthog.flags.numbered(flag.id).ok_or_else(Refusal::not_found)?;
    Ok((StatusCode::OK, shown(world, flag, now_ms)))
}

fn new_setting(body: &Value, old: Setting) -> Result<Setting, Refusal> {
    let mut setting = old;
    match body.get("active") {
        None => {}
        Some(Value::Bool(active)) => setting.active = *active,
        Some(_) => return Err(Refusal::invalid(Some("active"), "invalid", "Must be a valid boolean.")),
    }
    let Some(filters) = body.get("filters") else { return Ok(setting) };
    let invalid = |detail: &str| Refusal::invalid(Some("filters"), "invalid_input", detail);
    let groups = filters.get("groups").and_then(Value::as_array).ok_or_else(|| invalid("Filters must have groups."))?;
    let mut reach = 0.0f64;
    for group in groups {
        let percent = match group.get("rollout_percentage") {
            None | Some(Value::Null) => 100.0,
            Some(percent) => percent.as_f64().ok_or_else(|| invalid("rollout_percentage must be a number."))?,
        };
        if !(0.0..=100.0).contains(&percent) {
            return Err(invalid("rollout_percentage must be between 0 and 100."));
        }
        reach = reach.max(percent / 100.0);
    }
    setting.rollout = reach;
    Ok(setting)
}
