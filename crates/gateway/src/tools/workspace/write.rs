//! `workspace_write`: replaces one file, whole.

use schemars::JsonSchema;
use serde::Deserialize;

use super::within;
use crate::{
    core::Core,
    tools::{Effect, ToolAnswer, ToolContext, ToolError, TypedTool, output::known},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    path: String,
    text: String,
}

/// The tool.
pub struct Write;

impl TypedTool for Write {
    const NAME: &'static str = "workspace_write";
    const DESCRIPTION: &'static str = "Replace a file of your workspace";
    const DOING: &'static str = "writing to the workspace";
    const EFFECT: Effect = Effect::Propose;
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        core.workspace.is_some()
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context.core, arguments).await
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let Arguments { path, text } = arguments;
    let bytes = text.len();
    let suffix = u64::from_le_bytes(core.random.bytes16()[..8].try_into().unwrap_or_default());
    within(core, move |workspace| workspace.write(&path, text.as_bytes(), suffix)).await?;
    Ok(known(format!("written, {bytes} bytes"), Vec::new()))
}
