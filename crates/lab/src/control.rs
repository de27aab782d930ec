//! The control plane `/_lab`: the clock, the log of effects, faults and, on request, the truth.

mod truth;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::gate::{EffectRecord, FaultRequest, catch_up};
use crate::time::{MINUTE_MS, parse_rfc3339, rfc3339};
use crate::{Lab, World, discord, github, model, telegram};

/// The project's number in PostHog.
pub(crate) const POSTHOG_PROJECT: &str = "1";
/// What to call the project on Vercel; the lab's Vercel takes any well-formed id.
const VERCEL_PROJECT: &str = "prj_app";
const VERCEL_TEAM: &str = "team_acme";

#[derive(Deserialize)]
struct StateQuery {
    truth: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    pub(crate) to: String,
}

pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
        .route("/state", get(state))
        .route("/advance", post(advance))
        .route("/effects", get(effects))
        .route("/faults", get(faults).post(order_fault).delete(clear_faults))
        .route("/model", model::control())
        .nest("/discord", discord::control())
        .nest("/telegram", telegram::control())
}

async fn state(State(lab): State<Arc<Lab>>, Query(query): Query<StateQuery>) -> Json<Value> {
    let world = lab.world();
    let mut state = public_state(&world);
    if query.truth.is_some_and(|truth| truth != "0" && truth != "false") {
        truth::add(&world, &mut state);
    }
    Json(state)
}

fn public_state(world: &World) -> Value {
    let scenario = &world.scenario;
    json!({
        "scenario": scenario.name,
        "seed": scenario.seed,
        "now": rfc3339(world.now_ms),
        "start": rfc3339(scenario.start_ms),
        "end": rfc3339(scenario.end_ms()),
        "step_minutes": scenario.step_ms / MINUTE_MS,
        "services": {
            "posthog": {"project_id": POSTHOG_PROJECT},
            "github": {"repository": format!("{}/{}", github::OWNER, github::NAME), "default_branch": github::BRANCH},
            "vercel": {"project_id": VERCEL_PROJECT, "team_id": VERCEL_TEAM},
        },
    })
}

async fn advance(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let advance: Advance = match read(&body, r#"{"to": "2026-01-05T09:00:00Z"}"#) {
        Ok(advance) => advance,
        Err(response) => return response,
    };
    let Some(to_ms) = parse_rfc3339(&advance.to) else {
        return refused(format!(
            "to {:?} is not an RFC 3339 instant; write it like \"2026-01-05T09:00:00Z\"",
            advance.to
        ));
    };
    let now_ms = lab.world().now_ms;
    if to_ms < now_ms {
        let (to, now) = (rfc3339(to_ms), rfc3339(now_ms));
        return refused(format!(
            "the clock stands at {now} and cannot go back to {to}; serve the scenario anew to start over"
        ));
    }
    catch_up(&lab, to_ms).await;
    let mut world = lab.world();
    world.advance_to(to_ms);
    Json(json!({ "now": rfc3339(world.now_ms) })).into_response()
}

async fn effects(State(lab): State<Arc<Lab>>) -> Json<Vec<EffectRecord>> {
    Json(lab.world().effects.clone())
}

async fn faults(State(lab): State<Arc<Lab>>) -> Json<Vec<FaultRequest>> {
    Json(lab.faults().orders().iter().map(|order| order.request.clone()).collect())
}

async fn order_fault(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let example = r#"{"service": "github", "match": "PUT .*/merge", "mode": "reply_lost", "times": 1}"#;
    let order: FaultRequest = match read(&body, example) {
        Ok(order) => order,
        Err(response) => return response,
    };
    match lab.faults().add(order.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(order)).into_response(),
        Err(error) => refused(error.to_string()),
    }
}

async fn clear_faults(State(lab): State<Arc<Lab>>) -> StatusCode {
    lab.faults().clear();
    StatusCode::NO_CONTENT
}

// A refusal is built once and returned at once; boxing it would only add noise.
#[allow(clippy::result_large_err)]
pub(crate) fn read<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Response> {
    serde_json::from_slice(body)
        .map_err(|error| refused(format!("the body is not what is expected here: {error}; send for example {example}")))
}

pub(crate) fn refused(problem: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": problem }))).into_response()
}
