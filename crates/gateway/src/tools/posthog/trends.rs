//! `posthog_trends`: events over time, split by a property if asked.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SOURCE, allowed, reader};
use crate::{
    core::Core,
    ports::{Interval, TrendLine, TrendRequest},
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{since, unread},
        output::{Rows, asked, number},
    },
};

/// Events of one question.
const EVENTS_MAX: usize = 5;
/// Lines of an answer.
const LINES_MAX: usize = 25;
/// Points of a line that are listed.
const POINTS_MAX: usize = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    events: Vec<String>,
    days: Option<f64>,
    interval: Option<Step>,
    breakdown: Option<String>,
    /// not events
    users: Option<bool>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Step {
    Hour,
    Day,
    Week,
}

/// The tool.
pub struct Trends;

impl TypedTool for Trends {
    const NAME: &'static str = "posthog_trends";
    const DESCRIPTION: &'static str = "Events over time";
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
    if arguments.events.is_empty() || arguments.events.len() > EVENTS_MAX {
        return Err(ToolError::Arguments(format!("`events`: name 1 to {EVENTS_MAX} events")));
    }
    let interval = match arguments.interval {
        Some(Step::Hour) => Interval::Hour,
        Some(Step::Week) => Interval::Week,
        Some(Step::Day) => Interval::Day,
        None if arguments.days.unwrap_or(7.0) <= 2.0 => Interval::Hour,
        None => Interval::Day,
    };
    let request = TrendRequest {
        events: &arguments.events,
        since: since(core.now(), arguments.days, 7.0),
        interval,
        breakdown: arguments.breakdown.as_deref(),
        users: arguments.users.unwrap_or(false),
    };
    let answer = reader(core)?.trends(request).await.map_err(|error| unread(SOURCE, error))?;
    let more = answer.lines.len() > LINES_MAX;
    let lines = &answer.lines[..answer.lines.len().min(LINES_MAX)];
    let unit = if request.users { "users" } else { "events" };
    let what = format!("{unit}: {}", arguments.events.join(", "));
    let text = format!("{what}; times in {}, the last point is not over\n{}", answer.zone, table(lines, more));
    let query = format!("trend of {what}, {interval:?}");
    Ok(asked(core, SOURCE, &query, answer.as_of, text))
}

/// One row a point, one column a line.
fn table(lines: &[TrendLine], more: bool) -> String {
    let Some(longest) = lines.iter().max_by_key(|line| line.points.len()) else { return "nothing".to_owned() };
    let columns: Vec<String> =
        std::iter::once("from".to_owned()).chain(lines.iter().map(|line| line.label.clone())).collect();
    let mut rows = Rows::with_columns(&columns);
    rows.push(std::iter::once("total".to_owned()).chain(lines.iter().map(|line| number(line.total))));
    let skipped = longest.points.len().saturating_sub(POINTS_MAX);
    for (at, (name, _)) in longest.points.iter().enumerate().skip(skipped) {
        let value = |line: &TrendLine| line.points.get(at).map_or_else(|| "-".to_owned(), |point| number(point.1));
        rows.push(std::iter::once(name.clone()).chain(lines.iter().map(value)));
    }
    let table = rows.finish("nothing", false);
    let cut = if skipped > 0 { format!("\n… {skipped} earlier points left out") } else { String::new() };
    let lines = if more { format!("\n… only the first {LINES_MAX} values of the split") } else { String::new() };
    format!("{table}{cut}{lines}")
}
