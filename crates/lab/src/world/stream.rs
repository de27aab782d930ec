//! One stream of events: how many happened in each step, split by the properties that matter to incidents.
//!
//! Inside a step the `n` events of a cell stand evenly spread, so that any bucket width of a query comes out natural
//! and the running step is partial. Steps are generated once, when the clock enters them, and never change.

use super::draw::{Dice, binomial, poisson};
use super::level::{factors, level};
use super::{Ending, effect, plan};
use crate::posthog::Flags;
use crate::scenario::{Incident, Metric, Noise, Scenario};
use crate::time::HOUR_MS;

/// A property with few values that splits a stream's events.
#[derive(Debug, Clone, PartialEq)]
pub struct Dim {
    /// Property name.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// How events fall on the values.
    pub(super) split: Split,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Split {
    /// Fixed shares.
    Shares(Vec<f64>),
    /// `true` for the users a feature flag reaches, `false` for the others.
    Exposure(String),
}

impl Dim {
    pub(super) fn exposure(flag: &str) -> Dim {
        let values = vec!["true".to_owned(), "false".to_owned()];
        Dim { key: format!("$feature/{flag}"), values, split: Split::Exposure(flag.to_owned()) }
    }
}

/// How many events a step has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rate {
    /// As a count metric says.
    Metric { metric: usize },
    /// A ratio metric's part of another stream.
    PartOf { metric: usize, base: usize },
    /// As many as another stream.
    SameAs { base: usize },
    /// A constant mean.
    Steady { per_step: f64 },
    /// An error's events: a mean per hour, from an instant on or while an incident lasts.
    Errors { per_hour: f64, from_ms: i64, incident: Option<usize> },
}

impl Rate {
    pub(super) fn base(&self) -> Option<usize> {
        match self {
            Rate::PartOf { base, .. } | Rate::SameAs { base } => Some(*base),
            Rate::Metric { .. } | Rate::Steady { .. } | Rate::Errors { .. } => None,
        }
    }
}

/// An incident and the cells it touches.
#[derive(Debug, Clone)]
pub(super) struct Touch {
    pub(super) incident: usize,
    pub(super) cells: Vec<bool>,
}

/// The `duration_ms` of a stream's events.
#[derive(Debug, Clone)]
pub(super) struct Duration {
    pub(super) metric: usize,
    pub(super) dice: Dice,
    pub(super) effects: Vec<Touch>,
    /// Mean per step and cell.
    pub(super) means: Vec<f64>,
}

/// The events of one name.
#[derive(Debug, Clone)]
pub struct Stream {
    /// The event's name.
    pub event: String,
    /// Time until an event can be queried.
    pub lag_ms: i64,
    /// The properties it is split by.
    pub dims: Vec<Dim>,
    /// Properties that all its events share.
    pub constants: Vec<(String, String)>,
    /// Seeds what is decided event by event.
    pub dice: Dice,
    pub(super) metrics: Vec<usize>,
    pub(super) rate: Rate,
    pub(super) duration: Option<Duration>,
    effects: Vec<Touch>,
    cells: usize,
    counts: Vec<u32>,
    /// The first and the last step that have any events: an error has them for hours of a world's months.
    busy: Option<(usize, usize)>,
}

/// What a step's numbers depend on.
pub(super) struct Context<'w> {
    pub(super) scenario: &'w Scenario,
    pub(super) endings: &'w [Option<Ending>],
    pub(super) flags: &'w Flags,
}

impl Stream {
    pub(super) fn new(event: &str, dice: Dice, rate: Rate) -> Stream {
        Stream {
            event: event.to_owned(),
            lag_ms: 0,
            dims: Vec::new(),
            constants: Vec::new(),
            dice,
            metrics: Vec::new(),
            rate,
            duration: None,
            effects: Vec::new(),
            cells: 1,
            counts: Vec::new(),
            busy: None,
        }
    }

    pub(super) fn add_dim(&mut self, dim: Dim) {
        if !self.dims.iter().any(|known| known.key == dim.key) {
            self.dims.push(dim);
        }
    }

