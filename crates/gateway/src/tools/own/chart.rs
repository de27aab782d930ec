//! `chart`: a finding's series with its band and changes, or a watched metric's recent course, as text.

use schemars::JsonSchema;
use serde::Deserialize;
use wakeman_present::{Chart, braille_chart, headline, sanitize, sparkline};
use wakeman_types::{Citation, Finding, HOUR_MS, MINUTE_MS, MetricKind, MetricQuery, MetricSpec, Timestamp};

use super::one;
use crate::{
    config::{metric_specs, nearest},
    core::Core,
    ports::{BucketRequest, ProductReader},
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{since, unread},
        output::{asked, known, number, render, stamp},
    },
};

/// The picture's size in characters.
const SIZE: (usize, usize) = (72, 8);
/// Points of a sparkline at most.
const POINTS_MAX: i64 = 72;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    finding: Option<String>,
    metric: Option<String>,
    days: Option<f64>,
}

/// The tool.
pub struct ChartTool;

impl TypedTool for ChartTool {
    const NAME: &'static str = "chart";
    const DESCRIPTION: &'static str = "Text chart of a finding or watched metric";
    const DOING: &'static str = "drawing a chart";
    type Arguments = Arguments;

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        match (&arguments.finding, &arguments.metric) {
            (Some(id), _) => of_finding(context, one(&context.core.store, id.trim()).await?),
            (None, Some(metric)) => of_metric(context, metric, arguments.days).await,
            (None, None) => Err(ToolError::Arguments("give `finding` or `metric`".to_owned())),
        }
    }
}

fn of_finding(context: ToolContext<'_>, finding: Finding) -> Result<ToolAnswer, ToolError> {
    let render = render(context);
    let cited = vec![Citation::Finding { id: finding.id }];
    let Some(chart) = Chart::of(&finding, &render) else {
        return Err(ToolError::Refused(format!("{} has no series to draw", finding.id)));
    };
    let rows = braille_chart(&chart, SIZE.0, SIZE.1);
    let lines = rows.iter().map(|row| row.iter().map(|cell| cell.ch).collect::<String>().trim_end().to_owned());
    let text = std::iter::once(headline(&finding, &render)).chain(lines).collect::<Vec<_>>().join("\n");
    Ok(known(text, cited))
}

async fn of_metric(context: ToolContext<'_>, name: &str, days: Option<f64>) -> Result<ToolAnswer, ToolError> {
    let core = context.core;
    let Some(reader) = core.readers.product.as_deref().filter(|_| core.tools.allows("posthog", "readInsights")) else {
        return Err(ToolError::Refused("PostHog is not configured or switched off; `finding` still works".to_owned()));
    };
    let spec = watched(core, name)?;
    let (from, step_ms) = range(core.now(), days);
    let metrics = [spec];
    let request = BucketRequest { metrics: &metrics, from, until: None, step_ms };
    let (answer, values) = series(reader, request).await?;
    let [spec] = metrics;
    let step = wakeman_present::span(step_ms);
    let text =
        drawn(&spec, &values, &format!("{} to {}, {step} a character", stamp(context, from), stamp(context, answer)));
    let query = match &spec.query {
        MetricQuery::Event { event } => format!("count of {event} every {step}"),
        MetricQuery::HogQl { query } => query.clone(),
    };
    Ok(asked(core, "PostHog", &query, Some(answer), text))
}

fn watched(core: &Core, name: &str) -> Result<MetricSpec, ToolError> {
    let specs = metric_specs(&core.settings);
    let is = |spec: &&MetricSpec| spec.id.as_str() == name || spec.name.eq_ignore_ascii_case(name.trim());
    if let Some(spec) = specs.iter().find(is) {
        return Ok(spec.clone());
    }
    let names = || specs.iter().map(|spec| spec.name.as_str());
    let shown = sanitize(name, 60);
    Err(ToolError::Refused(match nearest(name, names()) {
        Some(near) => format!("no metric {shown} is watched; did you mean {near}?"),
        None => format!("no metric {shown} is watched; there are {}", names().collect::<Vec<_>>().join(", ")),
    }))
}

/// From when, in steps of how long: as many as fit on a line.
fn range(now: Timestamp, days: Option<f64>) -> (Timestamp, i64) {
    let from = since(now, days, 1.0);
    let wanted = now.since(from) / POINTS_MAX;
    let steps = [5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS];
    let step_ms = steps.into_iter().find(|step| *step >= wanted).unwrap_or(168 * HOUR_MS);
    (from.floor_to(step_ms), step_ms)
}

/// The source's present, and one value a step up to it; where the metric has no number there is none.
async fn series(reader: &dyn ProductReader, request: BucketRequest<'_>) -> Result<(Timestamp, Vec<f64>), ToolError> {
    let answer = reader.series(request).await.map_err(|error| unread("PostHog", error))?;
    if let Some((_, words)) = answer.refused.first() {
        return Err(ToolError::Refused(format!("PostHog refused it: {}", sanitize(words, 300))));
    }
    let steps = (answer.server_now.since(request.from) / request.step_ms + 1).clamp(1, 2 * POINTS_MAX);
    let empty = if request.metrics.iter().all(|spec| spec.kind == MetricKind::Count) { 0.0 } else { f64::NAN };
    let mut values = vec![empty; steps as usize];
    for (_, bucket) in &answer.buckets {
        let at = usize::try_from(bucket.start.since(request.from) / request.step_ms);
        if let Some(value) = at.ok().and_then(|at| values.get_mut(at)) {
            *value = bucket.value;
        }
    }
    Ok((answer.server_now, values))
}

fn drawn(spec: &MetricSpec, values: &[f64], axis: &str) -> String {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let unit = match spec.kind {
        MetricKind::Count => "events a step",
        MetricKind::Ratio => "share, 0 to 1",
        MetricKind::Duration => "ms",
    };
    let name = sanitize(&spec.name, 60);
    let line = sparkline(values);
    let (low, high) = (number(low), number(high));
    format!("{name}\n{line}\n{axis}; lowest {low}, highest {high} ({unit}); the last step is not over")
}
