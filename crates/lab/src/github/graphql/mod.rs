//! GraphQL: enough of the language to answer honestly, for the fields listed in `schema`.
//!
//! A document is parsed, checked against the schema, and only then executed, so that a mutation with a mistake in it
//! has no effect. Mistakes are answered with 200 and `errors`, as GitHub does.

mod execute;
mod lex;
mod schema;
mod syntax;

use serde_json::{Map, Value, json};

use super::Repo;
use super::api::{Answer, Call, Refusal, Reply};
use syntax::{Document, Kind, Operation};

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq)]
struct Fault {
    message: String,
    /// GitHub's class of the error (`NOT_FOUND`, `UNPROCESSABLE`), for those that have one.
    class: Option<&'static str>,
    path: Vec<String>,
    extensions: Option<Value>,
    at: syntax::Position,
}

impl Fault {
    fn new(message: impl Into<String>, at: syntax::Position) -> Self {
        Self { message: message.into(), class: None, path: Vec::new(), extensions: None, at }
    }

    fn json(&self) -> Value {
        let mut fault = json!({
            "message": self.message, "locations": [{"line": self.at.line, "column": self.at.column}],
        });
        if let Some(class) = self.class {
            fault["type"] = json!(class);
        }
        if !self.path.is_empty() {
            fault["path"] = json!(self.path);
        }
        if let Some(extensions) = &self.extensions {
            fault["extensions"] = extensions.clone();
        }
        fault
    }
}

/// What a call asks: the document, which of its operations, and with what variables.
struct Question {
    query: String,
    name: Option<String>,
    variables: Map<String, Value>,
}

fn question(call: &Call) -> Result<Question, Refusal> {
    let mut body = call.object()?;
    let Some(Value::String(query)) = body.remove("query") else {
        return Err(Refusal::BadRequest("A query attribute must be specified and must be a string."));
    };
    let name = body.get("operationName").and_then(Value::as_str).map(str::to_owned);
    let variables = match body.remove("variables") {
        Some(Value::Object(variables)) => variables,
        _ => Map::new(),
    };
    Ok(Question { query, name, variables })
}

/// Whether a call can change nothing: it is GraphQL, and no mutation.
pub(super) fn only_reads(call: &Call) -> bool {
    let read = |question: Question| {
        let document = syntax::parse(&question.query).ok()?;
        document.operation(question.name.as_deref()).map(|operation| operation.kind == Kind::Query)
    };
    call.is_graphql() && question(call).ok().and_then(read).unwrap_or(false)
}

/// Answers `POST /graphql`.
pub(super) fn answer(repo: &mut Repo, call: &mut Call) -> Answer {
    let Question { query, name, variables } = question(call)?;
    let errors =
        |faults: Vec<Fault>| Reply::json(json!({"errors": faults.iter().map(Fault::json).collect::<Vec<_>>()}));
    let document = match syntax::parse(&query) {
        Ok(document) => document,
        Err(fault) => return Ok(errors(vec![fault])),
    };
    let Some(operation) = document.operation(name.as_deref()) else {
        return Ok(errors(vec![Fault::new("No operation named as asked", syntax::Position::default())]));
    };
    let faults = schema::check(&document, operation);
    if !faults.is_empty() {
        return Ok(errors(faults));
    }
    Ok(run(repo, call, &document, operation, variables))
}

fn run(
    repo: &mut Repo,
    call: &mut Call,
    document: &Document,
    operation: &Operation,
    mut variables: Map<String, Value>,
) -> Reply {
    for (name, default) in &operation.defaults {
        variables.entry(name.clone()).or_insert_with(|| default.clone());
    }
    let mut execution = execute::Execution::new(repo, call, document, variables);
    let data = execution.operation(operation);
    let faults = execution.faults;
    let mut answer = json!({ "data": data });
    if !faults.is_empty() {
        answer["errors"] = faults.iter().map(Fault::json).collect();
    }
    Reply::json(answer)
}
