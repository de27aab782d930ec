//! The product source as a whole: metrics, errors and flag edits share its health and its back-off.

use std::sync::Arc;

use wakeman_detect::FlagSplit;
use wakeman_types::{Change, ChangeRef, DAY_MS, Finding, HOUR_MS, MINUTE_MS, MetricSpec, Subject, Timestamp};

use super::{backoff::Backoff, errors::Errors, metrics::Metrics};
use crate::{
    act::verify::Standing,
    findings::Detection,
    ports::{ProductSource, SourceError},
};

/// How far back flag edits are read when the watch begins.
const FLAGS_BACK_MS: i64 = 72 * HOUR_MS;
/// Flags whose users are compared for one finding.
const SPLITS_MAX: usize = 3;
/// The window of such a comparison before the onset.
const SPLIT_MS: i64 = 2 * HOUR_MS;

/// How long after a repair an error may still occur: what was merged must first be deployed.
const DEPLOYED_MS: i64 = 15 * MINUTE_MS;
/// How long a check may wait for enough to have happened that it tells.
const UNDECIDED_MS_MAX: i64 = DAY_MS;

/// Everything read from the product source.
pub(super) struct Product {
    pub source: Arc<dyn ProductSource>,
    pub metrics: Metrics,
    pub errors: Errors,
    pub backoff: Backoff,
    /// What is not given to our credential or not understood, named with the remedy.
    pub withheld: Vec<String>,
    /// Whether errors are among it: how one stands is then unknown.
    errors_withheld: bool,
    flags_since: Option<Timestamp>,
    /// From where they are read next, once those that were read are kept.
    flags_read: Option<Timestamp>,
}

impl Product {
    pub fn new(source: Arc<dyn ProductSource>, specs: Vec<MetricSpec>, alarms_per_week: f64) -> Result<Self, String> {
        Ok(Self {
            source,
            metrics: Metrics::new(specs, alarms_per_week)?,
            errors: Errors::default(),
            backoff: Backoff::default(),
            withheld: Vec::new(),
            errors_withheld: false,
            flags_since: None,
            flags_read: None,
        })
    }

    /// Reads everything once: what is wrong, and the changes since [`Product::kept`] was last said.
    ///
    /// # Errors
    /// The first thing the source said; what was read before it is kept for the next time.
    pub async fn read(&mut self, now: Timestamp) -> Result<(Vec<Detection>, Vec<Change>), SourceError> {
        let mut off = self.metrics.tick(&*self.source, now).await?;
        let source_now = self.metrics.server_now().unwrap_or(now);
        let furthest = source_now.plus_ms(-FLAGS_BACK_MS);
        let since = self.flags_since.map_or(furthest, |since| since.max(furthest));
        self.withheld.clear();
        let changes = self.source.flag_changes(since).await;
        let changes = self.unless_withheld("flag edits", changes)?;
        self.flags_read = changes.as_ref().map(|_| source_now.plus_ms(-10 * MINUTE_MS));
        let issues = self.source.errors(self.errors.since(source_now)).await;
        let issues = self.unless_withheld("errors", issues)?;
        self.errors_withheld = issues.is_none();
        if let Some(issues) = issues {
            off.extend(self.errors.take(issues, source_now));
        }
        Ok((off, changes.unwrap_or_default()))
    }

    /// The changes that were read are stored: they need not be read again.
    pub fn kept(&mut self) {
        self.flags_since = self.flags_read.or(self.flags_since);
    }

    /// What a credential's scopes or the plan do not include, or what is not as agreed, must not keep the metrics from being
    /// watched.
    fn unless_withheld<T>(&mut self, what: &str, read: Result<T, SourceError>) -> Result<Option<T>, SourceError> {
        match read {
            Err(error @ (SourceError::Denied { .. } | SourceError::Rejected { .. } | SourceError::Shape { .. }))
                if self.metrics.len() > 0 =>
            {
                self.withheld.push(format!("{what} cannot be read: {error}"));
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// For the flags among `changes` near the onset: how the metric did among those who have the flag and the others.
    pub async fn splits(&self, seen: &Detection, changes: &[Change]) -> Vec<(String, FlagSplit)> {
        let Subject::Metric { event: Some(event), .. } = &seen.subject else { return Vec::new() };
        let near = |change: &&Change| {
            let lead = seen.since.since(change.at);
            matches!(change.reference, ChangeRef::Flag { .. }) && (-15 * MINUTE_MS..6 * HOUR_MS).contains(&lead)
        };
        let mut out = Vec::new();
        for change in changes.iter().filter(near).take(SPLITS_MAX) {
            let ChangeRef::Flag { key, .. } = &change.reference else { continue };
            match self.source.flag_split(event, key, seen.since, SPLIT_MS).await {
                Ok(counts) => out.extend(FlagSplit::of_counts(counts).map(|split| (key.clone(), split))),
                Err(error) => tracing::info!(%error, "watch.no_flag_split"),
            }
        }
        out
    }

    /// How the subject of a finding that is not as it should be stands by what happened in the last `age_ms` milliseconds.
    pub fn still_since(&self, finding: &Finding, age_ms: i64) -> Standing {
        let decided = match &finding.subject {
            Subject::Metric { metric, .. } if self.metrics.behind_ms(metric).is_some_and(|behind| behind >= age_ms) => {
                return Standing::Unknown;
            }
            Subject::Metric { metric, .. } => self.metrics.tells_since(metric, age_ms),
            Subject::Error { issue, .. } => self.errors.occurred_within(issue, age_ms - DEPLOYED_MS),
            Subject::Run { .. } | Subject::Deployment { .. } => true,
        };
        if decided || age_ms > UNDECIDED_MS_MAX { Standing::Still } else { Standing::Undecided }
    }

    /// How the subject of a finding stands.
    pub fn standing(&self, subject: &Subject) -> Standing {
        if self.backoff.silent_since().is_some() {
            return Standing::Unknown;
        }
        match subject {
            Subject::Metric { metric, .. } => self.metrics.standing(metric),
            Subject::Error { .. } if self.errors_withheld => Standing::Unknown,
            Subject::Error { issue, .. } => self.errors.standing(issue),
            Subject::Run { .. } | Subject::Deployment { .. } => Standing::Unknown,
        }
    }
}
