//! The proxy's routes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::answer::{Answer, Call, Usage};
use super::arguments::fill;
use super::error::{self, Kind};
use super::request::{Chat, about_tokens, text_of};
use super::rules::{Manner, Order};
use super::speak::{Delivery, Head, streamed, whole};
use super::{analyst, embed, obey};
use crate::Lab;

/// When LiteLLM says that its models were made.
const MADE: i64 = 1_677_610_602;

/// The routes below `/v1`.
pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
        .route("/chat/completions", post(chat))
        .route("/embeddings", post(embeddings))
        .route("/models", get(models))
        .method_not_allowed_fallback(|| async { detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .fallback(|| async { detail(StatusCode::NOT_FOUND, "Not Found") })
}

/// The proxy's health, outside `/v1`.
pub(crate) fn health() -> Router<Arc<Lab>> {
    let alive = || get(|| async { Json("I'm alive!") });
    Router::new()
        .route("/health", get(endpoints))
        .route("/health/liveliness", alive())
        .route("/health/liveness", alive())
        .route("/health/readiness", get(|| async { Json(json!({"status": "healthy", "db": "Not connected"})) }))
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"detail": text}))).into_response()
}

/// Any key will do, as a proxy's master key would; none will not.
fn has_key(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.strip_prefix("Bearer ").is_some_and(|key| !key.trim().is_empty())
}

fn no_key() -> Response {
    error::refusal(Kind::NoKey, "", None)
}

async fn models(State(lab): State<Arc<Lab>>, headers: HeaderMap) -> Response {
    if !has_key(&headers) {
        return no_key();
    }
    let list: Vec<Value> = lab
        .model()
        .aliases
        .iter()
        .map(|id| json!({"id": id, "object": "model", "created": MADE, "owned_by": "openai"}))
        .collect();
    Json(json!({"data": list, "object": "list"})).into_response()
}

async fn endpoints(State(lab): State<Arc<Lab>>, headers: HeaderMap) -> Response {
    if !has_key(&headers) {
        return no_key();
    }
    let healthy: Vec<Value> =
        lab.model().aliases.iter().map(|alias| json!({"model": format!("lab/{alias}")})).collect();
    let count = healthy.len();
    Json(json!({"healthy_endpoints": healthy, "unhealthy_endpoints": [], "healthy_count": count, "unhealthy_count": 0}))
        .into_response()
}

/// Key, JSON and model of a request, checked in the proxy's order.
// A refusal is built once and returned at once; boxing it would only add noise.
#[allow(clippy::result_large_err)]
fn checked(lab: &Lab, headers: &HeaderMap, route: &str, bytes: &Bytes) -> Result<(Value, u64), Response> {
    if !has_key(headers) {
        return Err(no_key());
    }
    let body: Value = serde_json::from_slice(bytes).map_err(|error| error::not_json(&error.to_string()))?;
    let mut desk = lab.model();
    let number = desk.count(route, bytes.len(), body.clone());
    let model = body["model"].as_str();
    if !model.is_some_and(|model| desk.aliases.iter().any(|alias| alias == model)) {
        return Err(error::unknown_model(route, model.unwrap_or("None")));
    }
    Ok((body, number))
}

async fn embeddings(State(lab): State<Arc<Lab>>, headers: HeaderMap, bytes: Bytes) -> Response {
    let (body, _) = match checked(&lab, &headers, "/embeddings", &bytes) {
        Ok(checked) => checked,
        Err(refusal) => return refusal,
    };
    let texts: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().map(text_of).collect(),
        _ => return error::missing("/embeddings", "input"),
    };
    let packed = body["encoding_format"] == "base64";
    let vectors = texts.iter().map(|text| embed::vector(text)).enumerate().map(|(index, vector)| {
        let numbers = if packed { json!(base64_of(&vector)) } else { json!(vector) };
        json!({"embedding": numbers, "index": index, "object": "embedding"})
    });
    let tokens = texts.iter().map(|text| about_tokens(text).max(1)).sum::<u64>();
    let usage = json!({"completion_tokens": 0, "prompt_tokens": tokens, "total_tokens": tokens});
    let data: Vec<Value> = vectors.collect();
    let answer = json!({"model": body["model"], "data": data, "object": "list", "usage": usage});
    let mut response = Json(answer).into_response();
    let cost = Usage { prompt: tokens, completion: 0 }.cost().to_string();
    response
        .headers_mut()
        .insert("x-litellm-response-cost", HeaderValue::from_str(&cost).unwrap_or(HeaderValue::from_static("0")));
    response
}

