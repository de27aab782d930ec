//! The streaming detector of one metric.

use crate::baseline::Baseline;
use crate::calibration::Calibration;
use crate::config::{Bucket, Config, ConfigError, Kind};
use crate::episode::{Episode, Outcome};
use crate::noise::Noise;
use crate::onset;
use crate::recent::{Entry, KEPT, Recent};
use crate::verdict::{Band, Direction, Learning, Point, Verdict};
use crate::windows::{self, Looked, Widest};
use serde::{Deserialize, Serialize};
use wakeman_types::{DAY_MS, HOUR_MS};

/// History before the first alarm: a day, and never fewer buckets than this.
const LEARNING_BUCKETS_MIN: i64 = 20;
/// Buckets reach the baseline this late, so that what turns out to be an anomaly has not moved it yet.
const BASELINE_LAG_MS: i64 = 2 * HOUR_MS;
/// Half-life of the learnt scatter and tails.
const HALF_LIFE_MS: i64 = 10 * DAY_MS;
/// What an anomaly that is open already keeps of its score: it stays under the alarm line.
const TOLD_SCORE: f64 = 0.49;
/// Below this p-value a verdict names a direction.
const DIRECTION_P: f64 = 0.05;
/// A verified metric's last windows lie within this score.
const INSIDE: f64 = 2.0;

