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
    /// Start of the newest bucket of the history that held anything.
    newest_ms: Option<i64>,
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
            newest_ms: None,
            waiting: BTreeMap::new(),
            step_ms,
        })
    }

    /// Start of the first bucket it still wants.
    pub const fn wants_from_ms(&self) -> Option<i64> {
        self.next_ms
    }

    /// Takes a piece of the history before the watch began: `[from_ms, until_ms)`, old enough that nothing of it is still late.
    pub fn remember(&mut self, buckets: &[Bucket], from_ms: i64, until_ms: i64) {
        self.note(buckets);
        if let Some(next) = self.next_ms {
            self.waiting.extend(buckets.iter().filter(|b| b.start.ms() >= next).map(|b| (b.start.ms(), *b)));
            self.judge(from_ms, |end_ms| end_ms <= until_ms);
        }
    }

    /// Takes the end of the history, from `from_ms` up to now; its newest part may still be late.
    pub fn begin(&mut self, buckets: &[Bucket], from_ms: i64, now_ms: i64) {
        self.note(buckets);
        if let Some(newest) = self.newest_ms {
            self.lag.start(now_ms - newest, self.step_ms);
        }
        self.next_ms.get_or_insert(now_ms - now_ms.rem_euclid(self.step_ms));
        self.take(buckets, from_ms, now_ms);
    }

    /// A metric that had no event before some day did not exist before it: zeros there are not history.
    fn note(&mut self, buckets: &[Bucket]) {
        let with_data = || buckets.iter().filter(|b| self.has_data(b)).map(|b| b.start.ms());
        let (first, newest) = (with_data().min(), with_data().max());
        self.next_ms = self.next_ms.or(first);
        self.newest_ms = self.newest_ms.max(newest);
    }

    /// Takes an answer of the source about everything since `from_ms`, as of `now_ms` (its own time), and judges what is complete.
    /// True if anything was judged.
    pub fn take(&mut self, buckets: &[Bucket], from_ms: i64, now_ms: i64) -> bool {
        let Some(next) = self.next_ms else { return false };
        for bucket in buckets.iter().filter(|b| b.start.ms() >= next) {
            let before = self.waiting.insert(bucket.start.ms(), *bucket);
            let grew = before.map_or(bucket.value > 0.0, |b| b.value != bucket.value || b.weight != bucket.weight);
            if grew {
                self.lag.grew(bucket.start.ms() + self.step_ms, now_ms);
            }
        }
        self.lag.polled(now_ms);
        let lag = self.lag.clone();
        self.judge(from_ms, |end_ms| lag.is_complete(end_ms, now_ms))
    }

    /// Judges what `is_complete`, in order. Before `from_ms` nobody was asked: what is not known of it is not zero.
    fn judge(&mut self, from_ms: i64, is_complete: impl Fn(i64) -> bool) -> bool {
        let mut judged = false;
        // While it is refused nothing is known of it; the buckets are passed over when it answers again.
        let asked = self.refused.is_none();
        while let Some(start) = self.next_ms.filter(|start| asked && is_complete(start + self.step_ms)) {
            let verdict = match (self.waiting.remove(&start), self.spec.kind) {
                (Some(bucket), _) => self.detector.observe(sample(self.spec.kind, &bucket)),
                (None, MetricKind::Count) if start >= from_ms => self.detector.observe(Sample::count(start, 0.0)),
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
