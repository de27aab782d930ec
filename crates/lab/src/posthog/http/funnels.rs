//! `FunnelsQuery`: who did one event after the other, by way of HogQL.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::query::{quoted, refused, wrapped};
use super::{Call, Refusal, trends};
use crate::World;
use crate::posthog::hogql;
use crate::time::{DAY_MS, rfc3339};

/// How long after the first step the last may come, as PostHog's default.
const WINDOW_MS: i64 = 14 * DAY_MS;

/// When somebody began, and when they came to the step at hand.
type Progress = (i64, i64);

pub(super) fn query(world: &World, call: &Call, query: &Value) -> Result<Value, Refusal> {
    let series = query.get("series").and_then(Value::as_array).filter(|series| series.len() >= 2);
    let invalid = |detail: &str| Refusal::invalid(None, "invalid_input", detail);
    let series = series.ok_or_else(|| invalid("Funnels require at least two steps before calculating."))?;
    let range = trends::range(query.get("dateRange"), call.at_ms);
    let mut users: BTreeMap<String, Progress> = BTreeMap::new();
    let mut results = Vec::with_capacity(series.len());
    for (order, node) in series.iter().enumerate() {
        let event = node.get("event").and_then(Value::as_str);
        let event = event.ok_or_else(|| invalid("A step of a funnel needs an event."))?;
        let times = times(world, call, event, range)?;
        let mut taken = Vec::new();
        if order == 0 {
            users = times.into_iter().map(|(user, all)| (user, (all[0], all[0]))).collect();
        } else {
            users.retain(|user, progress| {
                let next = times.get(user).and_then(|all| all.iter().copied().find(|at| *at > progress.1));
                let next = next.filter(|at| at - progress.0 <= WINDOW_MS);
                taken.extend(next.map(|at| at - progress.1));
                next.inspect(|at| progress.1 = *at).is_some()
            });
        }
        taken.sort_unstable();
        let name = node.get("name").cloned().unwrap_or_else(|| json!(event));
        results.push(json!({
            "action_id": event, "name": name, "custom_name": node.get("custom_name"), "order": order, "people": [],
            "count": users.len(), "type": "events", "average_conversion_time": average(&taken),
            "median_conversion_time": taken.get(taken.len() / 2).map(|ms| *ms as f64 / 1_000.0),
        }));
    }
    Ok(wrapped(results.into(), call.at_ms))
}

fn average(taken: &[i64]) -> Option<f64> {
    (!taken.is_empty()).then(|| taken.iter().sum::<i64>() as f64 / taken.len() as f64 / 1_000.0)
}

/// When each user did it, in order; no list is empty.
fn times(
    world: &World,
    call: &Call,
    event: &str,
    (from, to): (i64, i64),
) -> Result<BTreeMap<String, Vec<i64>>, Refusal> {
    let text = format!(
        "SELECT distinct_id, toUnixTimestamp64Milli(timestamp) AS at FROM events WHERE event = {} \
         AND timestamp >= toDateTime('{}') AND timestamp <= toDateTime('{}') ORDER BY at LIMIT 50000",
        quoted(event),
        rfc3339(from),
        rfc3339(to)
    );
    let table = hogql::run(world, call.at_ms, &text, &Value::Null).map_err(refused)?;
    let mut times: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in &table.rows {
        times.entry(row[0].shown()).or_default().push(row[1].number().unwrap_or(0.0) as i64);
    }
    Ok(times)
}
