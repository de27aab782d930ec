//! `posthog_errors`: errors as PostHog groups them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{limit, since, unread},
        output::{Rows, asked, stamp},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    days: Option<f64>,
    search: Option<String>,
    limit: Option<u64>,
}

/// The tool.
pub struct Errors;

impl TypedTool for Errors {
    const NAME: &'static str = "posthog_errors";
    const DESCRIPTION: &'static str = "Exceptions, most frequent first";
    const DOING: &'static str = "asking PostHog for errors";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readErrors")
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let from = since(context.core.now(), arguments.days, 1.0);
    let search = arguments.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
    let issues = reader(context.core)?.error_issues(from, search).await.map_err(|error| unread(SOURCE, error))?;
    let wanted = limit(arguments.limit, 20, 100);
    let mut rows = Rows::new(&["error", "message", "status", "times", "first seen", "last seen", "top frame", "id"]);
    for issue in issues.iter().take(wanted) {
        let frame = [issue.source.as_deref(), issue.function.as_deref()].into_iter().flatten();
        let frame = frame.collect::<Vec<_>>().join(" ");
        let (first, last) = (stamp(context, issue.first_seen), stamp(context, issue.last_seen));
        let times = issue.occurrences.to_string();
        rows.push([&issue.name, &issue.description, &issue.status, &times, &first, &last, &frame, &issue.id]);
    }
    let text = format!("since {}\n{}", stamp(context, from), rows.finish("no errors", issues.len() > wanted));
    Ok(asked(context.core, SOURCE, &format!("errors since {}", stamp(context, from)), None, text))
}
