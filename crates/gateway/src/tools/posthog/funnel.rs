//! `posthog_funnel`: how many users went on from step to step.

use schemars::JsonSchema;
use serde::Deserialize;
use wakeman_present::span;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    ports::{FunnelRequest, FunnelStep},
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{since, unread},
        output::{Rows, asked},
    },
};

/// Steps of a funnel.
const STEPS: std::ops::RangeInclusive<usize> = 2..=10;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    steps: Vec<String>,
    days: Option<f64>,
}

/// The tool.
pub struct Funnel;

impl TypedTool for Funnel {
    const NAME: &'static str = "posthog_funnel";
    const DESCRIPTION: &'static str = "Users who did one event after the other";
    const DOING: &'static str = "asking PostHog";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core, "readInsights")
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context.core, arguments).await
    }
}

async fn answer(core: &Core, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    if !STEPS.contains(&arguments.steps.len()) {
        return Err(ToolError::Arguments("`steps`: name 2 to 10 events".to_owned()));
    }
    let request = FunnelRequest { steps: &arguments.steps, since: since(core.now(), arguments.days, 7.0) };
    let steps = reader(core)?.funnel(request).await.map_err(|error| unread(SOURCE, error))?;
    let query = format!("funnel {}", arguments.steps.join(" → "));
    Ok(asked(core, SOURCE, &query, None, table(&steps)))
}

fn table(steps: &[FunnelStep]) -> String {
    let share = |part: u64, whole: u64| match whole {
        0 => "unknown".to_owned(),
        whole => format!("{:.1} %", part as f64 / whole as f64 * 100.0),
    };
    let first = steps.first().map_or(0, |step| step.users);
    let mut before = first;
    let mut rows =
        Rows::new(&["step", "users", "of the step before", "of the first", "median time from the step before"]);
    for step in steps {
        let time = step.median_ms.map_or_else(|| "-".to_owned(), span);
        rows.push([&step.event, &step.users.to_string(), &share(step.users, before), &share(step.users, first), &time]);
        before = step.users;
    }
    rows.finish("nobody began", false)
}
