//! `query/…`: running queries, at once or in the background.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Call, Refusal, funnels, tracking, trends};
use crate::World;
use crate::posthog::hogql::{self, QueryError, Table};
use crate::posthog::issues;
use crate::time::rfc3339;

pub(super) fn refused(error: QueryError) -> Refusal {
    Refusal::invalid(None, error.code, error.detail)
}

/// A name as a text of HogQL.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub(super) fn route(world: &mut World, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::POST, []) => submit(world, call),
        (&Method::GET, [id]) => status(world, call, id),
        (&Method::DELETE, [_]) => Ok((StatusCode::NO_CONTENT, Value::Null)),
        (_, [] | [_]) => Err(Refusal::method(&call.method)),
        _ => Err(Refusal::not_found()),
    }
}

fn submit(world: &mut World, call: &Call) -> Answer {
    let query =
        call.body.get("query").ok_or_else(|| Refusal::invalid(Some("query"), "required", "This field is required."))?;
    let refresh = call.body.get("refresh").and_then(Value::as_str).unwrap_or_default();
    let background = call.body.get("async").and_then(Value::as_bool).unwrap_or(false);
    if !background && !matches!(refresh, "async" | "force_async" | "lazy_async" | "async_except_on_cache_miss") {
        return Ok((StatusCode::OK, run(world, call, query)?));
    }
    let given = call.body.get("client_query_id").and_then(Value::as_str).map(str::to_owned);
    let place = world.posthog.background.len() as u64;
    let id = given.unwrap_or_else(|| issues::uuid(world.dice("query"), place));
    // It is worked out at once and told when asked for: the first answer never carries the result.
    let outcome = run(world, call, query).map_err(|refusal| refusal.detail);
    let told = query_status(&id, call.at_ms, None);
    world.posthog.background.insert(id, (call.at_ms, outcome));
    Ok((StatusCode::ACCEPTED, json!({ "query_status": told })))
}

fn status(world: &World, call: &Call, id: &str) -> Answer {
    let Some((started_ms, outcome)) = world.posthog.background.get(id) else {
        let detail = format!("Query {id} not found for team 1");
        return Err(Refusal::new(StatusCode::NOT_FOUND, "invalid_request", "not_found", detail));
    };
    let mut told = query_status(id, *started_ms, Some(outcome));
    told["end_time"] = json!(rfc3339(call.at_ms));
    let code = if outcome.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok((code, json!({ "query_status": told })))
}

fn query_status(id: &str, started_ms: i64, outcome: Option<&Result<Value, String>>) -> Value {
    json!({
        "id": id, "team_id": 1, "query_async": true, "complete": outcome.is_some(),
        "error": outcome.is_some_and(Result::is_err), "error_message": outcome.and_then(|outcome| outcome.as_ref().err()),
        "results": outcome.and_then(|outcome| outcome.as_ref().ok()), "start_time": rfc3339(started_ms), "end_time": null,
        "expiration_time": null, "insight_id": null, "dashboard_id": null, "labels": null, "task_id": null,
    })
}

/// Runs a query of any supported kind.
pub(super) fn run(world: &World, call: &Call, query: &Value) -> Result<Value, Refusal> {
    let kind = query.get("kind").and_then(Value::as_str);
    let kind = kind.ok_or_else(|| Refusal::invalid(Some("query"), "invalid_input", "A query needs a kind."))?;
    match kind {
        "HogQLQuery" => {
            let text = query.get("query").and_then(Value::as_str);
            let text =
                text.ok_or_else(|| Refusal::invalid(Some("query"), "required", "HogQLQuery needs a query text."))?;
            let values = query.get("values").unwrap_or(&Value::Null);
            let table = hogql::run(world, call.at_ms, text, values).map_err(refused)?;
            Ok(answer(&table, call.at_ms, text))
        }
        "DataVisualizationNode" | "DataTableNode" | "InsightVizNode" => {
            run(world, call, query.get("source").unwrap_or(&Value::Null))
        }
        "ErrorTrackingQuery" => tracking::query(world, call, query),
        "TrendsQuery" => trends::query(world, call, query),
        "FunnelsQuery" => funnels::query(world, call, query),
        other => Err(Refusal::invalid(None, "invalid_input", format!("Unsupported query kind: {other}"))),
    }
}

fn answer(table: &Table, at_ms: i64, text: &str) -> Value {
    let rows: Vec<Value> = table.rows.iter().map(|row| row.iter().map(|value| value.json()).collect()).collect();
    let types: Vec<Value> = table.columns.iter().zip(table.types()).map(|(name, kind)| json!([name, kind])).collect();
    let mut body = wrapped(rows.into(), at_ms);
    body["columns"] = json!(table.columns);
    body["types"] = types.into();
    body["hasMore"] = json!(table.more);
    body["limit"] = json!(table.limit);
    body["offset"] = json!(table.offset);
    body["hogql"] = json!(text);
    body["query"] = json!(text);
    body["clickhouse"] = Value::Null;
    body
}

/// What every answer has beside its results.
pub(super) fn wrapped(results: Value, at_ms: i64) -> Value {
    json!({
        "results": results, "is_cached": false, "last_refresh": rfc3339(at_ms), "cache_key": null,
        "calculation_trigger": null, "cache_target_age": null, "next_allowed_client_refresh": rfc3339(at_ms),
        "query_status": null, "error": null, "timezone": "UTC", "modifiers": {}, "timings": null,
    })
}
