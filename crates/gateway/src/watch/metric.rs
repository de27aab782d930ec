//! One watched metric: its detector, the buckets that are not complete yet, how late its data is.

use std::collections::BTreeMap;

use wakeman_detect::{Bucket as Sample, Config, Detector, Kind, Verdict};
use wakeman_types::{Bucket, MetricKind, MetricSpec};

use super::lag::Lag;

/// What is watched and what is known of it.
pub(super) struct MetricState {
    /// What is watched.
    pub spec: MetricSpec,
    /// Judges complete buckets, one after the other.
    pub detector: Detector,
    /// Its last word.
    pub verdict: Option<Verdict>,
    /// Why the source refuses the query, in its words.
    pub refused: Option<String>,
    lag: Lag,
    /// Start of the next bucket to judge; `None` before the first answer.
    next_ms: Option<i64>,
    waiting: BTreeMap<i64, Bucket>,
    step_ms: i64,
}

impl MetricState {
    /// Nothing known yet.
    pub fn new(spec: MetricSpec, step_ms: i64, alarms_per_week: f64, metrics: usize) -> Result<Self, String> {
        let config = Config::new(detector_kind(spec.kind), step_ms).with_budget(alarms_per_week, metrics);
        let detector = Detector::new(config).map_err(|error| format!("{}: {error}", spec.name))?;
        Ok(Self {
            spec,
            detector,
            verdict: None,
            refused: None,
            lag: Lag::default(),
            next_ms: None,
            waiting: BTreeMap::new(),
            step_ms,
        })
    }

    /// Start of the first bucket it still wants.
    pub const fn wants_from_ms(&self) -> Option<i64> {
        self.next_ms
    }

    /// Takes the history before the watch began, up to `until_ms`; the newest part may still be late.
    pub fn backfill(&mut self, buckets: &[Bucket], from_ms: i64, now_ms: i64) {
        let newest = buckets.iter().filter(|b| self.has_data(b)).map(|b| b.start.ms()).max();
        if let Some(newest) = newest {
            self.lag.start(now_ms - newest, self.step_ms);
        }
        // A metric that had no event before some day did not exist before it: zeros there are not history.
        let first = buckets.iter().filter(|b| self.has_data(b)).map(|b| b.start.ms()).min();
        self.next_ms = Some(first.unwrap_or_else(|| now_ms - now_ms.rem_euclid(self.step_ms)).max(from_ms));
        self.take(buckets, now_ms);
    }

    /// Takes an answer of the source as of `now_ms` (its own time) and judges what is complete. True if anything was judged.
    pub fn take(&mut self, buckets: &[Bucket], now_ms: i64) -> bool {
        let Some(next) = self.next_ms else { return false };
        for bucket in buckets.iter().filter(|b| b.start.ms() >= next) {
            let before = self.waiting.insert(bucket.start.ms(), *bucket);
            let grew = before.map_or(bucket.value > 0.0, |b| b.value != bucket.value || b.weight != bucket.weight);
            if grew {
                self.lag.grew(bucket.start.ms() + self.step_ms, now_ms);
            }
        }
        self.lag.polled(now_ms);
        self.judge(now_ms)
    }

    fn judge(&mut self, now_ms: i64) -> bool {
        let mut judged = false;
        while let Some(start) = self.next_ms.filter(|start| self.lag.is_complete(start + self.step_ms, now_ms)) {
            let verdict = match (self.waiting.remove(&start), self.spec.kind) {
                (Some(bucket), _) => self.detector.observe(sample(self.spec.kind, &bucket)),
                (None, MetricKind::Count) => self.detector.observe(Sample::count(start, 0.0)),
                (None, _) => self.detector.observe_missing(start),
            };
            self.verdict = Some(verdict);
            judged = true;
            self.next_ms = Some(start + self.step_ms);
        }
        judged
    }

    fn has_data(&self, bucket: &Bucket) -> bool {
        match self.spec.kind {
            MetricKind::Count => bucket.value > 0.0,
            MetricKind::Ratio | MetricKind::Duration => bucket.weight > 0.0,
        }
    }
}

fn sample(kind: MetricKind, bucket: &Bucket) -> Sample {
    let start = bucket.start.ms();
    match kind {
        MetricKind::Count => Sample::count(start, bucket.value),
        MetricKind::Ratio => Sample::ratio(start, bucket.value, bucket.weight),
        MetricKind::Duration => Sample::duration(start, bucket.value, bucket.weight),
    }
}

/// The detector's name of a metric's kind.
pub(crate) const fn detector_kind(kind: MetricKind) -> Kind {
    match kind {
        MetricKind::Count => Kind::Count,
        MetricKind::Ratio => Kind::Ratio,
        MetricKind::Duration => Kind::Duration,
    }
}
