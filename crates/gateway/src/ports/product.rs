//! The product analytics source: metrics, errors, flag edits.

use futures::future::BoxFuture;
use wakeman_types::{Bucket, Change, MetricId, MetricSpec, Timestamp};

use super::SourceError;

/// Which buckets are wanted.
#[derive(Debug, Clone, Copy)]
pub struct BucketRequest<'a> {
    /// Of these metrics.
    pub metrics: &'a [MetricSpec],
    /// From here, inclusive; a multiple of `step_ms`.
    pub from: Timestamp,
    /// Up to here, exclusive; `None`: up to the source's own present.
    pub until: Option<Timestamp>,
    /// Length of a bucket in milliseconds.
    pub step_ms: i64,
}

/// Buckets as the source has them. A count bucket that is not listed held no event.
#[derive(Debug, Clone, Default)]
pub struct BucketAnswer {
    /// The source's own clock when it answered; bounds what can be known.
    pub server_now: Timestamp,
    /// What it has, in any order, each with its metric's place in the request.
    pub buckets: Vec<(usize, Bucket)>,
    /// Metrics whose query it refused, with its words. The others are answered.
    pub refused: Vec<(MetricId, String)>,
}

/// An error as the source groups it. All text is untrusted.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorIssue {
    /// Its id there.
    pub id: String,
    /// The exception's type.
    pub name: String,
    /// Its message.
    pub description: String,
    /// `active`, `resolved`, `suppressed`, …
    pub status: String,
    /// File of the top frame.
    pub source: Option<String>,
    /// Function of the top frame.
    pub function: Option<String>,
    /// First and last occurrence.
    pub first_seen: Timestamp,
    /// Last occurrence.
    pub last_seen: Timestamp,
    /// Occurrences within the asked range.
    pub occurrences: u64,
    /// Occurrences per interval of the range, oldest first, where the source has them.
    pub volume: Vec<(Timestamp, u64)>,
}

/// What is asked of the product analytics source. One call of ours is one call there while it fits in one.
pub trait ProductSource: Send + Sync {
    /// The source's present by its own clock.
    fn server_now(&self) -> BoxFuture<'_, Result<Timestamp, SourceError>>;
    /// The buckets of all metrics, in as few queries as the source allows.
    fn buckets<'a>(&'a self, request: BucketRequest<'a>) -> BoxFuture<'a, Result<BucketAnswer, SourceError>>;
    /// Flag and experiment edits since then, oldest first.
    fn flag_changes(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<Change>, SourceError>>;
    /// Errors that occurred since then, most frequent first, at most 100.
    fn errors(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<ErrorIssue>, SourceError>>;
    /// For each flag key, the metric's events among users who have it and those who do not, before and after `onset`, as
    /// `(exposed_before, exposed_after, other_before, other_after)` over windows of `window_ms`.
    fn flag_split<'a>(
        &'a self,
        event: &'a str,
        flag: &'a str,
        onset: Timestamp,
        window_ms: i64,
    ) -> BoxFuture<'a, Result<[f64; 4], SourceError>>;
    /// Share of the shared request allowance used in the last hour, 0–1.
    fn budget_used(&self) -> f64;
}
