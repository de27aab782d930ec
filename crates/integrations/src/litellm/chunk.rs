//! What hosts answer, read leniently: each field is taken in any form that was seen, and its absence is no error.

use serde_json::Value;
use wakeman_gateway::ports::Finish;

/// A piece of a tool call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CallPiece {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: String,
}

/// A piece of an answer, or a whole one: what they share.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) text: String,
    pub(super) calls: Vec<CallPiece>,
    /// The reason to stop, in the host's words.
    pub(super) finish: Option<String>,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) cost_usd: Option<f64>,
}

/// An error in the place of a piece.
pub(super) fn error(value: &Value) -> Option<Value> {
    match &value["error"] {
        Value::Null if value["object"] == "error" => Some(value.clone()),
        Value::Null => None,
        Value::String(words) => Some(serde_json::json!({"message": words, "code": value["code"]})),
        other => Some(other.clone()),
    }
}

/// Reads a chunk of a stream or a whole completion.
pub(super) fn read(value: &Value) -> Chunk {
    let choices = value["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    // We ask for one answer; a host that sends more numbers them.
    let choice = choices.iter().find(|choice| choice["index"].as_u64().unwrap_or(0) == 0).unwrap_or(&Value::Null);
    let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
    let usage = &value["usage"];
    let calls = said["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    Chunk {
        text: text(&said["content"]) + said["refusal"].as_str().unwrap_or_default(),
        calls: calls.iter().map(call).collect(),
        finish: choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()).map(str::to_owned),
        prompt_tokens: count(&usage["prompt_tokens"]),
        completion_tokens: count(&usage["completion_tokens"]),
        cost_usd: number(&usage["cost"]),
    }
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn call(value: &Value) -> CallPiece {
    let function = &value["function"];
    let filled = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    CallPiece {
        index: value["index"].as_u64(),
        id: filled(&value["id"]),
        name: filled(&function["name"]),
        arguments: match &function["arguments"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            object => object.to_string(),
        },
    }
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| number(value).map(|number| number as u64))
}

/// A number that is not negative, written as one or as a text.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// What a reason to stop means; `None`: it is not known.
pub(super) fn finish(reason: &str) -> Option<Finish> {
    match reason {
        "stop" | "end_turn" | "eos" | "stop_sequence" => Some(Finish::Stop),
        "tool_calls" | "tool_use" | "function_call" => Some(Finish::ToolCalls),
        "length" | "max_tokens" => Some(Finish::Length),
        "content_filter" | "safety" => Some(Finish::Filtered),
        _ => None,
    }
}
