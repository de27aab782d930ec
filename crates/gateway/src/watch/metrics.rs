//! The metrics of the product source: one request for all of them, detectors fed with complete buckets only.

use wakeman_detect::{Direction as Way, Trend as Heading};
use wakeman_types::{
    Bucket, DAY_MS, Direction, HOUR_MS, MINUTE_MS, Measure, MetricId, MetricKind, MetricQuery, MetricSpec, SeriesPoint,
    Severity, Subject, Timestamp, Trend,
};

use super::{lag::SETTLED_MS, metric::MetricState};
use crate::{
    act::verify::Standing,
    findings::Detection,
    ports::{BucketAnswer, BucketRequest, ProductSource, SourceError},
};

/// Length of a bucket. Five minutes: a drop shows within minutes, and a request stays small.
pub const STEP_MS: i64 = 5 * MINUTE_MS;
/// History asked for when the watch begins: four of each weekday.
const HISTORY_MS: i64 = 28 * DAY_MS;
/// History is read in pieces of about this many buckets, so that what they take up at once stays small.
const PIECE_BUCKETS: i64 = 25_000;
/// How far behind the newest wanted bucket a request reaches at most; older ones are given up as unknown.
const BEHIND_MS_MAX: i64 = 2 * DAY_MS;
/// How far back late data is still looked for.
const LATE_MS: i64 = 3 * HOUR_MS;
/// A clock of the source's that went back by more than this since its last answer was wrong then or is wrong now.
const BACK_MS: i64 = MINUTE_MS;
/// The same for one that went on by so much more than ours did.
const AHEAD_MS: i64 = BEHIND_MS_MAX;
/// The onset is never known better than this: a bucket either way, and sources date their changes differently.
const ONSET_MS: i64 = 2 * STEP_MS;
/// From so many expected events after a repair on, the detector's word is enough.
const TELLING: f64 = 50.0;
/// How much likelier than a recovery it must be otherwise, as the logarithm of 100 to 1.
const SURE: f64 = 4.6;
/// Points of evidence a finding keeps.
const POINTS: usize = 48;

/// All watched metrics.
pub(super) struct Metrics {
    states: Vec<MetricState>,
    specs: Vec<MetricSpec>,
    alarms_per_week: f64,
    /// Up to where the history was read, while it is.
    history_until: Option<Timestamp>,
    server_now: Option<Timestamp>,
    /// When the source's own clock last moved, by ours: an answer from a cache is not news.
    moved_at: Option<Timestamp>,
    /// The source's own time at its last answer, if that does not follow on the one before.
    jumped_to: Option<Timestamp>,
}

impl Metrics {
    pub fn new(specs: Vec<MetricSpec>, alarms_per_week: f64) -> Result<Self, String> {
        let count = specs.len();
        let states: Result<Vec<_>, _> =
            specs.iter().map(|spec| MetricState::new(spec.clone(), STEP_MS, alarms_per_week, count)).collect();
        Ok(Self {
            states: states?,
            specs,
            alarms_per_week,
            history_until: None,
            server_now: None,
            moved_at: None,
            jumped_to: None,
        })
    }

    pub const fn len(&self) -> usize {
        self.specs.len()
    }

    /// Asks for what is missing and judges what is complete.
    ///
    /// # Errors
    /// What the source said. Nothing is judged then: the metrics are unknown.
    pub async fn tick(&mut self, source: &dyn ProductSource, now: Timestamp) -> Result<Vec<Detection>, SourceError> {
        if self.specs.is_empty() {
            return Ok(Vec::new());
        }
        let Some(server_now) = self.server_now else {
            return self.begin(source, now).await;
        };
        // A metric that is refused waits for nothing: what it missed stays unknown.
        let waiting = self.states.iter().filter(|state| state.refused.is_none());
        let oldest = waiting.filter_map(MetricState::wants_from_ms).min().unwrap_or(server_now.ms());
        let from = oldest.min(server_now.ms() - LATE_MS).max(server_now.ms() - BEHIND_MS_MAX);
        let request = self.request(from, None);
        let from_ms = request.from.ms();
        let answer = source.buckets(request).await?;
        if self.jumped(&answer, now)? {
            self.forget();
            return self.begin(source, now).await;
        }
        self.note_clock(&answer, now)?;
        Ok(self.judge(&answer, from_ms))
    }

