//! What a detector is told about its metric, and the buckets it is fed.

use serde::{Deserialize, Serialize};
use wakeman_types::DAY_MS;

/// What the numbers of a metric are; decides the noise model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Events in a bucket: negative binomial.
    Count,
    /// A share 0..1 of a denominator: binomial with overdispersion.
    Ratio,
    /// A mean in milliseconds (or any gauge that is not negative): gamma.
    Duration,
}

/// How a detector watches one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What the values are.
    pub kind: Kind,
    /// Length of a bucket in milliseconds; buckets start at multiples of it.
    pub step_ms: i64,
    /// False alarms this metric may raise per week, on average, while nothing is wrong with it.
    pub false_alarms_per_week: f64,
    /// The smallest relative change worth an alarm: 0.1 is ten per cent of what was expected.
    pub min_effect: f64,
}

/// A configuration no detector can work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The bucket length does not fit.
    #[error("step_ms {0} is not usable; give a bucket length between 1000 (a second) and 86400000 (a day)")]
    Step(i64),
    /// The alarm target is not a rate.
    #[error("false_alarms_per_week {0} is not usable; give a number above 0 and at most 100, like 0.05")]
    FalseAlarms(f64),
    /// The smallest effect is not a fraction.
    #[error("min_effect {0} is not usable; give a fraction from 0 up to 1, like 0.1")]
    MinEffect(f64),
}

impl Config {
    /// The default sensitivity: one false alarm in about twenty weeks, effects from 8 %.
    pub fn new(kind: Kind, step_ms: i64) -> Self {
        Self { kind, step_ms, false_alarms_per_week: 0.05, min_effect: 0.08 }
    }

    /// The same, with the instance's weekly alarm budget shared among its `metrics`.
    ///
    /// A third of the budget may go to false alarms; the rest is for what is true.
    pub fn with_budget(mut self, alarms_per_week: f64, metrics: usize) -> Self {
        self.false_alarms_per_week = (alarms_per_week / 3.0 / metrics.max(1) as f64).clamp(0.001, 0.5);
        self
    }

    /// # Errors
    /// [`ConfigError`] names the first field that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(1000..=DAY_MS).contains(&self.step_ms) {
            return Err(ConfigError::Step(self.step_ms));
        }
        if !(self.false_alarms_per_week > 0.0 && self.false_alarms_per_week <= 100.0) {
            return Err(ConfigError::FalseAlarms(self.false_alarms_per_week));
        }
        if !(0.0..1.0).contains(&self.min_effect) {
            return Err(ConfigError::MinEffect(self.min_effect));
        }
        Ok(())
    }
}

/// One settled bucket of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Start of the bucket, Unix milliseconds.
    pub start_ms: i64,
    /// Count: events. Ratio: the share, 0..1. Duration: the mean, milliseconds.
    pub value: f64,
    /// Count: ignored. Ratio: the denominator. Duration: the number of samples. 0 means there was nothing to measure.
    pub weight: f64,
}

impl Bucket {
    /// A bucket of a count.
    pub const fn count(start_ms: i64, events: f64) -> Self {
        Self { start_ms, value: events, weight: 1.0 }
    }

    /// A bucket of a ratio: `share` of `denominator`.
    pub const fn ratio(start_ms: i64, share: f64, denominator: f64) -> Self {
        Self { start_ms, value: share, weight: denominator }
    }

    /// A bucket of a duration: the mean of `samples` measurements.
    pub const fn duration(start_ms: i64, mean_ms: f64, samples: f64) -> Self {
        Self { start_ms, value: mean_ms, weight: samples }
    }
}
