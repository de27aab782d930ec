//! `posthog_annotations`: notes that people put on the time line.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{since, unread},
        output::{Rows, asked, stamp},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    days: Option<f64>,
}

/// The tool.
pub struct Annotations;

impl TypedTool for Annotations {
    const NAME: &'static str = "posthog_annotations";
    const DESCRIPTION: &'static str = "Notes on the time line";
    const DOING: &'static str = "asking PostHog for annotations";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readInsights")
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let from = since(context.core.now(), arguments.days, 30.0);
    let notes = reader(context.core)?.annotations(from).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["time", "note", "by"]);
    for note in &notes {
        rows.push([stamp(context, note.at).as_str(), &note.text, note.by.as_deref().unwrap_or("-")]);
    }
    let text = format!("since {}\n{}", stamp(context, from), rows.finish("no annotations", false));
    Ok(asked(context.core, SOURCE, "annotations", None, text))
}
