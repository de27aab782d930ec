//! What is known when a finding asks for attention.

use crate::RankError;
use crate::features::{Features, MINUTES_MAX};
use serde::{Deserialize, Serialize};
use wakeman_types::Severity;

/// What kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A metric.
    Metric,
    /// An error.
    Error,
    /// A workflow run.
    Run,
    /// A deployment.
    Deployment,
}

/// The size of an effect whichever way it goes: 0 for none, 0.7 for half or double, at most 10.
pub fn effect_size(observed_over_expected: f64) -> f64 {
    if observed_over_expected.is_nan() {
        return f64::NAN;
    }
    observed_over_expected.max(0.0).ln().abs().min(10.0)
}

/// Everything a policy may look at, for one finding at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterruptContext {
    /// How bad.
    pub severity: Severity,
    /// See [`effect_size`].
    pub effect_size: f64,
    /// How probable by chance, 0..1; 0 for what is certain, like an error.
    pub p_value: f64,
    /// Probability of the likeliest cause, 0..1; 0 when there is none.
    pub cause_confidence: f64,
    /// What it is about.
    pub source: SourceKind,
    /// Hour of the day in the operator's zone, 0 up to 24, with the minutes as fraction.
    pub local_hour: f64,
    /// Weekday in the operator's zone, Monday 0.
    pub weekday: u8,
    /// Whether the operator wants quiet now.
    pub quiet_hours: bool,
    /// Minutes since the operator was last interrupted; `None` when never.
    pub minutes_since_last_interruption: Option<f64>,
    /// Interruptions since local midnight.
    pub interruptions_today: u32,
    /// Interruptions in the last seven days.
    pub interruptions_this_week: u32,
    /// What is left of the weekly alarm budget; 0 or less is exhausted.
    pub alarm_budget_left: f64,
    /// Reports of the same problem the operator was already told of.
    pub duplicates: u32,
    /// Minutes since it began.
    pub age_minutes: f64,
    /// Other findings that are open.
    pub open_findings: u32,
    /// Proposals that wait for a decision.
    pub open_proposals: u32,
    /// Share of this kind of finding the operator called useful; `None` when there is no reaction yet.
    pub past_useful_rate: Option<f64>,
}

impl InterruptContext {
    /// What features say, read back; "never" and "unknown" come back as the numbers that stand for them.
    pub fn of(features: &Features) -> Self {
        let get = |name| features.get(name).unwrap_or(0.0);
        let count = |name| get(name) as u32;
        let turn = get("hour_sin").atan2(get("hour_cos")) / std::f64::consts::TAU * 24.0;
        Self {
            severity: match count("severity") {
                0 => Severity::Info,
                1 => Severity::Warning,
                _ => Severity::Critical,
            },
            effect_size: get("effect_size"),
            p_value: get("p_value"),
            cause_confidence: get("cause_confidence"),
            source: match count("source") {
                0 => SourceKind::Metric,
                1 => SourceKind::Error,
                2 => SourceKind::Run,
                _ => SourceKind::Deployment,
            },
            local_hour: turn.rem_euclid(24.0).min(23.999_999),
            weekday: count("weekday") as u8,
            quiet_hours: get("quiet_hours") > 0.0,
            minutes_since_last_interruption: Some(get("minutes_since_last_interruption")),
            interruptions_today: count("interruptions_today"),
            interruptions_this_week: count("interruptions_this_week"),
            alarm_budget_left: get("alarm_budget_left"),
            duplicates: count("duplicates"),
            age_minutes: get("age_minutes"),
            open_findings: count("open_findings"),
            open_proposals: count("open_proposals"),
            past_useful_rate: Some(get("past_useful_rate")),
        }
    }

    /// The features, checked.
    ///
    /// # Errors
    /// [`RankError`] names the first feature that is no number or outside its declared range.
    pub fn features(&self) -> Result<Features, RankError> {
        let hour = self.local_hour;
        if !(0.0..24.0).contains(&hour) {
            return Err(if hour.is_finite() {
                RankError::OutOfRange { name: "local_hour", value: hour, min: 0.0, max: 24.0 }
            } else {
                RankError::NotANumber { name: "local_hour", value: hour }
            });
        }
        let angle = hour / 24.0 * std::f64::consts::TAU;
        Features::new([
            severity_code(self.severity),
            self.effect_size,
            self.p_value,
            self.cause_confidence,
            f64::from(self.source as u8),
            angle.sin(),
            angle.cos(),
            f64::from(self.weekday),
            f64::from(u8::from(self.quiet_hours)),
            self.minutes_since_last_interruption.unwrap_or(MINUTES_MAX),
            f64::from(self.interruptions_today),
            f64::from(self.interruptions_this_week),
            self.alarm_budget_left,
            f64::from(self.duplicates),
            self.age_minutes,
            f64::from(self.open_findings),
            f64::from(self.open_proposals),
            self.past_useful_rate.unwrap_or(0.5),
        ])
    }
}

fn severity_code(severity: Severity) -> f64 {
    match severity {
        Severity::Info => 0.0,
        Severity::Warning => 1.0,
        Severity::Critical => 2.0,
    }
}