    /// First look: weeks of history, from which the detectors learn what is normal. Only what is wrong at its end is reported.
    async fn begin(&mut self, source: &dyn ProductSource, now: Timestamp) -> Result<Vec<Detection>, SourceError> {
        let server_now = source.server_now().await?;
        let from = self.remember(source, server_now).await?;
        let answer = source.buckets(self.request(from.ms(), None)).await?;
        let now_ms = answer.server_now.ms();
        for (place, state) in self.states.iter_mut().enumerate() {
            state.refused = refusal(&answer, &state.spec.id);
            state.begin(&buckets_of(&answer, place), from.ms(), now_ms);
        }
        self.history_until = None;
        self.server_now = Some(answer.server_now);
        self.moved_at = Some(now);
        let off = self.states.iter().filter(|state| state.verdict.as_ref().is_some_and(|v| v.anomalous && v.known));
        Ok(off.filter_map(now_as_detection).collect())
    }

    /// Takes the history up to a few hours ago, piece by piece; returns from where on the rest is to be asked for. After a failure
    /// the next call goes on with the piece that failed.
    async fn remember(&mut self, source: &dyn ProductSource, server_now: Timestamp) -> Result<Timestamp, SourceError> {
        let begin = server_now.plus_ms(-HISTORY_MS).floor_to(STEP_MS);
        if self.history_until.is_some_and(|until| until < begin || until > server_now) {
            // What was read so far is of another time than the one the source tells now.
            self.forget();
        }
        let mut from = self.history_until.unwrap_or(begin);
        let series = i64::try_from(self.specs.len()).unwrap_or(i64::MAX).max(1);
        let piece_ms = STEP_MS * (PIECE_BUCKETS / series).max(1);
        while from.plus_ms(piece_ms) <= server_now.plus_ms(-SETTLED_MS) {
            let until = from.plus_ms(piece_ms);
            let answer = source.buckets(self.request(from.ms(), Some(until))).await?;
            for (place, state) in self.states.iter_mut().enumerate() {
                state.refused = refusal(&answer, &state.spec.id);
                state.remember(&buckets_of(&answer, place), from.ms(), until.ms());
            }
            from = until;
            self.history_until = Some(until);
        }
        Ok(from)
    }

