//! `posthog_query`: HogQL, one reading query at a time, its rows limited.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    ports::QueryRequest,
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{text, unread},
        output::{Rows, asked, number},
    },
};

/// Rows of an answer. More is for people's own tools.
const ROWS_MAX: usize = 500;
/// The longest query, in characters.
const SQL_LEN_MAX: usize = 20_000;
/// Tables behind a switch.
const SWITCHED: [(&str, &[&str]); 2] = [
    ("readLogs", &["logs", "log_attributes", "log_entries"]),
    (
        "readErrors",
        &[
            "error_tracking_issues",
            "error_tracking_fingerprint_issue_mappings",
            "error_tracking_issue_fingerprint_overrides",
        ],
    ),
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    sql: String,
}

/// The tool.
pub struct Query;

impl TypedTool for Query {
    const NAME: &'static str = "posthog_query";
    const DESCRIPTION: &'static str =
        "One HogQL SELECT over events (event, timestamp, person_id, properties.x); 500 rows at most";
    const DOING: &'static str = "asking PostHog";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readInsights")
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context.core, arguments).await
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let sql = text("sql", Some(arguments.sql), SQL_LEN_MAX)?;
    let off = SWITCHED.iter().filter(|(switch, _)| !core.tools.allows("posthog", switch));
    let hidden: Vec<&str> = off.flat_map(|(_, tables)| tables.iter().copied()).collect();
    let request = QueryRequest { sql: &sql, rows_max: ROWS_MAX, hidden: &hidden };
    let answer = reader(core)?.query(request).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::with_columns(&answer.columns);
    for row in answer.rows.iter().take(ROWS_MAX) {
        rows.push(row.iter().map(shown));
    }
    let more = answer.more || answer.rows.len() > ROWS_MAX;
    Ok(asked(core, SOURCE, &answer.asked, answer.as_of, rows.finish("no rows", more)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        other => other.to_string(),
    }
}
