//! What the watch hands over: something that is not as it should be, right now.

use wakeman_types::{Measure, SeriesPoint, Severity, Subject, Timestamp};

/// One problem as one source shows it now. Repeated on every look while it lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// What makes two of them the same problem.
    pub fingerprint: String,
    /// What it is about.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// Estimated onset, by the source's clock.
    pub since: Timestamp,
    /// The source's own present when it was seen.
    pub seen_at: Timestamp,
    /// The earliest onset there may have been, and the latest: the estimate need not lie in the middle.
    pub began: (Timestamp, Timestamp),
    /// For a metric: the numbers.
    pub measure: Option<Measure>,
    /// Occurrences of an error, failing runs in a row.
    pub occurrences: u64,
    /// The recent series, oldest first.
    pub series: Vec<SeriesPoint>,
    /// Length of one point of `series`.
    pub step_ms: i64,
    /// The commit that failed, where the subject names one.
    pub head_sha: Option<String>,
    /// Observed over expected; 1 where there is no such thing.
    pub effect: f64,
}

impl Detection {
    /// An onset that may be off by so many milliseconds, each way.
    pub const fn around(at: Timestamp, ms: i64) -> (Timestamp, Timestamp) {
        (at.plus_ms(-ms), at.plus_ms(ms))
    }
}
