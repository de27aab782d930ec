//! `/_lab/model`: what is answered, and what was asked.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ModelDesk;
use super::rules::{Order, Rule};
use crate::Lab;

/// What a rule may look like, for whoever wrote one that is not understood.
const EXAMPLE: &str = r#"[{"match": "sign-ups", "text": "They fell."}, {"match": "any", "do": "obey"}]"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Orders {
    #[serde(default)]
    rules: Option<Vec<Order>>,
    #[serde(default)]
    models: Option<Vec<String>>,
}

pub(crate) fn router() -> MethodRouter<Arc<Lab>> {
    get(show).post(set).delete(clear)
}

async fn show(State(lab): State<Arc<Lab>>) -> Json<Value> {
    let desk = lab.model();
    let rules: Vec<&Order> = desk.rules.iter().map(|rule| &rule.order).collect();
    Json(json!({"rules": rules, "models": desk.aliases, "calls": desk.calls, "last": desk.last}))
}

/// Replaces the rules: a list of them, or `{"rules": […], "models": […]}`, each only if it is there.
async fn set(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let orders = match serde_json::from_slice::<Value>(&body) {
        Ok(list @ Value::Array(_)) => {
            serde_json::from_value(list).map(|rules| Orders { rules: Some(rules), models: None })
        }
        Ok(object) => serde_json::from_value(object),
        Err(error) => Err(error),
    };
    let orders: Orders = match orders {
        Ok(orders) => orders,
        Err(error) => return refused(format!("the body is not a list of rules: {error}; send for example {EXAMPLE}")),
    };
    let rules = orders.rules.map(|rules| rules.into_iter().map(Rule::new).collect::<Result<Vec<_>, _>>()).transpose();
    let rules = match rules {
        Ok(rules) => rules,
        Err(problem) => return refused(problem),
    };
    let mut desk = lab.model();
    if let Some(rules) = rules {
        desk.rules = rules;
    }
    if let Some(models) = orders.models {
        desk.aliases = models;
    }
    (StatusCode::CREATED, Json(json!({"rules": desk.rules.len(), "models": desk.aliases}))).into_response()
}

async fn clear(State(lab): State<Arc<Lab>>) -> StatusCode {
    *lab.model() = ModelDesk::default();
    StatusCode::NO_CONTENT
}

fn refused(problem: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": problem}))).into_response()
}