fn base64_of(vector: &[f32]) -> String {
    use base64::Engine as _;
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn chat(State(lab): State<Arc<Lab>>, headers: HeaderMap, bytes: Bytes) -> Response {
    let (body, number) = match checked(&lab, &headers, "/chat/completions", &bytes) {
        Ok(checked) => checked,
        Err(refusal) => return refusal,
    };
    if !body["messages"].is_array() {
        return error::missing("/chat/completions", "messages");
    }
    let chat = Chat::read(&body);
    let order = ordered(&lab, &chat);
    if let Some(order) = &order {
        if let Some(kind) = order.error {
            return error::refusal(kind, &chat.model, order.retry_after);
        }
        if order.manner == Some(Manner::Hang) {
            return crate::gate::silence(&lab).await;
        }
    }
    let created = lab.world().now_ms.div_euclid(1_000);
    let head = Head { number, model: &chat.model, created };
    let answer = answer(order.as_ref(), &chat, number);
    if answer.is_none() && !chat.stream {
        let words = "litellm.InternalServerError: InternalServerError: OpenAIException - Empty or invalid response from LLM endpoint. \
                     Received: '<html>hi<'. Check the reverse proxy or model server configuration.";
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(error::body(500, "internal_server_error", words)))
            .into_response();
    }
    // While streaming the proxy takes an upstream's garbage for an answer without words.
    let answer = answer.unwrap_or_default();
    let usage = Usage { prompt: chat.prompt_tokens, completion: answer.tokens() };
    let delivery = order.map_or(Delivery::default(), |order| Delivery {
        delay: Duration::from_millis(order.delay_ms),
        cut_after: order.cut_after,
        cut: order.cut,
    });
    if chat.stream {
        streamed(&head, &answer, chat.include_usage.then_some(usage), delivery)
    } else {
        whole(&head, &answer, usage, delivery)
    }
}

/// The first rule that fits; it is used up by one.
fn ordered(lab: &Lab, chat: &Chat) -> Option<Order> {
    let mut desk = lab.model();
    let rule = desk.rules.iter_mut().find(|rule| rule.fits(chat))?;
    if let Some(times) = &mut rule.order.times {
        *times -= 1;
    }
    Some(rule.order.clone())
}

/// The answer; `None` is garbage.
fn answer(order: Option<&Order>, chat: &Chat, number: u64) -> Option<Answer> {
    let Some(order) = order else { return Some(analyst::answer(chat, number)) };
    let mut answer = match order.manner {
        Some(Manner::Garbage) => return None,
        Some(Manner::Obey) => obey::answer(chat, number),
        Some(Manner::Endless) => restless(chat, number, true),
        Some(Manner::Repeat) => restless(chat, number, false),
        Some(Manner::Empty | Manner::Hang) => Answer::default(),
        None if order.text.is_some() || !order.tool_calls.is_empty() => {
            let calls = order.tool_calls.iter().enumerate();
            let calls = calls.map(|(at, call)| Call::new(number, at, &call.name, &call.arguments)).collect();
            Answer { text: order.text.clone().unwrap_or_default(), calls, finish: None }
        }
        Some(Manner::Analyst) | None => analyst::answer(chat, number),
    };
    answer.finish.clone_from(&order.finish_reason);
    Some(answer)
}

/// A call of the first tool on offer, whatever was said; `varied`: never twice the same.
fn restless(chat: &Chat, number: u64, varied: bool) -> Answer {
    let Some(tool) = chat.tools.first() else { return Answer::words("There is no tool to call.") };
    let text = if varied { format!("attempt {number}") } else { "again".to_owned() };
    let mut arguments = fill(&tool.schema, &text);
    if varied && let Some(fields) = arguments.as_object_mut() {
        fields.insert("attempt".to_owned(), json!(number));
    }
    Answer { calls: vec![Call::new(number, 0, &tool.name, &arguments)], ..Answer::default() }
}
