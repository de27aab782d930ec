//! `posthog_annotations`: notes that people put on the time line.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    tools::{
        Effect, Tool, ToolAnswer, ToolContext, ToolError,
        input::{read, since, unread},
        output::{Rows, asked, stamp},
        schema,
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    days: Option<f64>,
}

/// The tool.
pub struct Annotations;

impl Tool for Annotations {
    fn name(&self) -> &'static str {
        "posthog_annotations"
    }

    fn description(&self) -> &'static str {
        "Notes on the time line"
    }

    fn doing(&self) -> &'static str {
        "asking PostHog for annotations"
    }

    fn parameters(&self) -> Value {
        schema::of::<Arguments>()
    }

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readInsights")
    }

    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move { answer(context.core, read(arguments)?).await })
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let from = since(core.now(), arguments.days, 30.0);
    let notes = reader(core)?.annotations(from).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["time", "note", "by"]);
    for note in &notes {
        rows.push([stamp(core, note.at).as_str(), &note.text, note.by.as_deref().unwrap_or("-")]);
    }
    let text = format!("since {}\n{}", stamp(core, from), rows.finish("no annotations", false));
    Ok(asked(core, SOURCE, "annotations", None, text))
}
