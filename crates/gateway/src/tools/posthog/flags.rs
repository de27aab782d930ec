//! `posthog_flags`: feature flags as they stand.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::unread,
        output::{Rows, asked, stamp_or},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    search: Option<String>,
}

/// The tool.
pub struct Flags;

impl TypedTool for Flags {
    const NAME: &'static str = "posthog_flags";
    const DESCRIPTION: &'static str = "Feature flags";
    const DOING: &'static str = "asking PostHog for flags";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readFlags")
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let search = arguments.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
    let flags = reader(context.core)?.flag_list(search).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["key", "name", "on", "rollout", "version", "edited", "by"]);
    for flag in &flags {
        let rollout =
            flag.rollout.map_or_else(|| "several conditions".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let on = if flag.active { "on" } else { "off" };
        let (version, edited) = (flag.version.to_string(), stamp_or(context, flag.updated_at));
        let by = flag.updated_by.as_deref().unwrap_or("-");
        rows.push([&flag.key, &flag.name, on, rollout.as_str(), &version, &edited, by]);
    }
    Ok(asked(context.core, SOURCE, "feature flags", None, rows.finish("no flags", false)))
}