/// Watches one metric, one settled bucket at a time.
///
/// The verdict on a bucket depends on that bucket and earlier ones only. Everything it needs is in about 35 KB; the state is
/// serialisable, and feeding it the last four weeks rebuilds it.
///
/// # Source
/// A multiplicative seasonal baseline (level × time of day × hour of week) with shrinkage; negative-binomial,
/// beta-binomial or log-normal tails; several trailing windows under a Bonferroni-like price; scores calibrated on the
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

    fn take(&mut self, at_ms: i64, reading: Option<(f64, f64)>) -> Verdict {
        let step = self.config.step_ms;
        let start_ms = at_ms.div_euclid(step) * step;
        let end = self.recent.end_ms();
        if end != i64::MIN && start_ms < end {
            let mut verdict = Verdict::silent(start_ms, false, self.learning());
            verdict.anomalous = self.episode.is_some();
            return verdict;
        }
        self.fill_gap(start_ms);
        let entry = self.entry(start_ms, reading);
        self.recent.push(start_ms, entry);
        let verdict = self.judge(start_ms, &entry);
        self.known_buckets += i64::from(entry.known());
        self.settle(start_ms);
        verdict
    }

    fn fill_gap(&mut self, start_ms: i64) {
        let (step, end) = (self.config.step_ms, self.recent.end_ms());
        if end == i64::MIN || start_ms == end {
            return;
        }
        self.noise.skip();
        if (start_ms - end) / step >= KEPT as i64 {
            self.settle(end + BASELINE_LAG_MS + step * (LEARNING_BUCKETS_MIN + 1));
            self.recent.clear();
            return;
        }
        for missing in (end..start_ms).step_by(step as usize) {
            let entry = self.entry(missing, None);
            self.recent.push(missing, entry);
            self.settle(missing);
        }
    }

    fn entry(&self, start_ms: i64, reading: Option<(f64, f64)>) -> Entry {
        let (value, exposure) = reading.unwrap_or((0.0, 0.0));
        // A missing bucket is drawn with the band of a usual one.
        let typical =
            if exposure > 0.0 { exposure } else { self.recent.last().map_or(1.0, |e| f64::from(e.exposure)).max(1.0) };
        let Some(expected) = self.baseline.expected(start_ms, typical, &self.noise) else {
            return Entry { value: value as f32, exposure: exposure as f32, rate: 0.0, noise: 0.0, shared: 0.0 };
        };
        let ceiling = if self.config.kind == Kind::Ratio { 1.0 - 1e-4 } else { f64::INFINITY };
        let rate = expected.rate.clamp(1e-9, ceiling);
        Entry {
            value: value as f32,
            exposure: exposure as f32,
            rate: rate as f32,
            noise: self.noise.relative_variance(rate, typical, 1.0) as f32,
            shared: expected.variance as f32,
        }
    }

    fn judge(&mut self, start_ms: i64, entry: &Entry) -> Verdict {
        let learning = self.learning();
        let mut verdict = Verdict::silent(start_ms, entry.known(), learning);
        if !entry.judged() {
            self.noise.skip();
            self.fill_open_episode(&mut verdict);
            return verdict;
        }
        let newest = self.recent.sum(self.recent.len() - 1, self.recent.len());
        verdict.bucket = Some(newest.band(self.config.kind, self.calibration.stretch()));
        let barrier = self.recent.index_of(self.barrier_ms.max(start_ms - KEPT as i64 * self.config.step_ms));
        let looked = windows::look(&self.recent, &self.windows, barrier, &self.config, &self.calibration);
        if learning.is_some() {
            self.noise.learn(f64::from(entry.value), f64::from(entry.rate), f64::from(entry.exposure));
            return verdict;
        }
        if let Some(widest) = &looked.widest {
            self.describe(&mut verdict, widest);
        }
        self.run_episode(&mut verdict, &looked, barrier);
        self.learn(&looked, entry, &verdict);
        verdict
    }

    fn describe(&self, verdict: &mut Verdict, widest: &Widest) {
        verdict.p_value = widest.p_value;
        let times = widest.p_value.ln() / self.alarm_line.ln();
        verdict.score = times / (1.0 + times);
        verdict.window_ms = widest.length as i64 * self.config.step_ms;
        verdict.window = Some(widest.sum.band(self.config.kind, self.calibration.stretch()));
        verdict.effect = widest.sum.ratio();
        if widest.p_value < DIRECTION_P {
            verdict.direction = if widest.score < 0.0 { Direction::Down } else { Direction::Up };
        }
    }

    fn run_episode(&mut self, verdict: &mut Verdict, looked: &Looked, barrier: usize) {
        let kind = self.config.kind;
        if let Some(mut episode) = self.episode.take() {
            match episode.advance(&self.recent, kind, verdict.p_value, &self.calibration) {
                Outcome::Recovered { since_ms } => {
                    self.barrier_ms = since_ms;
                    self.off_ms.1 = since_ms;
                    verdict.recovered = true;
                }
                Outcome::Accepted => {
                    self.baseline.accept_level_since(episode.onset.at_ms, &self.noise);
                    self.barrier_ms = self.recent.end_ms();
                    self.off_ms = (i64::MAX, i64::MAX);
                    verdict.adapted = true;
                }
                Outcome::Open => {
                    if let Some(widest) = looked.widest.filter(|_| episode.is_young()) {
                        episode.onset = onset::locate(&self.recent, kind, widest.length, barrier);
                        self.off_ms.0 = self.off_ms.0.min(episode.onset.at_ms);
                    }
                    self.episode = Some(episode);
                }
            }
        } else if let Some(widest) = looked.widest.filter(|w| w.p_value < self.alarm_line) {
            let onset = onset::locate(&self.recent, kind, widest.length, barrier);
            let direction = if widest.score < 0.0 { Direction::Down } else { Direction::Up };
            let sum = self.recent.sum(self.recent.index_of(onset.at_ms), self.recent.len());
            self.baseline.suspect_since(onset.at_ms);
            self.off_ms = (onset.at_ms, i64::MAX);
            self.episode = Some(Episode::open(onset, &sum, direction));
            verdict.opened = true;
        }
        self.fill_open_episode(verdict);
    }

    /// While an anomaly is open every verdict tells of it, also over a gap.
    fn fill_open_episode(&self, verdict: &mut Verdict) {
        let Some(episode) = &self.episode else { return };
        let from = self.recent.index_of(episode.onset.at_ms);
        let sum = self.recent.sum(from, self.recent.len());
        verdict.anomalous = true;
        if !verdict.opened {
            verdict.score *= TOLD_SCORE;
        }
        verdict.since = Some(episode.onset);
        verdict.direction = episode.direction;
        verdict.window_ms = (self.recent.len() - from) as i64 * self.config.step_ms;
        verdict.window = Some(sum.band(self.config.kind, self.calibration.stretch()));
        verdict.effect = sum.ratio();
        verdict.trend = episode.trend(&self.recent, self.config.kind);
    }

    /// The bucket that opens an anomaly still teaches the tails, so that a metric full of spikes is believed less each time;
    /// what follows inside the anomaly teaches nothing.
    fn learn(&mut self, looked: &Looked, entry: &Entry, verdict: &Verdict) {
        if self.episode.is_none() || verdict.opened {
            for (window, raw) in looked.raw.iter().enumerate() {
                if let Some(raw) = raw {
                    self.calibration.learn(window, *raw);
                }
            }
        }
        if self.episode.is_none() {
            self.noise.learn(f64::from(entry.value), f64::from(entry.rate), f64::from(entry.exposure));
        } else {
            self.noise.skip();
        }
        self.since_refresh += 1;
        let every = (HOUR_MS / self.config.step_ms).max(1);
        if self.since_refresh >= every {
            self.since_refresh = 0;
            self.calibration.refresh(0.5_f64.powf((every * self.config.step_ms) as f64 / HALF_LIFE_MS as f64));
        }
    }

    /// Hands buckets that are old enough to the baseline.
    fn settle(&mut self, now_ms: i64) {
        let step = self.config.step_ms;
        let lag = if self.learning().is_some() { 0 } else { (BASELINE_LAG_MS / step).max(3) };
        let until = now_ms - lag * step;
        let first = self.recent.index_of(self.settled_until_ms.max(now_ms - KEPT as i64 * step));
        let off = self.off_ms.0..self.off_ms.1;
        for index in first..self.recent.len() {
            let start_ms = self.recent.start_of(index);
            if start_ms > until {
                break;
            }
            self.settled_until_ms = start_ms + step;
            if let Some(entry) = self.recent.get(index).copied().filter(Entry::known) {
                let exposure = f64::from(entry.exposure);
                let amount = f64::from(entry.value) * exposure;
                self.baseline.add(start_ms, amount, exposure, off.contains(&start_ms), &self.noise);
            }
        }
    }
}
