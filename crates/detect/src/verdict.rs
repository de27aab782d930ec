//! What a detector says about one bucket.

use serde::{Deserialize, Serialize};

/// Which way a metric left its band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More than expected.
    Up,
    /// Less than expected.
    Down,
    /// Inside the band, or unknown.
    None,
}

/// Where an anomaly is heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Moving further from what is expected.
    Worsening,
    /// Neither.
    Steady,
    /// Moving back.
    Recovering,
}

/// What was seen against what was expected, over some time. Count: events in it. Ratio: the share. Duration: the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// What was observed.
    pub observed: f64,
    /// What was expected.
    pub expected: f64,
    /// Lower end of the central 90 %.
    pub low: f64,
    /// Upper end of the central 90 %.
    pub high: f64,
}

impl Band {
    /// Observed over expected; 1 when nothing was expected.
    pub fn effect(&self) -> f64 {
        if self.expected > 0.0 { self.observed / self.expected } else { 1.0 }
    }

    /// Whether what was observed lies inside the band.
    pub fn contains_observed(&self) -> bool {
        (self.low..=self.high).contains(&self.observed)
    }
}

/// One bucket for a sparkline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Start of the bucket, Unix milliseconds.
    pub start_ms: i64,
    /// What was observed; `None` when it could not be read or there was nothing to measure.
    pub value: Option<f64>,
    /// What was expected then.
    pub expected: f64,
    /// Lower end of the central 90 %.
    pub low: f64,
    /// Upper end of the central 90 %.
    pub high: f64,
}

/// When an anomaly began, with the range in which it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onset {
    /// The most likely start, Unix milliseconds.
    pub at_ms: i64,
    /// The earliest start the data supports.
    pub earliest_ms: i64,
    /// The latest start the data supports.
    pub latest_ms: i64,
}

/// How much history a detector has and wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learning {
    /// History seen so far, milliseconds of known buckets.
    pub have_ms: i64,
    /// History still wanted before the first alarm, milliseconds; 0 when done.
    pub wanted_ms: i64,
}

/// What the detector says after one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Start of the bucket, Unix milliseconds.
    pub start_ms: i64,
    /// False when the bucket was missing or had nothing to measure: the metric is unknown, not fine.
    pub known: bool,
    /// How much of an alarm this bucket is, 0 to 1: 0.5 is the line. Once an anomaly is open it stays under the line: it was told.
    pub score: f64,
    /// How probable a deviation like this is while nothing is wrong, corrected for the windows looked at.
    pub p_value: f64,
    /// The bucket itself against its own band; `None` when unknown or nothing is learnt yet.
    pub bucket: Option<Band>,
    /// Over `window_ms`: since the onset while anomalous, else the trailing window that deviates most.
    pub window: Option<Band>,
    /// Length of `window`, milliseconds.
    pub window_ms: i64,
    /// Which way; `None` unless the deviation is more than chance would usually bring.
    pub direction: Direction,
    /// An anomaly is open: stays true until the metric recovered or its new level was accepted.
    pub anomalous: bool,
    /// True in the one verdict that opened the anomaly.
    pub opened: bool,
    /// True in the one verdict that closed it because the metric is back in its band.
    pub recovered: bool,
    /// True in the one verdict that closed it because its level has lasted and is now what is expected.
    pub adapted: bool,
    /// Observed over expected over `window`: the size of it, for severity. 1 when unknown.
    pub effect: f64,
    /// When it began, while anomalous.
    pub since: Option<Onset>,
    /// Where it is heading, while anomalous.
    pub trend: Trend,
    /// Set while there is too little history to judge; no alarm is raised then.
    pub learning: Option<Learning>,
}

impl Verdict {
    /// A verdict that says nothing: unknown, no score.
    pub(crate) fn silent(start_ms: i64, known: bool, learning: Option<Learning>) -> Self {
        Self {
            start_ms,
            known,
            score: 0.0,
            p_value: 1.0,
            bucket: None,
            window: None,
            window_ms: 0,
            direction: Direction::None,
            anomalous: false,
            opened: false,
            recovered: false,
            adapted: false,
            effect: 1.0,
            since: None,
            trend: Trend::Steady,
            learning,
        }
    }

    /// The most likely start of the open anomaly, Unix milliseconds.
    pub fn since_ms(&self) -> Option<i64> {
        self.since.map(|onset| onset.at_ms)
    }
}
