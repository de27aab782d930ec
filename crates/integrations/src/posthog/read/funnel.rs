//! `FunnelsQuery`.

use serde::Deserialize;
use serde_json::json;
use wakeman_gateway::ports::{FunnelRequest, FunnelStep};

use crate::{
    http::{Failure, rfc3339},
    posthog::client::{Purpose, Wire},
};

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    order: usize,
    count: f64,
    #[serde(default)]
    median_conversion_time: Option<f64>,
}

pub(super) async fn funnel(wire: &Wire, request: FunnelRequest<'_>) -> Result<Vec<FunnelStep>, Failure> {
    let node = |event: &String| json!({"kind": "EventsNode", "event": event, "name": event});
    let query = json!({
        "kind": "FunnelsQuery",
        "series": request.steps.iter().map(node).collect::<Vec<_>>(),
        "dateRange": {"date_from": rfc3339(request.since)},
        "funnelsFilter": {"funnelVizType": "steps", "funnelOrderType": "ordered"},
    });
    let Answer { mut results } = wire.query("funnel query", query, Purpose::Ask).await?;
    results.sort_by_key(|step| step.order);
    if results.len() != request.steps.len() {
        let reason = format!("funnel query: {} steps instead of {}", results.len(), request.steps.len());
        return Err(Failure::Shape { reason });
    }
    let step = |(event, step): (&String, Step)| FunnelStep {
        event: event.clone(),
        users: step.count.max(0.0) as u64,
        median_ms: step.median_conversion_time.filter(|s| s.is_finite()).map(|seconds| (seconds * 1_000.0) as i64),
    };
    Ok(request.steps.iter().zip(results).map(step).collect())
}
