//! A chat request, as far as an answer depends on it. Read leniently: what is odd is treated as absent.

use serde_json::Value;

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) role: Role,
    /// Its text; the parts of a message in parts are joined.
    pub(super) text: String,
    /// The calls of an assistant's message: name and arguments.
    pub(super) calls: Vec<(String, String)>,
}

/// A tool that may be called.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) schema: Value,
}

/// A chat request.
#[derive(Debug, Clone)]
pub(super) struct Chat {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    pub(super) tools: Vec<Tool>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// The schema its answer must have.
    pub(super) output: Option<Value>,
    /// Tokens of the request, about.
    pub(super) prompt_tokens: u64,
}

impl Chat {
    /// Reads a request whose `messages` is known to be a list.
    pub(super) fn read(body: &Value) -> Chat {
        let list = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let tokens = |value: Option<&Value>| value.map_or(0, |value| about_tokens(&value.to_string()));
        let format = &body["response_format"];
        let output = match format["type"].as_str() {
            Some("json_schema") => Some(format["json_schema"]["schema"].clone()),
            Some("json_object") => Some(serde_json::json!({"type": "object"})),
            _ => None,
        };
        Chat {
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            messages: list("messages").iter().filter_map(message).collect(),
            tools: list("tools").iter().filter_map(tool).collect(),
            stream: body["stream"].as_bool().unwrap_or(false),
            include_usage: body["stream_options"]["include_usage"].as_bool().unwrap_or(false),
            output,
            prompt_tokens: tokens(body.get("messages")) + tokens(body.get("tools")),
        }
    }

    /// The last thing a person said.
    pub(super) fn question(&self) -> &str {
        self.messages.iter().rev().find(|message| message.role == Role::User).map_or("", |message| &message.text)
    }

    /// What came after the last thing a person said.
    pub(super) fn since_question(&self) -> &[Message] {
        let last = self.messages.iter().rposition(|message| message.role == Role::User);
        &self.messages[last.map_or(0, |at| at + 1)..]
    }

    /// The answers of tools to the calls of this turn, each with the name of its tool.
    pub(super) fn results(&self) -> Vec<(&str, &str)> {
        let turn = self.since_question();
        let mut names = turn.iter().flat_map(|message| &message.calls).map(|(name, _)| name.as_str());
        let answers = turn.iter().filter(|message| message.role == Role::Tool);
        answers.map(|message| (names.next().unwrap_or("tool"), message.text.as_str())).collect()
    }
}

/// How many tokens a text is, about: four letters each.
pub(super) fn about_tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// The text of a message's content: a string, or a list of parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn message(value: &Value) -> Option<Message> {
    let role = match value["role"].as_str()? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => return None,
    };
    let calls = value["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let call = |call: &Value| {
        let function = &call["function"];
        Some((function["name"].as_str()?.to_owned(), function["arguments"].as_str().unwrap_or_default().to_owned()))
    };
    Some(Message { role, text: text_of(&value["content"]), calls: calls.iter().filter_map(call).collect() })
}

fn tool(value: &Value) -> Option<Tool> {
    let function = &value["function"];
    Some(Tool {
        name: function["name"].as_str()?.to_owned(),
        description: function["description"].as_str().unwrap_or_default().to_owned(),
        schema: function["parameters"].clone(),
    })
}
