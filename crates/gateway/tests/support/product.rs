//! A product with a steady stream of events, whose metrics go wrong and whose API fails when a test says so.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{BucketAnswer, BucketRequest, Clock, ErrorIssue, ProductSource, SourceError};
use wakeman_types::{Bucket, Change, DAY_MS, MetricId, Timestamp};

use super::TestClock;

/// A metric runs at a fraction of its rate for a while.
#[derive(Clone)]
pub struct Incident {
    pub metric: &'static str,
    pub from: Timestamp,
    pub until: Timestamp,
    pub factor: f64,
}

#[derive(Default)]
pub struct State {
    pub incidents: Vec<Incident>,
    /// Every call fails with this.
    pub down: Option<SourceError>,
    /// Only the list of errors fails with this.
    pub errors_down: Option<SourceError>,
    /// Metrics whose query is refused.
    pub refused: Vec<(MetricId, String)>,
    /// The source answers from a cache of then.
    pub frozen_at: Option<Timestamp>,
    /// How far the source's clock is ahead.
    pub ahead_ms: i64,
    /// How late events arrive.
    pub late_ms: i64,
    pub flag_changes: Vec<Change>,
    pub errors: Vec<ErrorIssue>,
    pub split: Option<[f64; 4]>,
    pub asked: usize,
    /// Every call after so many fails.
    pub fails_after: Option<usize>,
    /// What was asked for and answered.
    pub ranges: Vec<(Timestamp, Option<Timestamp>)>,
}

pub struct FakeProduct {
    clock: Arc<TestClock>,
    state: Mutex<State>,
}

impl FakeProduct {
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn ask(&self) -> Result<Timestamp, SourceError> {
        let mut state = self.state();
        state.asked += 1;
        if state.fails_after.is_some_and(|calls| state.asked > calls) {
            return Err(SourceError::Unavailable { reason: "502".to_owned() });
        }
        match &state.down {
            Some(error) => Err(error.clone()),
            None => Ok(state.frozen_at.unwrap_or_else(|| self.clock.now().plus_ms(state.ahead_ms))),
        }
    }
}

impl State {
    fn value(&self, metric: &str, start: i64, step_ms: i64, now: i64) -> f64 {
        let off = self.incidents.iter().filter(|i| i.metric == metric && (i.from.ms()..i.until.ms()).contains(&start));
        let factor: f64 = off.map(|incident| incident.factor).product();
        // What has arrived of it by now.
        let share = ((now - self.late_ms - start) as f64 / step_ms as f64).clamp(0.0, 1.0);
        ((60.0 + wobble(metric, start)) * factor * share).round()
    }
}

/// −8 to 8, the same for the same bucket: noise without chance.
fn wobble(metric: &str, start: i64) -> f64 {
    let seed =
        metric.bytes().fold(start as u64 / 300_000, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mixed = (seed ^ (seed >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 40) % 17) as f64 - 8.0
}

impl ProductSource for FakeProduct {
    fn server_now(&self) -> BoxFuture<'_, Result<Timestamp, SourceError>> {
        Box::pin(std::future::ready(self.ask()))
    }

    fn buckets<'a>(&'a self, request: BucketRequest<'a>) -> BoxFuture<'a, Result<BucketAnswer, SourceError>> {
        let answer = self.ask().map(|now| {
            let mut state = self.state();
            state.ranges.push((request.from, request.until));
            let mut buckets = Vec::new();
            // What is still to come has not happened, however far ahead a clock is.
            let end = request.until.map_or(now, |until| until.min(now)).min(self.clock.now().plus_ms(DAY_MS));
            let answered = |spec: &&wakeman_types::MetricSpec| state.refused.iter().all(|(id, _)| *id != spec.id);
            for (place, spec) in request.metrics.iter().enumerate().filter(|(_, spec)| answered(spec)) {
                let mut start = request.from.ms();
                while start < end.ms() {
                    let value = state.value(spec.id.as_str(), start, request.step_ms, now.ms());
                    if value > 0.0 {
                        buckets.push((place, Bucket { start: Timestamp(start), value, weight: 0.0 }));
                    }
                    start += request.step_ms;
                }
            }
            BucketAnswer { server_now: now, buckets, refused: state.refused.clone() }
        });
        Box::pin(std::future::ready(answer))
    }

    fn flag_changes(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<Change>, SourceError>> {
        let asked = |now| {
            let state = self.state();
            state.flag_changes.iter().filter(|change| (since..=now).contains(&change.at)).cloned().collect()
        };
        let answer = self.ask().map(asked);
        Box::pin(std::future::ready(answer))
    }

    fn errors(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<ErrorIssue>, SourceError>> {
        let answer = self.ask().and_then(|_| {
            let state = self.state();
            state.errors_down.clone().map_or_else(|| Ok(state.errors.clone()), Err)
        });
        Box::pin(std::future::ready(answer))
    }

    fn flag_split<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Timestamp,
        _: i64,
    ) -> BoxFuture<'a, Result<[f64; 4], SourceError>> {
        let split = self.state().split;
        let none = || SourceError::Rejected { reason: "no such split".to_owned(), remedy: String::new() };
        Box::pin(std::future::ready(split.ok_or_else(none)))
    }

    fn budget_used(&self) -> f64 {
        0.08
    }
}
