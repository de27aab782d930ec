//! How high a metric stands in a step, and what incidents make of it.

use std::f64::consts::TAU;

use super::draw::Dice;
use super::effect;
use super::stream::{Context, Touch};
use crate::scenario::{Metric, MetricKind, Noise, Scenario};
use crate::time::{DAY_MS, HOUR_MS};

/// Hour of the day (UTC) at which daily amplitudes peak.
const PEAK_HOUR: f64 = 15.0;
/// Day of the week, from Monday 00:00, at which weekly amplitudes peak.
const PEAK_DAY: f64 = 2.5;
/// Relative spread of a duration's step means when its noise is a count's.
const DURATION_DEVIATION: f64 = 0.05;

/// What each cell's mean is multiplied by over `[from, to)`.
pub(super) fn factors(effects: &[Touch], cells: usize, context: &Context<'_>, (from, to): (i64, i64)) -> Vec<f64> {
    let mut factors = vec![1.0; cells];
    for touch in effects {
        let incident = &context.scenario.incidents[touch.incident];
        let strength = effect::strength(incident, context.endings[touch.incident].as_ref(), from, to);
        if strength > 0.0 {
            let factor = 1.0 + (effect::full_factor(incident) - 1.0) * strength;
            touch
                .cells
                .iter()
                .zip(&mut factors)
                .filter(|(touched, _)| **touched)
                .for_each(|(_, value)| *value *= factor);
        }
    }
    factors
}

/// A metric's level in a step: recorded, or level × seasons × trend with the noise that all its cells share.
pub(super) fn level(metric: &Metric, scenario: &Scenario, step: usize, dice: Dice) -> f64 {
    if let Some(replay) = &metric.replay {
        return replay[step % replay.len()].max(0.0);
    }
    let at_ms = scenario.history_start_ms() + step as i64 * scenario.step_ms + scenario.step_ms / 2;
    let hour = at_ms.rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
    // 1970-01-01 was a Thursday.
    let day = (at_ms + 3 * DAY_MS).rem_euclid(7 * DAY_MS) as f64 / DAY_MS as f64;
    let daily = 1.0 + metric.daily_amplitude * (TAU * (hour - PEAK_HOUR) / 24.0).cos();
    let weekly = 1.0 + metric.weekly_amplitude * (TAU * (day - PEAK_DAY) / 7.0).cos();
    let trend = 1.0 + metric.trend_per_day * (at_ms - scenario.start_ms) as f64 / DAY_MS as f64;
    let shape = daily * weekly * trend;
    const SHARED_NOISE: u64 = 1 << 40;
    let place = step as u64;
    let noisy = match metric.noise {
        Noise::Poisson if metric.kind == MetricKind::Duration => {
            shape + DURATION_DEVIATION * dice.normal(place, SHARED_NOISE)
        }
        Noise::Poisson => shape,
        Noise::NegBin { size } => shape * dice.gamma(place, SHARED_NOISE, size),
        Noise::Normal { deviation } => shape + deviation * dice.normal(place, SHARED_NOISE),
    };
    (metric.level * noisy).max(0.0)
}
