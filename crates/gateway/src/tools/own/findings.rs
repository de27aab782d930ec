//! `findings`: the list, or one with its causes, numbers and why it was said.

use schemars::JsonSchema;
use serde::Deserialize;
use wakeman_present::{Chart, finding_doc, findings_table, plain, sparkline, why_doc};
use wakeman_store::ListQuery;
use wakeman_types::{Citation, Finding, FindingNews, FindingView};

use super::{newest, one, with_more};
use crate::{
    act::draft::repair_label,
    findings::why,
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{limit, unstored},
        output::{known, render, stamp},
    },
};

/// Causes of a finding that are cited.
const CAUSES_CITED: usize = 3;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// F-1: in full
    id: Option<String>,
    state: Option<State>,
    limit: Option<u64>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Acknowledged,
    Snoozed,
    Resolved,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::Resolved => "resolved",
        }
    }
}

/// The tool.
pub struct Findings;

impl TypedTool for Findings {
    const NAME: &'static str = "findings";
    const DESCRIPTION: &'static str = "What Wakeman found wrong, with likely causes";
    const DOING: &'static str = "looking at findings";
    type Arguments = Arguments;

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        match &arguments.id {
            Some(id) => in_full(context, one(&context.core.store, id.trim()).await?).await,
            None => list(context, &arguments).await,
        }
    }
}

async fn list(context: ToolContext<'_>, arguments: &Arguments) -> Result<ToolAnswer, ToolError> {
    let mut query = ListQuery::newest(limit(arguments.limit, 20, 200));
    if let Some(state) = arguments.state {
        query = query.state(state.name());
    }
    let (findings, more) = newest::<Finding>(&context.core.store, query).await?;
    let text = plain(&findings_table(&findings, &render(context)));
    let cited = findings.iter().map(|finding| Citation::Finding { id: finding.id }).collect();
    Ok(known(with_more(text, more), cited))
}

async fn in_full(context: ToolContext<'_>, finding: Finding) -> Result<ToolAnswer, ToolError> {
    let render = render(context);
    let mut citations = vec![Citation::Finding { id: finding.id }];
    let causes = finding.causes.iter().take(CAUSES_CITED);
    citations.extend(causes.map(|cause| Citation::Change { id: cause.change.id.clone() }));
    let mut parts =
        vec![format!("since {}, opened {}", stamp(context, finding.since), stamp(context, finding.opened_at))];
    if let Some(chart) = Chart::of(&finding, &render) {
        let (from, to) = (&chart.start_label, &chart.end_label);
        let (low, high) = (&chart.low_label, &chart.high_label);
        parts.push(format!("{} ({from} to {to}, {low} to {high})", sparkline(&chart.values())));
    }
    let repair = finding.likely_cause().and_then(|cause| repair_label(context.core, cause));
    let view = FindingView { proposal: finding.proposal, finding, news: FindingNews::Asked, repair };
    let mut doc = finding_doc(&view, &render);
    // Buttons are for people.
    doc.buttons.clear();
    parts.insert(0, plain(&doc));
    let why = why(context.core, view.finding).await.map_err(|error| unstored(&error))?;
    parts.push(plain(&why_doc(&why, &render)));
    Ok(known(parts.join("\n"), citations))
}
