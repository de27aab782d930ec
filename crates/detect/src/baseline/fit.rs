//! Level, time of day and time of week, fitted to the cells by weighted backfitting.

use super::Expected;
use super::cells::Cells;
use super::passes::Round;
use super::rows::{Layout, rows};
use super::smoother::{Circle, position};
use crate::config::Kind;
use crate::noise::Noise;
use serde::{Deserialize, Serialize};
use wakeman_types::{DAY_MS, HOUR_MS};

/// How far a rhythm shifts from one time to the next, in slots.
const TIMING_SLOTS: f64 = 0.3;
/// Fits that start from nothing and take several rounds.
const FIRST_FITS: u32 = 12;
/// Fits before the hourly rhythm of a young baseline slows down: four days.
const YOUNG_FITS: u32 = 96;

/// Least prior variances of a time-of-day factor and of an hour-of-week factor. Traffic has strong seasons; shares and durations
/// have weak ones.
pub(super) fn prior(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Count => (0.4, 0.0225),
        Kind::Ratio | Kind::Duration => (0.04, 0.0036),
    }
}

/// The fitted factors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fit {
    pub(super) kind: Kind,
    pub(super) cell_ms: i64,
    pub(super) daily: Circle,
    pub(super) weekly: Circle,
    /// 0 before the first fit.
    pub(super) level: f64,
    pub(super) level_variance: f64,
    pub(super) break_cell: i64,
    fits: u32,
    /// A share above one half is fitted by what is missing from it: that is what has seasons.
    of_misses: bool,
}

impl Fit {
    pub(crate) fn new(kind: Kind, cell_ms: i64) -> Self {
        let day_slots = (DAY_MS / cell_ms).max(1) as usize;
        let (daily, weekly) = prior(kind);
        Self {
            kind,
            cell_ms,
            daily: Circle::new(day_slots, daily),
            weekly: Circle::new((7 * DAY_MS / HOUR_MS.max(cell_ms)) as usize, weekly),
            level: 0.0,
            level_variance: 1.0,
            break_cell: i64::MIN,
            fits: 0,
            of_misses: false,
        }
    }

    /// How long the last fit is good for.
    pub(crate) fn hours_apart(&self) -> i64 {
        if self.fits < YOUNG_FITS { 1 } else { 3 }
    }

    /// From this cell on the level owes nothing to what was before.
    pub(crate) fn break_at(&mut self, cell: i64) {
        self.break_cell = cell;
        self.fits = 0;
    }

    /// The expectation at an instant, from the last fit.
    pub(crate) fn expected(&self, at_ms: i64) -> Option<Expected> {
        if self.level <= 0.0 {
            return None;
        }
        let (day, day_variance) = steep(&self.daily, position(at_ms, DAY_MS, self.daily.len()));
        let (week, week_variance) = steep(&self.weekly, position(at_ms, 7 * DAY_MS, self.weekly.len()));
        let variance = day_variance / (day * day) + week_variance / (week * week) + self.level_variance;
        let rate = self.level * day * week;
        if !self.of_misses {
            return Some(Expected { rate, variance });
        }
        let (misses, share) = (rate.min(0.99), 1.0 - rate.min(0.99));
        Some(Expected { rate: share, variance: variance * (misses / share).powi(2) })
    }

    /// Fits again. Starts from the last fit, so that one pass an hour is enough once there is some history.
    pub(crate) fn refit(&mut self, cells: &Cells, noise: &Noise) {
        self.orient(cells);
        let layout = Layout { day_slots: self.daily.len(), week_slots: self.weekly.len(), of_misses: self.of_misses };
        let rows = rows(cells, layout);
        let trusted: f64 = rows.iter().map(|r| r.trust * r.exposure).sum();
        if trusted <= 0.0 {
            return;
        }
        let amount: f64 = rows.iter().map(|r| r.trust * r.exposure * r.rate).sum();
        let least = 0.5 / rows.iter().map(|r| r.exposure).sum::<f64>();
        let base = (amount / trusted).max(least);
        let passes = if self.fits < FIRST_FITS { 4 } else { 1 };
        self.fits = self.fits.saturating_add(1);
        let round = Round { rows: &rows, base, least, buckets_per_cell: cells.buckets_per_cell(), noise };
        (0..passes).for_each(|_| self.pass(&round));
    }

    /// Decides whether to fit a share or its misses; starts over when that changes.
    fn orient(&mut self, cells: &Cells) {
        if self.kind != Kind::Ratio {
            return;
        }
        let sums = cells.iter().fold((0.0, 0.0), |sum, (_, cell, _)| (sum.0 + cell.amount, sum.1 + cell.exposure));
        let line = if self.of_misses { 0.4 } else { 0.6 };
        let of_misses = sums.0 > line * sums.1;
        if of_misses != self.of_misses {
            *self = Self { of_misses, break_cell: self.break_cell, ..Self::new(self.kind, self.cell_ms) };
        }
    }
}

/// A season's factor and variance. Where it is steep, being a few minutes early or late is a deviation of its own.
fn steep(circle: &Circle, place: f64) -> (f64, f64) {
    let (factor, variance) = circle.at(place);
    let slope = circle.at(place + 0.5).0 - circle.at(place - 0.5).0;
    (factor, variance + (TIMING_SLOTS * slope).powi(2))
}
