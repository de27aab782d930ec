//! What the newest bucket means.

use super::{Detector, HALF_LIFE_MS};
use crate::episode::{Episode, Outcome};
use crate::onset;
use crate::recent::{Entry, KEPT};
use crate::verdict::{Direction, Verdict};
use crate::windows::{self, Looked, Widest};
use wakeman_types::{DAY_MS, HOUR_MS};

/// What an anomaly that is open already keeps of its score: it stays under the alarm line.
const TOLD_SCORE: f64 = 0.49;
/// After so many days a past alarm weighs half.
const ALARM_HALF_LIFE_MS: i64 = 5 * DAY_MS;
/// Recent alarms that cost nothing, and by how much each further one lengthens the odds asked for: an alarm too many a day
/// says more of the metric than of the product.
const ALARMS_FREE: f64 = 1.0;
const ALARM_PRICE: f64 = 0.3;
/// Below this p-value a verdict names a direction.
const DIRECTION_P: f64 = 0.05;

impl Detector {
    pub(super) fn judge(&mut self, start_ms: i64, entry: &Entry) -> Verdict {
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
            // What was expected on the first day is no standard for later windows.
            self.barrier_ms = self.recent.end_ms();
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

    /// The p-value below which a bucket alarms now.
    fn line(&self) -> f64 {
        let price = 1.0 + ALARM_PRICE * (self.alarms - ALARMS_FREE).max(0.0);
        self.alarm_line.powf(price).max(f64::MIN_POSITIVE)
    }

    fn describe(&self, verdict: &mut Verdict, widest: &Widest) {
        verdict.p_value = widest.p_value;
        let times = widest.p_value.ln() / self.line().ln();
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
        } else if let Some(widest) = looked.widest.filter(|w| w.p_value < self.line()) {
            let onset = onset::locate(&self.recent, kind, widest.length, barrier);
            let direction = if widest.score < 0.0 { Direction::Down } else { Direction::Up };
            let sum = self.recent.sum(self.recent.index_of(onset.at_ms), self.recent.len());
            self.baseline.suspect_since(onset.at_ms);
            // Buckets of the last anomaly that the baseline has not seen yet stay out of it too.
            let unsettled = self.off_ms.1 > self.settled_until_ms && self.off_ms.1 < i64::MAX;
            self.off_ms = (if unsettled { self.off_ms.0.min(onset.at_ms) } else { onset.at_ms }, i64::MAX);
            self.episode = Some(Episode::open(onset, &sum, direction));
            self.alarms += 1.0;
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
        self.alarms *= 0.5_f64.powf(self.config.step_ms as f64 / ALARM_HALF_LIFE_MS as f64);
        self.since_refresh += 1;
        let every = (HOUR_MS / self.config.step_ms).max(1);
        if self.since_refresh >= every {
            self.since_refresh = 0;
            self.calibration.refresh(0.5_f64.powf((every * self.config.step_ms) as f64 / HALF_LIFE_MS as f64));
        }
    }
}