    /// Works out which cells each incident touches. Called once, when the dims are complete.
    pub(super) fn bind_incidents(&mut self, scenario: &Scenario) {
        self.cells = self.dims.iter().map(|dim| dim.values.len()).product();
        let of = |metrics: &[usize]| -> Vec<Touch> {
            let on = |(_, incident): &(usize, &Incident)| {
                let name = incident.metric.as_deref();
                incident.effect.is_on_metric()
                    && metrics.iter().any(|at| Some(scenario.metrics[*at].name.as_str()) == name)
            };
            let touched = scenario.incidents.iter().enumerate().filter(on);
            touched
                .map(|(at, incident)| Touch { incident: at, cells: self.touched_cells(scenario, incident) })
                .collect()
        };
        let effects = of(&self.metrics);
        let timed = self.duration.as_ref().map(|duration| of(&[duration.metric]));
        self.effects = effects;
        if let (Some(duration), Some(effects)) = (&mut self.duration, timed) {
            duration.effects = effects;
        }
    }

    fn touched_cells(&self, scenario: &Scenario, incident: &Incident) -> Vec<bool> {
        let exposed =
            plan::exposed_flag(scenario, incident).map(|flag| (format!("$feature/{flag}"), "true".to_owned()));
        let wanted: Vec<_> = incident.segment.iter().chain(&exposed).collect();
        let matches = |cell: usize| {
            wanted.iter().all(|(key, value)| {
                self.dims.iter().enumerate().all(|(at, dim)| dim.key != *key || self.value_of(cell, at) == value)
            })
        };
        (0..self.cells).map(matches).collect()
    }

    /// The number of property combinations.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The value that a cell has of the dim at `dim`.
    pub fn value_of(&self, cell: usize, dim: usize) -> &str {
        let below: usize = self.dims[..dim].iter().map(|dim| dim.values.len()).product();
        let values = &self.dims[dim].values;
        &values[cell / below % values.len()]
    }

    /// Events of a cell in a step; 0 for steps not reached yet.
    pub fn count(&self, step: usize, cell: usize) -> u32 {
        self.counts.get(step * self.cells + cell).copied().unwrap_or(0)
    }

    /// The first and the last step so far that have any events; `None`: no step has.
    pub fn busy(&self) -> Option<(usize, usize)> {
        self.busy
    }

    /// Mean `duration_ms` of a cell's events in a step; `None` if they have none.
    pub fn mean_duration_ms(&self, step: usize, cell: usize) -> Option<f64> {
        self.duration.as_ref()?.means.get(step * self.cells + cell).copied()
    }

    /// Whether its events carry `duration_ms`.
    pub fn has_duration(&self) -> bool {
        self.duration.is_some()
    }

    /// Steps generated so far.
    pub(super) fn steps(&self) -> usize {
        self.counts.len() / self.cells
    }

    /// How many of `count` events of a cell happened before `offset_ms` into a step.
    pub fn before(&self, count: u32, cell: usize, step_ms: i64, offset_ms: i64) -> u32 {
        let (cells, phase) = (2 * self.cells as i64, 2 * cell as i64 + 1);
        let numerator = cells * i64::from(count) * offset_ms - phase * step_ms;
        let divisor = cells * step_ms;
        // The ceiling of a quotient that may be negative.
        let passed = (numerator + divisor - 1).div_euclid(divisor);
        passed.clamp(0, i64::from(count)) as u32
    }

    /// When the event at `at` of `count` of a cell happens, milliseconds into the step.
    pub fn offset_ms(&self, at: u32, count: u32, cell: usize, step_ms: i64) -> i64 {
        let (cells, phase) = (2 * self.cells as i64, 2 * cell as i64 + 1);
        step_ms * (cells * i64::from(at) + phase) / (cells * i64::from(count.max(1)))
    }

