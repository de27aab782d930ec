//! What a decision must be, whatever the finding.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bandit;
mod cards;
mod drift;
mod golden;
mod lints;
mod ope;
mod operators;
mod promotion;
mod properties;
mod replay;

use wakeman_ranking::{InterruptContext, SourceKind};
use wakeman_types::Severity;

/// A large, sure, new warning at eleven on a Tuesday.
fn warning() -> InterruptContext {
    InterruptContext {
        severity: Severity::Warning,
        effect_size: 0.9,
        p_value: 1e-6,
        cause_confidence: 0.8,
        source: SourceKind::Metric,
        local_hour: 11.0,
        weekday: 1,
        quiet_hours: false,
        minutes_since_last_interruption: Some(2000.0),
        interruptions_today: 0,
        interruptions_this_week: 1,
        alarm_budget_left: 1.0,
        duplicates: 0,
        age_minutes: 15.0,
        open_findings: 0,
        open_proposals: 0,
        past_useful_rate: None,
    }
}
