//! `workspace_read`: a file, or what is in a folder.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use wakeman_present::sanitize;

use super::{confined::Entry, within};
use crate::{
    core::Core,
    tools::{Effect, Tool, ToolAnswer, ToolContext, ToolError, input::read, output::known, schema},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: Option<String>,
}

/// The tool.
pub struct Read;

impl Tool for Read {
    fn name(&self) -> &'static str {
        "workspace_read"
    }

    fn description(&self) -> &'static str {
        "A file or folder of your workspace"
    }

    fn doing(&self) -> &'static str {
        "reading the workspace"
    }

    fn parameters(&self) -> Value {
        schema::of::<Arguments>()
    }

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn available(&self, core: &Core) -> bool {
        core.workspace.is_some()
    }

    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move { answer(context.core, read(arguments)?).await })
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
