//! The feature registry: declared once, used for scoring, logging and replay alike.

use crate::RankError;
use serde::{Deserialize, Serialize};

/// Version of the registry as a whole; stored with each decision. Rises when a feature is added or changes its meaning.
pub const FEATURES_VERSION: u32 = 1;

/// What kind of number a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Any number in the range.
    Real,
    /// A whole number.
    Count,
    /// 0 or 1.
    Flag,
    /// The code of a category.
    Category,
}

/// One declared feature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FeatureSpec {
    /// Its name in logs.
    pub name: &'static str,
    /// What kind of number.
    pub dtype: Dtype,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Where it comes from.
    pub source: &'static str,
    /// Rises when its meaning changes.
    pub version: u32,
}

const fn feature(name: &'static str, dtype: Dtype, min: f64, max: f64, source: &'static str) -> FeatureSpec {
    FeatureSpec { name, dtype, min, max, source, version: 1 }
}

/// Ten years of minutes: what "never" and "very old" come to.
pub(crate) const MINUTES_MAX: f64 = 5_256_000.0;
const COUNT_MAX: f64 = 1e6;

/// All features, in the order of every stored vector.
pub const REGISTRY: [FeatureSpec; 18] = [
    feature("severity", Dtype::Category, 0.0, 2.0, "finding: info 0, warning 1, critical 2"),
    feature("effect_size", Dtype::Real, 0.0, 10.0, "detector: |ln(observed/expected)|"),
    feature("p_value", Dtype::Real, 0.0, 1.0, "detector"),
    feature("cause_confidence", Dtype::Real, 0.0, 1.0, "correlation: probability of the likeliest cause"),
    feature("source", Dtype::Category, 0.0, 3.0, "finding: metric 0, error 1, run 2, deployment 3"),
    feature("hour_sin", Dtype::Real, -1.0, 1.0, "clock, operator's zone"),
    feature("hour_cos", Dtype::Real, -1.0, 1.0, "clock, operator's zone"),
    feature("weekday", Dtype::Category, 0.0, 6.0, "clock, operator's zone: Monday 0"),
    feature("quiet_hours", Dtype::Flag, 0.0, 1.0, "operator's settings"),
    feature("minutes_since_last_interruption", Dtype::Real, 0.0, MINUTES_MAX, "decision log; ten years when never"),
    feature("interruptions_today", Dtype::Count, 0.0, COUNT_MAX, "decision log"),
    feature("interruptions_this_week", Dtype::Count, 0.0, COUNT_MAX, "decision log"),
    feature(
        "alarm_budget_left",
        Dtype::Real,
        -COUNT_MAX,
        COUNT_MAX,
        "monitor.alarmBudgetPerWeek less this week's, critical ones apart",
    ),
    feature("duplicates", Dtype::Count, 0.0, COUNT_MAX, "findings: reports of the same fingerprint already told"),
    feature("age_minutes", Dtype::Real, 0.0, MINUTES_MAX, "finding: since the onset"),
    feature("open_findings", Dtype::Count, 0.0, COUNT_MAX, "findings"),
    feature("open_proposals", Dtype::Count, 0.0, COUNT_MAX, "proposals"),
    feature("past_useful_rate", Dtype::Real, 0.0, 1.0, "reactions to this kind of finding; 0.5 when there is none"),
];

/// One checked vector of features, in the registry's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Features([f64; REGISTRY.len()]);

impl Features {
    /// Checks a vector in the registry's order.
    ///
    /// # Errors
    /// [`RankError`] names the first feature that is no number or outside its declared range.
    pub fn new(values: [f64; REGISTRY.len()]) -> Result<Self, RankError> {
        for (spec, &value) in REGISTRY.iter().zip(&values) {
            let whole = spec.dtype == Dtype::Real || value.fract() == 0.0;
            if !value.is_finite() {
                return Err(RankError::NotANumber { name: spec.name, value });
            }
            if !(spec.min..=spec.max).contains(&value) || !whole {
                return Err(RankError::OutOfRange { name: spec.name, value, min: spec.min, max: spec.max });
            }
        }
        Ok(Self(values))
    }

    /// The values, in the registry's order.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// One value by name; `None` if the registry has no such feature.
    pub fn get(&self, name: &str) -> Option<f64> {
        REGISTRY.iter().position(|spec| spec.name == name).map(|i| self.0[i])
    }

    /// Names and values, as the log keeps them.
    pub fn named(&self) -> Vec<(String, f64)> {
        REGISTRY.iter().zip(&self.0).map(|(spec, &value)| (spec.name.to_owned(), value)).collect()
    }
}
