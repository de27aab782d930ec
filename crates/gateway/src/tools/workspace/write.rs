//! `workspace_write`: replaces one file, whole.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::within;
use crate::{
    core::Core,
    tools::{Effect, Tool, ToolAnswer, ToolContext, ToolError, input::read, output::known, schema},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    text: String,
}

/// The tool.
pub struct Write;

impl Tool for Write {
    fn name(&self) -> &'static str {
        "workspace_write"
    }

    fn description(&self) -> &'static str {
        "Replace a file of your workspace"
    }

    fn doing(&self) -> &'static str {
        "writing to the workspace"
    }

    fn parameters(&self) -> Value {
        schema::of::<Arguments>()
    }

    fn effect(&self) -> Effect {
        Effect::Propose
    }

    fn available(&self, core: &Core) -> bool {
        core.workspace.is_some()
    }

    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move { answer(context.core, read(arguments)?).await })
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let Arguments { path, text } = arguments;
    let bytes = text.len();
    let suffix = u64::from_le_bytes(core.random.bytes16()[..8].try_into().unwrap_or_default());
    within(core, move |workspace| workspace.write(&path, text.as_bytes(), suffix)).await?;
    Ok(known(format!("written, {bytes} bytes"), Vec::new()))
}
