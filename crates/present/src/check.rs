//! How a repair is checked afterwards, in the words of its card.

use wakeman_types::{Finding, Subject};

use crate::{
    finding::lower_name,
    number::{range, span},
};

/// Why a card is not needed any more: `sign-ups recovered by themselves`.
pub fn recovered_words(finding: &Finding) -> String {
    let name = lower_name(&finding.subject);
    match &finding.subject {
        Subject::Metric { .. } if name.ends_with('s') => format!("{name} recovered by themselves"),
        Subject::Metric { .. } => format!("{name} recovered by itself"),
        Subject::Error { .. } => format!("{name} does not occur any more"),
        Subject::Run { .. } => format!("{name} passes again"),
        Subject::Deployment { .. } => format!("{name} succeeded"),
    }
}

/// What must be so, and by when: `sign-ups back in 80–112 within 40 min`.
pub fn check_words(finding: &Finding, within_ms: i64) -> String {
    let within = span(within_ms);
    let name = lower_name(&finding.subject);
    match (&finding.subject, &finding.measure) {
        (Subject::Metric { kind, .. }, Some(measure)) => {
            format!("{name} back in {} within {within}", range(*kind, measure.low, measure.high))
        }
        (Subject::Metric { .. }, None) => format!("{name} back in its expected band within {within}"),
        (Subject::Error { .. }, _) => format!("no more {name} within {within}"),
        (Subject::Run { .. }, _) => format!("{name} passes within {within}"),
        (Subject::Deployment { .. }, _) => format!("{name} succeeds within {within}"),
    }
}
