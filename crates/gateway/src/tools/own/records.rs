//! `records`: proposals, conversations, the journal. One tool: their schemas would be the same.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{journal, proposals, threads};
use crate::tools::{ToolAnswer, ToolContext, ToolError, TypedTool, input::limit};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    what: What,
    /// of one; of the journal: its subject
    id: Option<String>,
    limit: Option<u64>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum What {
    Proposals,
    Threads,
    Journal,
}

/// The tool.
pub struct Records;

impl TypedTool for Records {
    const NAME: &'static str = "records";
    const DESCRIPTION: &'static str = "Wakeman's records: proposals, conversations, journal of state changes";
    const DOING: &'static str = "looking at its records";
    type Arguments = Arguments;

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        let Arguments { what, id, limit: asked } = arguments;
        let (id, wanted) = (id.as_deref().map(str::trim), limit(asked, 20, 200));
        match what {
            What::Proposals => proposals::answer(context, id, wanted).await,
            What::Threads => threads::answer(context, id, wanted).await,
            What::Journal => journal::answer(context, id, wanted).await,
        }
    }
}
