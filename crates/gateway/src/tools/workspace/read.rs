//! `workspace_read`: a file, or what is in a folder.

use schemars::JsonSchema;
use serde::Deserialize;
use wakeman_present::sanitize;

use super::{confined::Entry, within};
use crate::{
    core::Core,
    tools::{ToolAnswer, ToolContext, ToolError, TypedTool, output::known},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    path: Option<String>,
}

/// The tool.
pub struct Read;

impl TypedTool for Read {
    const NAME: &'static str = "workspace_read";
    const DESCRIPTION: &'static str = "A file or folder of your workspace";
    const DOING: &'static str = "reading the workspace";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        core.workspace.is_some()
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context.core, arguments).await
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let path = arguments.path.unwrap_or_default();
    let found = within(core, move |workspace| workspace.read(&path)).await?;
    let text = match found {
        Entry::File(text) => text,
        Entry::Folder(names) if names.is_empty() => "empty".to_owned(),
        Entry::Folder(names) => names.iter().map(|name| sanitize(name, 300)).collect::<Vec<_>>().join("\n"),
    };
    Ok(known(text, Vec::new()))
}
