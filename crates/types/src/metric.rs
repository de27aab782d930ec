//! Watched metrics and the numbers they yield.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MetricId, Timestamp};

/// What a metric measures; decides the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// A number of events.
    Count,
    /// A share between 0 and 1, with its denominator as weight.
    Ratio,
    /// A mean in milliseconds, with the number of samples as weight.
    Duration,
}

/// How a metric is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MetricQuery {
    /// The number of events of this name.
    Event {
        /// The PostHog event name.
        event: String,
    },
    /// A HogQL query that yields one number over a trailing window.
    HogQl {
        /// The query as the settings have it.
        query: String,
    },
}

/// A metric the instance watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetricSpec {
    /// Unique in the instance.
    pub id: MetricId,
    /// What people call it: `Sign-ups`.
    pub name: String,
    /// Its statistics.
    pub kind: MetricKind,
    /// How it is read.
    pub query: MetricQuery,
}

/// One bucket of one metric as its source answered it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Start of the bucket.
    pub start: Timestamp,
    /// The value: events, a share 0–1, or milliseconds.
    pub value: f64,
    /// Denominator of a ratio, samples of a duration; 0 for a count.
    pub weight: f64,
}

/// One point of a finding's evidence: the value and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Start of the bucket.
    pub at: Timestamp,
    /// What was measured.
    pub value: f64,
    /// The expected value.
    pub expected: f64,
    /// Lower edge of the expected band.
    pub low: f64,
    /// Upper edge of the expected band.
    pub high: f64,
}
