//! `insights/…`: one saved insight per metric, its query a scalar over the last hour.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::person;
use super::query::quoted;
use super::{Answer, Call, Refusal, page, query};
use crate::World;
use crate::posthog::events::DURATION;
use crate::scenario::{Metric, MetricKind};
use crate::time::rfc3339;
use crate::world::trials_event;

pub(super) fn route(world: &World, call: &Call, rest: &[&str]) -> Answer {
    if call.method != Method::GET {
        return Err(Refusal::method(&call.method));
    }
    match rest {
        [] => {
            let search = call.param("search").unwrap_or_default().to_lowercase();
            let short = call.param("short_id");
            let all = world.scenario.metrics.iter().enumerate();
            let wanted = all.filter(|(at, metric)| {
                metric.name.to_lowercase().contains(&search) && short.is_none_or(|short| short == short_id(world, *at))
            });
            Ok((StatusCode::OK, page(call, wanted.map(|(at, metric)| shown(world, at, metric)).collect())))
        }
        [id] => {
            let place = |at: &usize| (at + 1).to_string() == *id || short_id(world, *at) == *id;
            let at = (0..world.scenario.metrics.len()).find(place).ok_or_else(Refusal::not_found)?;
            let mut insight = shown(world, at, &world.scenario.metrics[at]);
            let answer = query::run(world, call, &insight["query"])?;
            insight["result"] = answer["results"].clone();
            insight["columns"] = answer["columns"].clone();
            insight["last_refresh"] = answer["last_refresh"].clone();
            Ok((StatusCode::OK, insight))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn short_id(world: &World, at: usize) -> String {
    let bits = world.dice("insight").bits(at as u64, 0);
    format!("{bits:016x}")[..8].to_owned()
}

fn hogql_of(world: &World, metric: &Metric) -> String {
    let event = quoted(&metric.event);
    let hour = "timestamp > now() - INTERVAL 1 HOUR";
    match metric.kind {
        MetricKind::Count => format!("SELECT count() FROM events WHERE event = {event} AND {hour}"),
        MetricKind::Duration => {
            format!("SELECT avg(properties.{DURATION}) FROM events WHERE event = {event} AND {hour}")
        }
        MetricKind::Ratio => {
            let base = metric.of.as_deref().and_then(|of| world.scenario.metric(of));
            let base = quoted(&base.map_or_else(|| trials_event(metric), |base| base.event.clone()));
            format!("SELECT countIf(event = {event}) / countIf(event = {base}) FROM events WHERE {hour}")
        }
    }
}

fn shown(world: &World, at: usize, metric: &Metric) -> Value {
    let created = rfc3339(world.scenario.history_start_ms());
    json!({
        "id": at + 1, "short_id": short_id(world, at), "name": metric.name, "derived_name": null, "saved": true, "favorited": false,
        "description": metric.kind.word(), "tags": [metric.kind.word()], "deleted": false, "order": null, "dashboards": [],
        "dashboard_tiles": [], "filters": {}, "result": null, "last_refresh": null, "is_sample": false,
        "query": {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": hogql_of(world, metric)}},
        "created_at": created, "last_modified_at": created, "updated_at": created, "created_by": person(world, "ada"),
        "last_modified_by": person(world, "ada"), "effective_restriction_level": 21, "user_access_level": "editor", "timezone": "UTC",
    })
}
