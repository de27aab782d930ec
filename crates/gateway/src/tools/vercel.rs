//! `vercel_deployments`: what was deployed, and what is live.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ToolAnswer, ToolContext, ToolError, TypedTool,
    input::{limit, unread},
    output::{Rows, asked, stamp, stamp_or},
};
use crate::{core::Core, ports::DeployRequest};

/// The source's name in answers.
const SOURCE: &str = "Vercel";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// READY, ERROR, BUILDING
    state: Option<String>,
    previews: Option<bool>,
    limit: Option<u64>,
}

/// The tool.
pub struct VercelDeployments;

impl TypedTool for VercelDeployments {
    const NAME: &'static str = "vercel_deployments";
    const DESCRIPTION: &'static str = "Vercel deployments, newest first";
    const DOING: &'static str = "asking Vercel";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        core.readers.deploys.is_some()
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let Some(reader) = context.core.readers.deploys.as_deref() else {
        return Err(ToolError::Refused("Vercel is not configured".to_owned()));
    };
    let wanted = limit(arguments.limit, 10, 100);
    let request = DeployRequest {
        production: !arguments.previews.unwrap_or(false),
        state: arguments.state.as_deref(),
        limit: wanted,
    };
    let deployments = reader.deployments(request).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows =
        Rows::new(&["created", "state", "target", "ready", "commit", "title", "author", "can roll back to", "id"]);
    for one in deployments.iter().take(wanted) {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let back = if one.rollback_candidate { "yes" } else { "no" };
        let (created, ready) = (stamp(context, one.created_at), stamp_or(context, one.ready_at));
        let (sha, title, author) = (text(&one.sha), text(&one.title), text(&one.author));
        rows.push([&created, &one.state, &one.target, &ready, &sha, &title, &author, back, &one.id]);
    }
    Ok(asked(context.core, SOURCE, "deployments", None, rows.finish("no deployments", deployments.len() > wanted)))
}
