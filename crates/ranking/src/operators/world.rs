//! Findings as they come in, and what four kinds of people think of them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use wakeman_types::Severity;

use crate::context::{InterruptContext, SourceKind};

/// What an operator cares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Temperament {
    /// Only what is large: half as much again, or a third less.
    Founder,
    /// Only what broke: errors, runs, deployments. Metrics are for others.
    Engineer,
    /// At work by night; by day in meetings.
    NightWorker,
    /// Only what comes with a likely cause.
    Detective,
}

impl Temperament {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Founder, Self::Engineer, Self::NightWorker, Self::Detective];

    /// Whether an interruption by this finding is useful to such a person. Critical ones always are.
    pub fn finds_useful(self, context: &InterruptContext) -> bool {
        let cares = match self {
            Self::Founder => context.effect_size > 0.4,
            Self::Engineer => context.source != SourceKind::Metric,
            Self::NightWorker => !(8.0..18.0).contains(&context.local_hour),
            Self::Detective => context.cause_confidence > 0.5,
        };
        cares || context.severity == Severity::Critical
    }
}

/// Findings of a day, before anybody was told.
pub(super) const FINDINGS_A_DAY: u32 = 12;

/// The next finding; what depends on the past is filled in by the study.
pub(super) fn finding(day: u32, nth: u32, random: &mut ChaCha8Rng) -> InterruptContext {
    let severity = match random.random::<f64>() {
        s if s < 0.03 => Severity::Critical,
        s if s < 0.78 => Severity::Warning,
        _ => Severity::Info,
    };
    let source = [SourceKind::Metric, SourceKind::Error, SourceKind::Run, SourceKind::Deployment];
    let slot = 24.0 / f64::from(FINDINGS_A_DAY);
    // Small effects are the common ones, and few are in between.
    let effect_size =
        if random.random::<f64>() < 0.6 { random.random_range(0.15..0.35) } else { random.random_range(0.5..2.0) };
    let cause_confidence =
        if random.random::<f64>() < 0.5 { random.random_range(0.0..0.4) } else { random.random_range(0.6..1.0) };
    InterruptContext {
        severity,
        effect_size,
        p_value: 10.0_f64.powf(-random.random_range(3.1..9.0)),
        cause_confidence,
        source: source[random.random_range(0..source.len())],
        local_hour: (f64::from(nth) + random.random::<f64>()) * slot,
        weekday: u8::try_from(day % 7).unwrap_or(0),
        quiet_hours: false,
        minutes_since_last_interruption: None,
        interruptions_today: 0,
        interruptions_this_week: 0,
        alarm_budget_left: 0.0,
        duplicates: u32::from(random.random::<f64>() < 0.1),
        age_minutes: random.random_range(5.0..60.0),
        open_findings: random.random_range(0..5),
        open_proposals: random.random_range(0..3),
        past_useful_rate: None,
    }
}
