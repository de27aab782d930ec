//! The last day of buckets, each with what was expected of it at the time.

use crate::config::Kind;
use crate::tails;
use crate::verdict::{Band, Point};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Buckets kept.
pub(crate) const KEPT: usize = 288;

/// One bucket with the expectation it was judged by. Nothing known: exposure 0.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// As observed: events, share or mean.
    pub value: f32,
    /// Count: 1. Else the weight. 0 when unknown.
    pub exposure: f32,
    /// Expected value; 0 when nothing was learnt yet.
    pub rate: f32,
    /// Relative variance of the bucket's own scatter.
    pub noise: f32,
    /// Relative variance of the expectation, shared by neighbouring buckets.
    pub shared: f32,
}

impl Entry {
    pub(crate) fn known(&self) -> bool {
        self.exposure > 0.0
    }

    /// Whether the bucket can be compared with an expectation.
    pub(crate) fn judged(&self) -> bool {
        self.known() && self.rate > 0.0
    }

    fn amounts(&self) -> (f64, f64) {
        let exposure = f64::from(self.exposure);
        (f64::from(self.value) * exposure, f64::from(self.rate) * exposure)
    }

    /// Log-likelihood of "`ratio` times what was expected" against "as expected".
    ///
    /// Counts and shares: quasi-Poisson with the bucket's own dispersion. Durations: gamma.
    pub(crate) fn log_likelihood_ratio(&self, kind: Kind, ratio: f64) -> f64 {
        if !self.judged() {
            return 0.0;
        }
        let (observed, expected) = self.amounts();
        let noise = f64::from(self.noise).max(1e-9);
        let shift = ratio.ln();
        match kind {
            Kind::Duration => (observed / expected * (1.0 - 1.0 / ratio) - shift) / noise,
            _ => (observed * shift - expected * (ratio - 1.0)) / (expected * noise).max(1e-9),
        }
    }
}

/// Sums over some buckets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub observed: f64,
    pub expected: f64,
    pub exposure: f64,
    scatter: f64,
    shared: f64,
    pub known: usize,
}

impl Sum {
    pub(crate) fn add(&mut self, entry: &Entry) {
        if !entry.judged() {
            return;
        }
        let (observed, expected) = entry.amounts();
        self.observed += observed;
        self.expected += expected;
        self.exposure += f64::from(entry.exposure);
        self.scatter += expected * expected * f64::from(entry.noise);
        self.shared += expected * f64::from(entry.shared);
        self.known += 1;
    }

    /// Relative variance of the sum: independent scatter, and the expectation's own, which does not average out.
    fn variance(&self) -> f64 {
        self.scatter / (self.expected * self.expected) + self.shared / self.expected
    }

    /// Observed over expected.
    pub(crate) fn ratio(&self) -> f64 {
        if self.expected > 0.0 { self.observed / self.expected } else { 1.0 }
    }

    /// How far out, as a signed normal score.
    pub(crate) fn score(&self, kind: Kind) -> f64 {
        if self.expected <= 0.0 {
            return 0.0;
        }
        let variance = self.variance();
        let score = match kind {
            Kind::Count => tails::count_score(self.observed, self.expected, variance * self.expected * self.expected),
            Kind::Ratio => {
                let p = self.expected / self.exposure;
                tails::share_score(self.observed / self.exposure, p, variance * p * p)
            }
            Kind::Duration => tails::gamma_score(self.ratio(), variance),
        };
        if score.is_finite() { score.clamp(-37.0, 37.0) } else { 0.0 }
    }

    /// The band of it, in the metric's own unit; `stretch` widens its standard deviation.
    pub(crate) fn band(&self, kind: Kind, stretch: f64) -> Band {
        let per = if kind == Kind::Count { 1.0 } else { self.exposure.max(1e-12) };
        let expected = self.expected / per;
        let variance = if self.expected > 0.0 { self.variance() * stretch * stretch } else { 0.0 };
        let (low, high) = band(kind, expected, variance);
        Band { observed: self.observed / per, expected, low, high }
    }
}

/// Central 90 % around an expected value.
fn band(kind: Kind, expected: f64, variance: f64) -> (f64, f64) {
    match kind {
        Kind::Count | Kind::Duration => tails::gamma_band(expected, variance),
        Kind::Ratio if expected <= 0.5 => {
            let (low, high) = tails::gamma_band(expected, variance);
            (low, high.min(1.0))
        }
        Kind::Ratio => {
            let rest = (1.0 - expected).max(1e-9);
            let (low, high) = tails::gamma_band(rest, variance * expected * expected / (rest * rest));
            ((1.0 - high).max(0.0), 1.0 - low)
        }
    }
}

/// A ring of consecutive buckets, newest last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Recent {
    kind: Kind,
    step_ms: i64,
    end_ms: i64,
    ring: VecDeque<Entry>,
}

impl Recent {
    pub(crate) fn new(kind: Kind, step_ms: i64) -> Self {
        Self { kind, step_ms, end_ms: i64::MIN, ring: VecDeque::with_capacity(KEPT) }
    }

    /// Start of the next bucket; `i64::MIN` before the first.
    pub(crate) fn end_ms(&self) -> i64 {
        self.end_ms
    }

    pub(crate) fn push(&mut self, start_ms: i64, entry: Entry) {
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back(entry);
        self.end_ms = start_ms + self.step_ms;
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
    }

    /// Start of the entry at `index`.
    pub(crate) fn start_of(&self, index: usize) -> i64 {
        self.end_ms - (self.ring.len() - index) as i64 * self.step_ms
    }

    /// Index of the bucket `at_ms` lies in, no earlier than the oldest kept.
    pub(crate) fn index_of(&self, at_ms: i64) -> usize {
        let back =
            (self.end_ms - at_ms).div_euclid(self.step_ms) + i64::from((self.end_ms - at_ms) % self.step_ms != 0);
        self.ring.len() - (back.clamp(0, self.ring.len() as i64) as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.ring.get(index)
    }

    pub(crate) fn last(&self) -> Option<&Entry> {
        self.ring.back()
    }

    /// Newest first.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = &Entry> {
        self.ring.iter().rev()
    }

    pub(crate) fn sum(&self, from: usize, to: usize) -> Sum {
        let mut sum = Sum::default();
        self.ring.range(from.min(to)..to.min(self.ring.len())).for_each(|entry| sum.add(entry));
        sum
    }

    /// The last `n` buckets, oldest first.
    pub(crate) fn points(&self, n: usize) -> Vec<Point> {
        let from = self.ring.len().saturating_sub(n);
        let point = |(i, entry): (usize, &Entry)| {
            let (low, high) = if entry.rate > 0.0 {
                band(self.kind, f64::from(entry.rate), f64::from(entry.noise + entry.shared))
            } else {
                (0.0, 0.0)
            };
            Point {
                start_ms: self.start_of(i),
                value: entry.known().then_some(f64::from(entry.value)),
                expected: f64::from(entry.rate),
                low,
                high,
            }
        };
        self.ring.iter().enumerate().skip(from).map(point).collect()
    }
}
