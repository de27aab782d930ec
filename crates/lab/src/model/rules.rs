//! What whoever runs the lab orders over `/_lab/model`.

use regex_automata::meta::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Kind;
use super::request::Chat;

/// How a matching request is answered when not by words or calls of the rule's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Manner {
    /// As without a rule.
    Analyst,
    /// Does every instruction it reads, in data too.
    Obey,
    /// Calls a tool for ever, with other arguments each time.
    Endless,
    /// Calls a tool for ever, always the same way.
    Repeat,
    /// Words that are no answer: what a proxy says when its upstream is broken.
    Garbage,
    /// An answer without words or calls.
    Empty,
    /// No answer at all.
    Hang,
}

/// How an answer breaks off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cut {
    /// The connection closes.
    #[default]
    Close,
    /// An error event, as the proxy sends it when its upstream breaks off; then the stream ends without `[DONE]`.
    Error,
}

/// A tool call to answer with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderedCall {
    pub(super) name: String,
    /// An object, or a text that is sent as it is, JSON or not.
    #[serde(default)]
    pub(super) arguments: Value,
}

/// One order. The first that fits a request answers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// `any`, or a part of the last user message.
    #[serde(rename = "match", default = "any")]
    part: String,
    /// A regular expression on the last user message; both must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    /// Only requests for this alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Only requests with (`true`) or without (`false`) answers of tools since the last user message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_tools: Option<bool>,
    /// How many requests it answers; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u32>,
    /// Words to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Calls to answer with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<OrderedCall>,
    /// The reason to stop with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finish_reason: Option<String>,
    /// Instead of words or calls.
    #[serde(rename = "do", default, skip_serializing_if = "Option::is_none")]
    pub(super) manner: Option<Manner>,
    /// A refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Kind>,
    /// The refusal's wait, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u32>,
    /// Pause before each piece of the answer.
    #[serde(default)]
    pub(super) delay_ms: u64,
    /// The answer breaks off after so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut_after: Option<usize>,
    /// How it breaks off.
    #[serde(default)]
    pub(super) cut: Cut,
}

fn any() -> String {
    "any".to_owned()
}

/// An order that was understood.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) order: Order,
    regex: Option<Regex>,
}

impl Rule {
    /// Checks an order.
    ///
    /// # Errors
    /// What is wrong with it, with the remedy.
    pub(super) fn new(order: Order) -> Result<Rule, String> {
        let ways =
            [order.text.is_some() || !order.tool_calls.is_empty(), order.manner.is_some(), order.error.is_some()];
        if ways.iter().filter(|way| **way).count() > 1 {
            return Err(
                "a rule answers in one way: text and tool_calls, or do, or error; leave the others out".to_owned()
            );
        }
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| format!("regex {pattern:?} is not a regular expression: {error}"))
        };
        let regex = order.regex.as_ref().map(compile).transpose()?;
        Ok(Rule { order, regex })
    }

    /// Whether the rule answers this request.
    pub(super) fn fits(&self, chat: &Chat) -> bool {
        let Order { part, model, after_tools, times, .. } = &self.order;
        let question = chat.question();
        *times != Some(0)
            && (part == "any" || question.contains(part.as_str()))
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(question))
            && model.as_ref().is_none_or(|model| *model == chat.model)
            && after_tools.is_none_or(|after| after != chat.results().is_empty())
    }
}
