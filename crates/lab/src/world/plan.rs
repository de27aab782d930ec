//! Which event streams a scenario's metrics make, and by which properties each is split.

use super::draw::Dice;
use super::stream::{Dim, Duration, Rate, Split, Stream};
use crate::posthog;
use crate::scenario::{Effect, Incident, Metric, MetricKind, Scenario};

/// The event that SDKs send for an exception.
const EXCEPTION: &str = "$exception";
/// Denominators per step of a ratio that names no `of`.
const TRIALS_PER_STEP: f64 = 200.0;
/// The same where a recorded ratio is to be reproduced closely.
const TRIALS_PER_STEP_REPLAYED: f64 = 2_000.0;
/// Events per step of a duration that shares no count metric's event.
const TIMINGS_PER_STEP: f64 = 40.0;

/// The streams, each after the stream it depends on.
pub(super) fn streams(scenario: &Scenario) -> Vec<Stream> {
    let mut plan = Plan { scenario, streams: Vec::new(), of_metric: vec![None; scenario.metrics.len()] };
    for kind in [MetricKind::Count, MetricKind::Ratio, MetricKind::Duration] {
        for (at, metric) in scenario.metrics.iter().enumerate().filter(|(_, metric)| metric.kind == kind) {
            plan.add(at, metric);
        }
    }
    plan.share_dims();
    plan.add_errors();
    let mut streams = plan.streams;
    for stream in &mut streams {
        stream.bind_incidents(scenario);
    }
    streams
}

struct Plan<'s> {
    scenario: &'s Scenario,
    streams: Vec<Stream>,
    /// The stream that carries each metric's events.
    of_metric: Vec<Option<usize>>,
}

impl Plan<'_> {
    fn add(&mut self, at: usize, metric: &Metric) {
        let base = self.base_of(metric);
        let same_event = self.streams.iter().position(|stream| stream.event == metric.event);
        let place = match (metric.kind, same_event) {
            (MetricKind::Duration, Some(place)) if self.streams[place].duration.is_none() => place,
            (MetricKind::Count | MetricKind::Ratio, Some(place)) => place,
            (MetricKind::Count, None) => self.push(metric, &metric.event, Rate::Metric { metric: at }),
            (MetricKind::Ratio, None) => {
                let base = base.unwrap_or_else(|| self.push_trials(metric));
                self.push(metric, &metric.event, Rate::PartOf { metric: at, base })
            }
            (MetricKind::Duration, _) => {
                let rate = base.map_or(Rate::Steady { per_step: TIMINGS_PER_STEP }, |base| Rate::SameAs { base });
                self.push(metric, &metric.event, rate)
            }
        };
        self.of_metric[at] = Some(place);
        let stream = &mut self.streams[place];
        stream.lag_ms = stream.lag_ms.max(metric.lag_ms);
        if metric.kind == MetricKind::Duration {
            let dice = Dice::new(self.scenario.seed, &format!("duration/{}", metric.name));
            stream.duration = Some(Duration { metric: at, dice, effects: Vec::new(), means: Vec::new() });
        } else {
            stream.metrics.push(at);
        }
        self.add_segments(place, metric);
    }

    fn add_errors(&mut self) {
        for issue in posthog::issues_of(self.scenario) {
            let rate = Rate::Errors { per_hour: issue.per_hour, from_ms: issue.from_ms, incident: issue.incident };
            let dice = Dice::new(self.scenario.seed, &format!("exceptions/{}", issue.id));
            let mut stream = Stream::new(EXCEPTION, dice, rate);
            stream.constants = issue.properties();
            self.streams.push(stream);
        }
    }

    /// The stream that a ratio divides by or that a duration rides on.
    fn base_of(&self, metric: &Metric) -> Option<usize> {
        let of = metric.of.as_deref()?;
        let at = self.scenario.metrics.iter().position(|other| other.name == of)?;
        self.of_metric[at]
    }

    fn push(&mut self, metric: &Metric, event: &str, rate: Rate) -> usize {
        let dice = Dice::new(self.scenario.seed, &format!("events/{event}/{}", metric.name));
        self.streams.push(Stream::new(event, dice, rate));
        self.streams.len() - 1
    }

    /// A denominator for a ratio that names none: events `<event>_attempted`.
    fn push_trials(&mut self, metric: &Metric) -> usize {
        let per_step = if metric.replay.is_some() { TRIALS_PER_STEP_REPLAYED } else { TRIALS_PER_STEP };
        self.push(metric, &trials_event(metric), Rate::Steady { per_step })
    }

    fn add_segments(&mut self, place: usize, metric: &Metric) {
        for segment in &metric.segments {
            self.streams[place].add_dim(Dim {
                key: segment.key.clone(),
                values: segment.values.clone(),
                split: Split::Shares(segment.shares.clone()),
            });
        }
        for incident in
            self.scenario.incidents.iter().filter(|incident| incident.metric.as_deref() == Some(&metric.name))
        {
            if let Some(flag) = exposed_flag(self.scenario, incident) {
                self.streams[place].add_dim(Dim::exposure(flag));
            }
        }
    }

    /// A stream and the stream it counts part of are split alike, so that a ratio can be split too.
    fn share_dims(&mut self) {
        for place in (0..self.streams.len()).rev() {
            if let Some(base) = self.streams[place].rate.base() {
                let dims = self.streams[place].dims.clone();
                dims.into_iter().for_each(|dim| self.streams[base].add_dim(dim));
            }
        }
        for place in 0..self.streams.len() {
            if let Some(base) = self.streams[place].rate.base() {
                self.streams[place].dims = self.streams[base].dims.clone();
            }
        }
    }
}

/// The event that counts the attempts of a ratio which names no `of`.
pub(crate) fn trials_event(metric: &Metric) -> String {
    format!("{}_attempted", metric.event)
}

/// The flag whose users alone feel an incident: its cause turned the flag on for some.
pub(crate) fn exposed_flag<'s>(scenario: &'s Scenario, incident: &Incident) -> Option<&'s str> {
    let (flag, rollout) = scenario.change(incident.cause.as_deref()?)?.flag_edit()?;
    (rollout > 0.0 && (incident.effect.is_on_metric() || incident.effect == Effect::NewError)).then_some(flag)
}