    /// Generates the next step; `base` is the stream it depends on.
    pub(super) fn grow(&mut self, context: &Context<'_>, base: Option<&Stream>) {
        let step = self.steps();
        let scenario = context.scenario;
        let from = scenario.history_start_ms() + step as i64 * scenario.step_ms;
        let span = (from, from + scenario.step_ms);
        let shares = self.shares(context.flags, span);
        let factors = factors(&self.effects, self.cells, context, span);
        let counts: Vec<u32> = match &self.rate {
            Rate::Metric { metric } => self.counted(&scenario.metrics[*metric], scenario, step, &shares, &factors),
            Rate::Steady { per_step } => {
                let mean = |cell: usize| per_step * shares[cell] * factors[cell];
                (0..self.cells).map(|cell| poisson(mean(cell), self.dice.uniform(step as u64, cell as u64))).collect()
            }
            Rate::Errors { per_hour, from_ms, incident } => {
                let strength = match incident {
                    Some(at) => {
                        effect::strength(&scenario.incidents[*at], context.endings[*at].as_ref(), span.0, span.1)
                    }
                    None => (span.1 - span.0.max(*from_ms)).max(0) as f64 / scenario.step_ms as f64,
                };
                let mean = per_hour * strength * scenario.step_ms as f64 / HOUR_MS as f64;
                vec![poisson(mean, self.dice.uniform(step as u64, 0))]
            }
            Rate::SameAs { .. } => (0..self.cells).map(|cell| base.map_or(0, |base| base.count(step, cell))).collect(),
            Rate::PartOf { metric, .. } => {
                let metric = &scenario.metrics[*metric];
                let level = level(metric, scenario, step, self.dice);
                let part = |cell: usize| {
                    let trials = base.map_or(0, |base| base.count(step, cell));
                    let share = self.dice.uniform(step as u64, cell as u64);
                    let chance = (level * factors[cell]).clamp(0.0, 1.0);
                    match metric.replay {
                        Some(_) => (f64::from(trials) * chance + share) as u32,
                        None => binomial(trials, chance, share),
                    }
                };
                (0..self.cells).map(part).collect()
            }
        };
        if counts.iter().any(|count| *count > 0) {
            self.busy = Some((self.busy.map_or(step, |(first, _)| first), step));
        }
        self.counts.extend(counts);
        self.grow_durations(context, step, span);
    }

    fn grow_durations(&mut self, context: &Context<'_>, step: usize, span: (i64, i64)) {
        let cells = self.cells;
        let Some(duration) = &mut self.duration else { return };
        let metric = &context.scenario.metrics[duration.metric];
        let level = level(metric, context.scenario, step, duration.dice);
        let factors = factors(&duration.effects, cells, context, span);
        duration.means.extend(factors.into_iter().map(|factor| (level * factor).max(0.0)));
    }

    fn counted(&self, metric: &Metric, scenario: &Scenario, step: usize, shares: &[f64], factors: &[f64]) -> Vec<u32> {
        let level = level(metric, scenario, step, self.dice);
        let means = (0..self.cells).map(|cell| level * shares[cell] * factors[cell]);
        let exact = metric.replay.is_some() || matches!(metric.noise, Noise::Normal { .. });
        if !exact {
            let draw = |(cell, mean)| poisson(mean, self.dice.uniform(step as u64, cell as u64));
            return means.enumerate().map(draw).collect();
        }
        // No noise of its own: the cells' parts are rounded so that their sum is the step's total, rounded.
        let start = self.dice.uniform(step as u64, 0);
        let mut sum = if metric.replay.is_some() { 0.5 } else { start };
        let part = |mean: f64| {
            let before = sum.floor();
            sum += mean;
            (sum.floor() - before).max(0.0) as u32
        };
        means.map(part).collect()
    }

    /// Each cell's share of the step's events.
    fn shares(&self, flags: &Flags, (from, to): (i64, i64)) -> Vec<f64> {
        let mut shares = vec![1.0];
        for dim in &self.dims {
            let split = match &dim.split {
                Split::Shares(shares) => shares.clone(),
                Split::Exposure(flag) => {
                    let reached = flags.mean_rollout(flag, from, to);
                    vec![reached, 1.0 - reached]
                }
            };
            // The first dim varies fastest, as in `value_of`.
            shares = split.iter().flat_map(|part| shares.iter().map(move |share| share * part)).collect();
        }
        shares
    }
}
