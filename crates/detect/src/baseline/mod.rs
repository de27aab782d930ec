//! What a metric usually is at a given time: level × time of day × time of week, with how sure that is.
//!
//! Owns: four weeks of half-hour cells, and the factors fitted to them every few hours.
//! The fit is robust (Huber weights; cells of an open anomaly hardly count) and shrinks every factor towards 1 by what the
//! data can support, so that a day of history gives a cautious baseline and a month a sharp one.

mod cells;
mod drift;
mod fit;
mod passes;
mod rows;
mod slots;
mod smoother;

use crate::config::Kind;
use crate::noise::Noise;
use cells::Cells;
use drift::Drift;
use fit::Fit;
use serde::{Deserialize, Serialize};
use slots::Slots;
use wakeman_types::DAY_MS;

/// Relative doubt about what a recurring minute adds.
const SLOT_DOUBT: f64 = 0.3;

/// An expected rate (per unit of exposure) with its uncertainty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Count: events per bucket. Ratio: the share. Duration: the mean.
    pub rate: f64,
    /// Relative variance of the rate itself: what is not known about the baseline.
    pub variance: f64,
}

/// History and the model fitted to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Baseline {
    cells: Cells,
    fit: Fit,
    slots: Slots,
    drift: Drift,
    next_fit_cell: i64,
}

impl Baseline {
    pub(crate) fn new(kind: Kind, step_ms: i64) -> Self {
        let cells = Cells::new(step_ms);
        let fit = Fit::new(kind, cells.cell_ms());
        Self { slots: Slots::new(step_ms), drift: Drift::new(step_ms), cells, fit, next_fit_cell: i64::MIN }
    }

    /// Adds a settled bucket: `amount` observed over `exposure`; `suspect` when an anomaly was open.
    pub(crate) fn add(&mut self, start_ms: i64, amount: f64, exposure: f64, suspect: bool, noise: &Noise) {
        let cell = self.cells.add(start_ms, amount, exposure, suspect);
        if let Some(expected) = self.coarse(start_ms) {
            self.slots.add(start_ms, amount, exposure * expected.rate);
            // On the first day the factors follow what they are compared with: agreement means nothing yet.
            if !suspect && self.cells.span_ms() > DAY_MS {
                let scatter = noise.relative_variance(expected.rate, exposure, 1.0);
                let factor = self.slots.factor(start_ms, scatter);
                let deviation = amount / (exposure * expected.rate * factor) - 1.0;
                self.drift.learn(start_ms, deviation, scatter, expected);
            }
        }
        if cell >= self.next_fit_cell {
            self.fit.refit(&self.cells, noise);
            self.next_fit_cell = cell + self.cells.cells_per_hour() * self.fit.hours_apart();
        }
    }

    /// Marks everything from `from_ms` on as part of an anomaly: it hardly counts in later fits.
    pub(crate) fn suspect_since(&mut self, from_ms: i64) {
        self.cells.set_suspect_since(from_ms, true);
    }

    /// Accepts what came since `from_ms` as the metric's new level.
    pub(crate) fn accept_level_since(&mut self, from_ms: i64, noise: &Noise) {
        self.cells.set_suspect_since(from_ms, false);
        self.fit.break_at(self.cells.number(from_ms));
        self.fit.refit(&self.cells, noise);
    }

    fn coarse(&self, start_ms: i64) -> Option<Expected> {
        self.fit.expected(start_ms + self.cells.step_ms() / 2)
    }

    /// What is expected of the bucket that starts at `start_ms` and has this exposure; `None` before anything was seen.
    pub(crate) fn expected(&self, start_ms: i64, exposure: f64, noise: &Noise) -> Option<Expected> {
        let mut expected = self.coarse(start_ms)?;
        let variance = noise.relative_variance(expected.rate, exposure, 1.0);
        let factor = self.slots.factor(start_ms, variance);
        expected.rate *= factor;
        // Not every day has what most days have.
        expected.variance += (SLOT_DOUBT * (factor - 1.0) / factor.max(0.1)).powi(2);
        Some(self.drift.apply(start_ms, expected))
    }
}
