//! From readings to entries, and from entries to the baseline.

use super::{Detector, LEARNING_BUCKETS_MIN};
use crate::config::Kind;
use crate::recent::{Entry, KEPT};
use crate::verdict::Verdict;
use wakeman_types::HOUR_MS;

/// No count, sum or weight of a bucket is larger; what is, is no reading: sums and squares of it must stay numbers.
const READING_MAX: f64 = 1e18;
/// Buckets reach the baseline this late, so that what turns out to be an anomaly has not moved it yet.
const BASELINE_LAG_MS: i64 = 2 * HOUR_MS;

impl Detector {
    /// Takes the next bucket, or that it is missing.
    pub(super) fn take(&mut self, at_ms: i64, reading: Option<(f64, f64)>) -> Verdict {
        let step = self.config.step_ms;
        let reading = reading.filter(|(value, exposure)| value.abs() <= READING_MAX && exposure.abs() <= READING_MAX);
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
