//! A finding that is over: how, when, and the numbers that say so.

use wakeman_types::{Finding, FindingState, RecoveryView, Resolution, Subject};

use crate::{
    Block, Chart, Doc, Line, RenderContext, Tone,
    cause::NAME_LEN_MAX,
    finding::subject_name,
    number::{span, value},
    safe::sanitize,
};

/// Green only when the numbers came back; what a person closed is merely over.
pub(crate) fn tone(finding: &Finding) -> Tone {
    match finding.state {
        FindingState::Resolved { how: Resolution::Closed { .. }, .. } => Tone::Quiet,
        _ => Tone::Good,
    }
}

/// `Sign-ups recovered 15:02, 94 where 93 expected`.
pub(crate) fn headline(finding: &Finding, ctx: &RenderContext) -> String {
    let name = subject_name(&finding.subject);
    let FindingState::Resolved { at, how } = &finding.state else { return name };
    let at = ctx.time(*at);
    if let Resolution::Closed { by } = how {
        return format!("{name}: closed by {} {at}", sanitize(by, NAME_LEN_MAX));
    }
    let back = match finding.subject {
        Subject::Metric { .. } => format!("{name} recovered {at}"),
        Subject::Error { .. } => format!("{name} stopped {at}"),
        Subject::Run { .. } => format!("{name} passes again {at}"),
        Subject::Deployment { .. } => format!("{name} went through {at}"),
    };
    match back_in_band(finding) {
        Some(numbers) => format!("{back}, {numbers}"),
        None => back,
    }
}

/// `94 where 93 expected`, but only from numbers that are inside their band: others would not show a recovery.
pub(crate) fn back_in_band(finding: &Finding) -> Option<String> {
    let Subject::Metric { kind, .. } = finding.subject else { return None };
    let measured = finding.measure.as_ref().map(|m| (m.observed, m.expected, m.low, m.high));
    let newest = finding.series.last().map(|p| (p.value, p.expected, p.low, p.high));
    let inside = |(observed, _, low, high): &(f64, f64, f64, f64)| (low..=high).contains(&observed);
    let (observed, expected, ..) = measured.filter(inside).or(newest.filter(inside))?;
    Some(format!("{} where {} expected", value(kind, observed), value(kind, expected)))
}

/// The message that a finding is over.
pub fn recovery_doc(view: &RecoveryView, ctx: &RenderContext) -> Doc {
    let finding = &view.finding;
    let mut doc = Doc::card(tone(finding)).headline(Line::new().strong(headline(finding, ctx)));
    if let FindingState::Resolved { at, how } = &finding.state {
        let lasted = format!("Lasted {}, from {}", span(at.since(finding.since)), ctx.time(finding.since));
        let credited = match how {
            Resolution::Repaired { proposal } => Some(*proposal),
            _ => view.proposal,
        };
        doc = doc.text(match credited {
            Some(proposal) => format!("{lasted}; ended after {proposal} ran."),
            None => format!("{lasted}."),
        });
    }
    if let Some(chart) = Chart::of(finding, ctx) {
        doc = doc.block(Block::Chart(Box::new(chart)));
    }
    doc.footer(finding.id.to_string())
}
