//! `records`: proposals, conversations, the journal. One tool: their schemas would be the same.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{journal, proposals, threads};
use crate::{
    core::Core,
    tools::{
        Effect, Tool, ToolAnswer, ToolContext, ToolError,
        input::{limit, read},
        schema,
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
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

impl Tool for Records {
    fn name(&self) -> &'static str {
        "records"
    }

    fn description(&self) -> &'static str {
        "Wakeman's records: proposals, conversations, journal of state changes"
    }

    fn doing(&self) -> &'static str {
        "looking at its records"
    }

    fn parameters(&self) -> Value {
        schema::of::<Arguments>()
    }

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn available(&self, _: &Core) -> bool {
        true
    }

    fn run<'a>(&'a self, context: ToolContext<'a>, arguments: Value) -> BoxFuture<'a, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            let Arguments { what, id, limit: asked } = read(arguments)?;
            let (id, wanted) = (id.as_deref().map(str::trim), limit(asked, 20, 200));
            match what {
                What::Proposals => proposals::answer(context.core, id, wanted).await,
                What::Threads => threads::answer(context.core, id, wanted).await,
                What::Journal => journal::answer(context.core, id, wanted).await,
            }
        })
    }
}
