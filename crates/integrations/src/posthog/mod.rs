//! PostHog: metrics, errors and flag edits as a source; feature flags as hands.
//!
//! Guarantees: one query for the buckets of all metrics while they fit in one; never more than our share of the team's allowance, at
//! most two queries at a time; a call with an effect is sent at most once.
//! Not here: what is done with the numbers (`detect`), when a call is repeated (the watcher).

mod activity;
mod answers;
mod buckets;
mod budget;
mod check;
mod client;
mod discover;
mod errors;
mod flags;
mod hogql;
mod notes;
mod read;
mod rows;
mod split;

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use secrecy::SecretString;
use wakeman_gateway::ports::{
    AnnotationFacts, AnnotationRequest, BucketAnswer, BucketRequest, Clock, ErrorFacts, ErrorIssue, FlagFacts,
    FlagHands, HandsError, LastEdit, ProductHands, ProductSource, SourceError, WriteGate,
};
use wakeman_types::{Change, MetricKind, Timestamp};

pub use budget::{TEAM_PER_HOUR, TEAM_PER_MINUTE};
pub use check::check_posthog;
pub use discover::discover;

use crate::http::{BuildError, Failure, Timeouts};

/// What a PostHog adapter is built from.
pub struct PosthogOptions {
    /// Base address, e.g. `https://eu.posthog.com`.
    pub host: String,
    /// The project's numeric id.
    pub project_id: String,
    /// A personal API key (`phx_…`).
    pub key: SecretString,
    /// Share of the team's allowance we may use, above 0 and up to 1.
    pub rate_share: f64,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The clock the budget is counted by.
    pub clock: Arc<dyn Clock>,
    /// Holds back what was not sent yet.
    pub gate: WriteGate,
}

/// PostHog as [`ProductSource`] and [`FlagHands`].
pub struct Posthog {
    wire: client::Wire,
    refusals: Mutex<buckets::Refusals>,
    activity: activity::Route,
}

impl Posthog {
    /// Builds the adapter; sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that cannot be used.
    pub fn new(options: PosthogOptions) -> Result<Self, BuildError> {
        let wire = client::Wire::new(options)?;
        Ok(Self { wire, refusals: Mutex::default(), activity: activity::Route::default() })
    }
}

/// What a HogQL query measures, judged by its form: a division of two aggregates is a ratio, an average or quantile of something
/// timed a duration, everything else a count.
pub fn infer_kind(query: &str) -> MetricKind {
    hogql::kind_of(query)
}

impl ProductSource for Posthog {
    fn server_now(&self) -> BoxFuture<'_, Result<Timestamp, SourceError>> {
        Box::pin(async { check::server_now(&self.wire).await.map_err(Failure::source) })
    }

    fn buckets<'a>(&'a self, request: BucketRequest<'a>) -> BoxFuture<'a, Result<BucketAnswer, SourceError>> {
        Box::pin(async move {
            buckets::buckets(&self.wire, &self.refusals, request, client::Purpose::Watch).await.map_err(Failure::source)
        })
    }

    fn flag_changes(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<Change>, SourceError>> {
        Box::pin(
            async move { activity::flag_changes(&self.wire, &self.activity, since).await.map_err(Failure::source) },
        )
    }

    fn errors(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<ErrorIssue>, SourceError>> {
        Box::pin(async move {
            errors::errors(&self.wire, since, None, client::Purpose::Watch).await.map_err(Failure::source)
        })
    }

    fn flag_split<'a>(
        &'a self,
        event: &'a str,
        flag: &'a str,
        onset: Timestamp,
        window_ms: i64,
    ) -> BoxFuture<'a, Result<[f64; 4], SourceError>> {
        Box::pin(
            async move { split::flag_split(&self.wire, event, flag, onset, window_ms).await.map_err(Failure::source) },
        )
    }

    fn budget_used(&self) -> f64 {
        self.wire.budget_used()
    }
}

impl FlagHands for Posthog {
    fn project(&self) -> &str {
        self.wire.project()
    }

    fn flag<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(flags::by_key(&self.wire, key))
    }

    fn last_edit(&self, id: u64) -> BoxFuture<'_, LastEdit> {
        Box::pin(flags::last_edit(&self.wire, id))
    }

    fn set_flag<'a>(
        &'a self,
        id: u64,
        version: u64,
        active: bool,
        rollout: Option<f64>,
    ) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(flags::set(&self.wire, id, version, active, rollout))
    }
}

impl ProductHands for Posthog {
    fn project(&self) -> &str {
        self.wire.project()
    }

    fn annotate<'a>(&'a self, request: &'a AnnotationRequest) -> BoxFuture<'a, Result<AnnotationFacts, HandsError>> {
        Box::pin(notes::annotate(&self.wire, request))
    }

    fn annotation_by_marker<'a>(
        &'a self,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<Option<AnnotationFacts>, HandsError>> {
        Box::pin(notes::by_marker(&self.wire, marker))
    }

    fn error<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>> {
        Box::pin(notes::error(&self.wire, id))
    }

    fn set_error_status<'a>(&'a self, id: &'a str, status: &'a str) -> BoxFuture<'a, Result<ErrorFacts, HandsError>> {
        Box::pin(notes::set_error_status(&self.wire, id, status))
    }
}
