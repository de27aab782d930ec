//! Findings, proposals and threads as tables.

use wakeman_types::{Finding, FindingState, Proposal, ProposalState, Thread};

use crate::{
    Align, Block, Column, Doc, Line, RenderContext, Style, Table,
    finding::{tone, what},
    number::span,
    proposal::title,
    safe::sanitize,
    sparkline,
};

/// Points of the sparkline in a list of findings.
const SPARK_POINTS: usize = 16;

fn table(columns: Vec<Column>, rows: Vec<Vec<Line>>) -> Doc {
    Doc::bare().block(Block::Table(Table { columns, rows }))
}

/// The findings, one row each.
pub fn findings_table(findings: &[Finding], ctx: &RenderContext) -> Doc {
    if findings.is_empty() {
        return Doc::bare().text("No findings.");
    }
    let columns = vec![
        Column::new("", Align::Left),
        Column::new("id", Align::Left),
        Column::new("finding", Align::Left).growing(),
        Column::new("since", Align::Right),
        Column::new("trend", Align::Left).optional(),
        Column::new("state", Align::Left),
        Column::new("repair", Align::Left),
    ];
    let row = |finding: &Finding| {
        let tone = tone(finding);
        let repair = finding.proposal.map(|id| id.to_string()).unwrap_or_default();
        vec![
            Line::new().with(tone.mark(), Style::Mark(tone)),
            Line::new().strong(finding.id.to_string()),
            what(finding, ctx).into(),
            ctx.time(finding.since).into(),
            Line::new().dim(spark(finding)),
            state(finding, ctx),
            repair.into(),
        ]
    };
    table(columns, findings.iter().map(row).collect())
}

fn spark(finding: &Finding) -> String {
    let values: Vec<f64> = finding.series.iter().map(|point| point.value).collect();
    let group = values.len().div_ceil(SPARK_POINTS).max(1);
    // Aligned to the newest point, so that the last bar is a full group.
    let means: Vec<f64> = values.rchunks(group).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect();
    sparkline(&means.into_iter().rev().collect::<Vec<_>>())
}

fn state(finding: &Finding, ctx: &RenderContext) -> Line {
    if finding.unknown_since.is_some() && !finding.is_over() {
        return Line::new().with("unknown", Style::Bad);
    }
    match &finding.state {
        FindingState::Open => Line::new().with("open", Style::Bad),
        FindingState::Acknowledged { by, .. } => format!("with {}", sanitize(by, 20)).into(),
        FindingState::Snoozed { until, .. } => format!("snoozed until {}", ctx.time(*until)).into(),
        FindingState::Resolved { .. } => Line::new().dim("over"),
    }
}

/// The proposals, one row each.
pub fn proposals_table(proposals: &[Proposal], ctx: &RenderContext) -> Doc {
    if proposals.is_empty() {
        return Doc::bare().text("No proposals.");
    }
    let columns = vec![
        Column::new("", Align::Left),
        Column::new("id", Align::Left),
        Column::new("proposal", Align::Left).growing(),
        Column::new("for", Align::Left).optional(),
        Column::new("state", Align::Left),
        Column::new("digest", Align::Left).optional(),
    ];
    let row = |proposal: &Proposal| {
        let tone = crate::proposal::tone(proposal.state);
        vec![
            Line::new().with(tone.mark(), Style::Mark(tone)),
            Line::new().strong(proposal.id.to_string()),
            title(proposal).into(),
            proposal.finding.map(|id| id.to_string()).unwrap_or_default().into(),
            progress(proposal, ctx),
            Line::new().dim(sanitize(proposal.digest.short(), 12)),
        ]
    };
    table(columns, proposals.iter().map(row).collect())
}

pub(crate) fn progress(proposal: &Proposal, ctx: &RenderContext) -> Line {
    let since = ctx.time(proposal.state_since);
    match proposal.state {
        ProposalState::Pending if proposal.approvals() > 0 => {
            format!("{} of {}, until {}", proposal.approvals(), proposal.needed, ctx.time(proposal.expires_at)).into()
        }
        ProposalState::Pending if proposal.has_begun() => {
            let next = proposal.next_step().map_or(1, |step| step.number);
            format!("step {next} waits until {}", ctx.time(proposal.expires_at)).into()
        }
        ProposalState::Pending => format!("waits until {}", ctx.time(proposal.expires_at)).into(),
        ProposalState::Verified => Line::new().with(format!("helped {since}"), Style::Good),
        ProposalState::NotRecovered => Line::new().with(format!("did not help {since}"), Style::Bad),
        ProposalState::NeedsReview => Line::new().with(format!("needs a look since {since}"), Style::Bad),
        ProposalState::Failed => Line::new().with(format!("failed {since}"), Style::Bad),
        ProposalState::Executing => format!("under way {since}").into(),
        ProposalState::Succeeded => format!("done {since}").into(),
        state => Line::new().dim(format!("{} {since}", state.name())),
    }
}

/// The conversations, one row each.
pub fn threads_table(threads: &[Thread], ctx: &RenderContext) -> Doc {
    if threads.is_empty() {
        return Doc::bare().text("No threads.");
    }
    let columns = vec![
        Column::new("id", Align::Left),
        Column::new("title", Align::Left).growing(),
        Column::new("channel", Align::Left).optional(),
        Column::new("last", Align::Right),
    ];
    let row = |thread: &Thread| {
        vec![
            Line::new().strong(sanitize(thread.thread_id.as_str(), 40)),
            sanitize(&thread.title, 100).into(),
            thread.channel.name().into(),
            Line::new().dim(format!("{} ago", span(ctx.now.since(thread.updated_at)))),
        ]
    };
    table(columns, threads.iter().map(row).collect())
}