    fn request(&self, from_ms: i64, until: Option<Timestamp>) -> BucketRequest<'_> {
        BucketRequest {
            metrics: &self.specs,
            from: Timestamp::from_ms(from_ms).floor_to(STEP_MS),
            until,
            step_ms: STEP_MS,
        }
    }

    /// Whether what is known is of another time than the source's own: its clock went far back or ahead, and the look after that
    /// goes on from there. One wrong answer, of a node whose clock is off, must not make the right ones after it stale for as long.
    ///
    /// # Errors
    /// On the first such look: it is not judged.
    fn jumped(&mut self, answer: &BucketAnswer, now: Timestamp) -> Result<bool, SourceError> {
        let Some(last) = self.server_now else { return Ok(false) };
        let (theirs, ours) = (answer.server_now.since(last), self.moved_at.map_or(0, |at| now.since(at)));
        let ahead = theirs > ours.max(0).saturating_add(AHEAD_MS);
        if !ahead && theirs >= -BACK_MS {
            self.jumped_to = None;
            return Ok(false);
        }
        // From a cache the same old answer comes twice.
        let again = self.jumped_to.is_some_and(|before| ahead || answer.server_now > before);
        self.jumped_to.get_or_insert(answer.server_now);
        if again { Ok(true) } else { Err(SourceError::Unavailable { reason: "its clock jumped".to_owned() }) }
    }

    /// Begins anew, with the history.
    fn forget(&mut self) {
        // Built of the same before.
        if let Ok(fresh) = Self::new(std::mem::take(&mut self.specs), self.alarms_per_week) {
            *self = fresh;
        }
    }

    /// A source whose clock stands still answers from a cache: that is silence, not data.
    fn note_clock(&mut self, answer: &BucketAnswer, now: Timestamp) -> Result<(), SourceError> {
        if self.server_now.is_none_or(|last| answer.server_now > last) {
            self.server_now = Some(answer.server_now);
            self.moved_at = Some(now);
            return Ok(());
        }
        let still_ms = self.moved_at.map_or(0, |at| now.since(at));
        if still_ms > 3 * MINUTE_MS {
            return Err(SourceError::Unavailable { reason: "stale data: its clock stands still".to_owned() });
        }
        Ok(())
    }

    fn judge(&mut self, answer: &BucketAnswer, from_ms: i64) -> Vec<Detection> {
        let now_ms = answer.server_now.ms();
        let mut off = Vec::new();
        for (place, state) in self.states.iter_mut().enumerate() {
            state.refused = refusal(answer, &state.spec.id);
            if state.refused.is_some() {
                continue;
            }
            let judged = state.take(&buckets_of(answer, place), from_ms, now_ms);
            if judged && state.verdict.as_ref().is_some_and(|verdict| verdict.anomalous && verdict.known) {
                off.extend(now_as_detection(state));
            }
        }
        off
    }

    /// A metric as it stands, in the shape of a detection: the numbers for a recovery message.
    pub fn current(&self, id: &MetricId) -> Option<Detection> {
        self.states.iter().find(|state| state.spec.id == *id).and_then(now_as_detection)
    }

    /// Metrics the source refuses to answer, with its words.
    pub fn refused(&self) -> Vec<(String, String)> {
        let refused = |state: &MetricState| Some((state.spec.name.clone(), state.refused.clone()?));
        self.states.iter().filter_map(refused).collect()
    }

    /// Metrics with too little history to be judged.
    pub fn learning(&self) -> usize {
        let learning = |s: &&MetricState| s.verdict.as_ref().is_none_or(|verdict| verdict.learning.is_some());
        self.states.iter().filter(learning).count()
    }

    /// The source's own time at its last answer.
    pub const fn server_now(&self) -> Option<Timestamp> {
        self.server_now
    }

    /// How old the newest judged data of a metric are, by the source's own clock, in milliseconds.
    pub fn behind_ms(&self, id: &MetricId) -> Option<i64> {
        let state = self.states.iter().find(|state| state.spec.id == *id)?;
        Some(self.server_now?.ms() - state.wants_from_ms()?)
    }

    /// Whether what a metric did in the last `age_ms` milliseconds is enough to say that it is still off: of a few events an hour, most
    /// of the time the detector looks at is from before.
    pub fn tells_since(&self, id: &MetricId, age_ms: i64) -> bool {
        let Some(state) = self.states.iter().find(|state| state.spec.id == *id) else { return true };
        let (Some(now), MetricKind::Count) = (self.server_now, state.spec.kind) else { return true };
        let effect = state.verdict.as_ref().map_or(1.0, |verdict| verdict.effect);
        let since = now.ms() - age_ms;
        let points = state.detector.series(POINTS).into_iter().filter(|point| point.start_ms >= since);
        let (observed, expected) = points
            .filter_map(|point| Some((point.value?, point.expected)))
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        expected >= TELLING || still_off(observed, expected, effect)
    }

    /// How a metric stands by its newest complete bucket.
    pub fn standing(&self, id: &MetricId) -> Standing {
        let state = self.states.iter().find(|state| state.spec.id == *id);
        match state.and_then(|state| Some((state, state.verdict.as_ref()?))) {
            Some((state, verdict)) if verdict.known && state.refused.is_none() => {
                if verdict.anomalous {
                    Standing::Still
                } else {
                    Standing::Recovered
                }
            }
            _ => Standing::Unknown,
        }
    }
}

/// Whether `observed` events where `expected` were speak surely for a rate that is `effect` times the usual one, against the usual one.
///
/// # Source
/// The likelihood ratio of two Poisson rates (Wald 1945).
fn still_off(observed: f64, expected: f64, effect: f64) -> bool {
    let effect = effect.clamp(0.02, 50.0);
    observed * effect.ln() - expected * (effect - 1.0) >= SURE
}

fn buckets_of(answer: &BucketAnswer, place: usize) -> Vec<Bucket> {
    answer.buckets.iter().filter(|(metric, _)| *metric == place).map(|(_, bucket)| *bucket).collect()
}

fn refusal(answer: &BucketAnswer, id: &MetricId) -> Option<String> {
    answer.refused.iter().find(|(metric, _)| metric == id).map(|(_, reason)| reason.clone())
}

/// The fingerprint of a metric's finding: one at a time, whichever way it goes.
fn fingerprint(id: &MetricId) -> String {
    format!("metric:{id}")
}

