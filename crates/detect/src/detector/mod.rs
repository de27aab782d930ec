//! The streaming detector of one metric: [`Detector`], what it is asked; `intake`, what comes in; `judge`, what it says.

mod intake;
mod judge;

use crate::baseline::Baseline;
use crate::calibration::Calibration;
use crate::config::{Bucket, Config, ConfigError, Kind};
use crate::episode::Episode;
use crate::noise::Noise;
use crate::recent::{Entry, KEPT, Recent};
use crate::verdict::{Band, Learning, Point, Verdict};
use crate::windows;
use serde::{Deserialize, Serialize};
use wakeman_types::DAY_MS;

/// History before the first alarm: a day, and never fewer buckets than this.
const LEARNING_BUCKETS_MIN: i64 = 20;
/// Half-life of the learnt scatter and tails.
const HALF_LIFE_MS: i64 = 10 * DAY_MS;
/// A verified metric's last windows lie within this score.
const INSIDE: f64 = 2.0;

/// Watches one metric, one settled bucket at a time.
///
/// The verdict on a bucket depends on that bucket and earlier ones only. Everything it needs is in about 32 KB; the state is
/// serialisable, and feeding it the last four weeks rebuilds it.
///
/// # Source
/// A multiplicative seasonal baseline (level × time of day × hour of week) with shrinkage; negative-binomial,
/// beta-binomial or gamma tails; several trailing windows under a Bonferroni-like price; scores calibrated on the
/// metric's own past.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Detector {
    config: Config,
    windows: Vec<usize>,
    alarm_line: f64,
    baseline: Baseline,
    noise: Noise,
    calibration: Calibration,
    recent: Recent,
    /// Buckets before this instant have reached the baseline.
    settled_until_ms: i64,
    known_buckets: i64,
    since_refresh: i64,
    /// Windows do not reach back before this: it is where the last anomaly ended.
    barrier_ms: i64,
    /// From where to where the newest anomaly reaches; buckets in it hardly move the baseline.
    off_ms: (i64, i64),
    episode: Option<Episode>,
    /// Alarms of the last days, fading.
    alarms: f64,
}

impl Detector {
    /// # Errors
    /// [`ConfigError`] names the field that cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        let windows = windows::lengths(config.step_ms);
        let half_life = (HALF_LIFE_MS / config.step_ms).max(50) as f64;
        Ok(Self {
            alarm_line: windows::alarm_line(&config),
            baseline: Baseline::new(config.kind, config.step_ms),
            noise: Noise::new(config.kind, half_life),
            calibration: Calibration::new(&windows),
            recent: Recent::new(config.kind, config.step_ms),
            settled_until_ms: i64::MIN,
            known_buckets: 0,
            since_refresh: 0,
            barrier_ms: i64::MIN,
            off_ms: (i64::MAX, i64::MAX),
            episode: None,
            alarms: 0.0,
            windows,
            config,
        })
    }

    /// What it was configured with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Judges one settled bucket. Buckets come in order; skipped ones count as missing.
    ///
    /// A value that is no number, or a weight of 0, is missing too. A bucket that does not come after the last one is ignored and
    /// its verdict is unknown.
    pub fn observe(&mut self, bucket: Bucket) -> Verdict {
        let exposure = if self.config.kind == Kind::Count { 1.0 } else { bucket.weight };
        let usable = bucket.value.is_finite() && bucket.value >= 0.0 && exposure.is_finite() && exposure > 0.0;
        let value = if self.config.kind == Kind::Ratio { bucket.value.min(1.0) } else { bucket.value };
        self.take(bucket.start_ms, usable.then_some((value, exposure)))
    }

    /// Notes that the bucket at `start_ms` could not be read: the metric is unknown then, neither zero nor recovered.
    pub fn observe_missing(&mut self, start_ms: i64) -> Verdict {
        self.take(start_ms, None)
    }

    /// True when the newest bucket is known, no anomaly is open, and the last windows lie inside their bands.
    pub fn recovered(&self) -> bool {
        let inside = |n: usize| {
            let end = self.recent.len();
            let sum = self.recent.sum(end.saturating_sub(n), end);
            self.calibration.calibrated(0, sum.score(self.config.kind)).abs() < INSIDE
        };
        self.episode.is_none() && self.recent.last().is_some_and(Entry::judged) && (1..=3).all(inside)
    }

    /// Whether an anomaly is open.
    pub fn is_anomalous(&self) -> bool {
        self.episode.is_some()
    }

    /// Observed and expected over the trailing `window_ms`; `None` while nothing known lies in it.
    pub fn expected_band(&self, window_ms: i64) -> Option<Band> {
        let buckets = (window_ms / self.config.step_ms).clamp(1, KEPT as i64) as usize;
        let end = self.recent.len();
        let sum = self.recent.sum(end.saturating_sub(buckets), end);
        (sum.known > 0).then(|| sum.band(self.config.kind, self.calibration.stretch()))
    }

    /// The last `n` settled buckets (at most 288), oldest first, each with the band it was judged by.
    pub fn series(&self, n: usize) -> Vec<Point> {
        self.recent.points(n)
    }

    /// How much history is still wanted before the first alarm; `None` when it is enough.
    pub fn learning(&self) -> Option<Learning> {
        let want = DAY_MS.max(LEARNING_BUCKETS_MIN * self.config.step_ms);
        let have_ms = self.known_buckets * self.config.step_ms;
        (have_ms < want).then_some(Learning { have_ms, wanted_ms: want - have_ms })
    }
}
