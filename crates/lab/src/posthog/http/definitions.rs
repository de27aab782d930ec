//! `event_definitions/` and `property_definitions/`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, page};
use crate::World;
use crate::posthog::{events as single, hogql, issues};
use crate::time::{DAY_MS, rfc3339};

pub(super) fn events(world: &World, call: &Call) -> Value {
    let search = call.param("search").unwrap_or_default().to_lowercase();
    let from_ms = world.scenario.history_start_ms();
    let text = "SELECT event, toUnixTimestamp64Milli(min(timestamp)), toUnixTimestamp64Milli(max(timestamp)) FROM events GROUP BY event LIMIT 50000";
    // The query is ours and always valid; without events there is nothing to list.
    let table = hogql::run(world, call.at_ms, text, &Value::Null).unwrap_or_default();
    let seen: BTreeMap<String, (i64, i64)> = table
        .rows
        .iter()
        .map(|row| {
            let number = |at: usize| row[at].number().unwrap_or(0.0) as i64;
            (row[0].shown(), (number(1), number(2)))
        })
        .collect();
    let named = seen.into_iter().filter(|(event, _)| event.to_lowercase().contains(&search));
    let shown = named.map(|(event, (first, last))| {
        json!({
            "id": issues::uuid(world.dice(&format!("event/{event}")), 0), "name": event, "description": "", "tags": [],
            "owner": null, "volume_30_day": null, "query_usage_30_day": null, "verified": false, "hidden": false,
            "is_action": false, "created_at": rfc3339(first.min(from_ms - 30 * DAY_MS)), "last_seen_at": rfc3339(last),
            "post_to_slack": false, "default_columns": [],
        })
    });
    page(call, shown.collect())
}

pub(super) fn properties(world: &World, call: &Call) -> Value {
    let search = call.param("search").unwrap_or_default().to_lowercase();
    let keys = single::property_keys(world, call.at_ms).into_iter().filter(|key| key.to_lowercase().contains(&search));
    let shown = keys.map(|key| {
        let numeric = key == single::DURATION;
        let kind = match &key {
            _ if numeric => "Numeric",
            key if key.starts_with("$feature/") => "Boolean",
            _ => "String",
        };
        json!({
            "id": issues::uuid(world.dice(&format!("property/{key}")), 0), "name": key, "is_numerical": numeric, "property_type": kind,
            "tags": [], "description": "", "verified": false, "hidden": false, "is_seen_on_filtered_events": null,
        })
    });
    page(call, shown.collect())
}