fn now_as_detection(state: &MetricState) -> Option<Detection> {
    let verdict = state.verdict.as_ref()?;
    let window = verdict.window.or(verdict.bucket)?;
    let direction = match verdict.direction {
        Way::Up => Direction::Up,
        Way::Down => Direction::Down,
        Way::None if window.observed > window.expected => Direction::Up,
        Way::None => Direction::Down,
    };
    let measure = Measure {
        observed: window.observed,
        expected: window.expected,
        low: window.low,
        high: window.high,
        window_ms: verdict.window_ms.max(STEP_MS),
        p_value: verdict.p_value,
        direction,
        trend: match verdict.trend {
            Heading::Worsening => Trend::Worsening,
            Heading::Steady => Trend::Steady,
            Heading::Recovering => Trend::Recovering,
        },
    };
    let since = Timestamp::from_ms(verdict.since_ms().unwrap_or(verdict.start_ms));
    let known = Detection::around(since, ONSET_MS);
    let may = verdict
        .since
        .map_or((since, since), |onset| (Timestamp::from_ms(onset.earliest_ms), Timestamp::from_ms(onset.latest_ms)));
    let spec = &state.spec;
    let event = match &spec.query {
        MetricQuery::Event { event } => Some(event.clone()),
        MetricQuery::HogQl { query } => event_in(query).map(str::to_owned),
    };
    Some(Detection {
        fingerprint: fingerprint(&spec.id),
        subject: Subject::Metric { metric: spec.id.clone(), name: spec.name.clone(), kind: spec.kind, event },
        severity: severity(spec.kind, &measure, verdict.effect),
        since,
        seen_at: Timestamp::from_ms(verdict.start_ms + STEP_MS),
        began: (may.0.min(known.0), may.1.max(known.1)),
        measure: Some(measure),
        occurrences: 0,
        series: points(state),
        step_ms: STEP_MS,
        head_sha: None,
        effect: verdict.effect,
    })
}

/// The first event a query names: `… event = 'signed_up' …`. It tells users and causes apart, no more.
fn event_in(query: &str) -> Option<&str> {
    query.match_indices("event").find_map(|(at, word)| {
        let after = query[at + word.len()..].trim_start();
        let quoted = after.strip_prefix("==").or_else(|| after.strip_prefix('='))?.trim_start().strip_prefix('\'')?;
        quoted.split('\'').next().filter(|name| !name.is_empty())
    })
}

fn points(state: &MetricState) -> Vec<SeriesPoint> {
    let to_point = |p: wakeman_detect::Point| {
        Some(SeriesPoint {
            at: Timestamp::from_ms(p.start_ms),
            value: p.value?,
            expected: p.expected,
            low: p.low,
            high: p.high,
        })
    };
    state.detector.series(POINTS).into_iter().filter_map(to_point).collect()
}

/// Half of what people do is gone, or things take twice as long: that wakes people. A rise of a count seldom does.
fn severity(kind: MetricKind, measure: &Measure, effect: f64) -> Severity {
    let critical = match (kind, measure.direction) {
        (MetricKind::Count | MetricKind::Ratio, Direction::Down) => effect <= 0.55,
        (MetricKind::Count | MetricKind::Ratio, Direction::Up) => false,
        (MetricKind::Duration, Direction::Up) => effect >= 2.0,
        (MetricKind::Duration, Direction::Down) => false,
    };
    let mild = match measure.direction {
        Direction::Down => effect > 0.85,
        Direction::Up => effect < 1.15,
    };
    match (critical, mild) {
        (true, _) => Severity::Critical,
        (false, true) => Severity::Info,
        (false, false) => Severity::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::{event_in, still_off};

    #[test]
    fn few_events_say_that_a_metric_is_still_off_only_where_a_recovery_is_very_unlikely() {
        // Observed, expected, effect.
        let table = [
            ((0.0, 2.0, 0.02), false),
            ((0.0, 5.0, 0.02), true),
            ((5.0, 3.0, 0.02), false),
            ((2.0, 20.0, 0.2), true),
            ((18.0, 20.0, 0.2), false),
            ((40.0, 10.0, 4.0), true),
            ((10.0, 10.0, 4.0), false),
        ];
        for ((observed, expected, effect), want) in table {
            assert_eq!(still_off(observed, expected, effect), want, "{observed} of {expected} at {effect}");
        }
    }

    #[test]
    fn the_first_event_of_a_query_is_found_and_nothing_else_is_taken_for_one() {
        let table = [
            ("SELECT count() FROM events WHERE event = 'signed_up' AND timestamp > now()", Some("signed_up")),
            ("SELECT countIf(event='paid') / countIf(event = 'cart') FROM events", Some("paid")),
            ("SELECT count() FROM events", None),
            ("SELECT count() FROM events WHERE event IN ('a', 'b')", None),
            ("event = ''", None),
            ("", None),
        ];
        for (query, want) in table {
            assert_eq!(event_in(query), want, "{query}");
        }
    }
}
