//! Fits level, time of day and time of week to the cells, by weighted backfitting.

use super::Expected;
use super::cells::{Cell, Cells};
use super::smoother::{Circle, Evidence};
use crate::config::Kind;
use crate::noise::Noise;
use serde::{Deserialize, Serialize};
use wakeman_types::{DAY_MS, HOUR_MS};

/// Time constant of the level that is carried into the future.
const LEVEL_DAYS: f64 = 2.0;
/// Time constant, each way, of the level path that the seasons are measured against.
const PATH_DAYS: f64 = 5.0;
/// Correlation of time-of-day factors half an hour apart, and of hour-of-week factors an hour apart.
const NEIGHBOURS: (f64, f64) = (0.97, 0.9);
/// Share of its weight that a cell keeps when it is part of an anomaly.
const SUSPECT_WEIGHT: f64 = 1e-3;
/// How far a rhythm shifts from one time to the next, in slots.
const TIMING_SLOTS: f64 = 0.3;
/// Four fifths of a normal's deviations are smaller than this.
const Z_80: f64 = 1.2816;
/// No season's factors vary by more than this.
const SPREAD_MAX: f64 = 0.5;
/// Fits before the hourly rhythm of a young baseline slows down: four days.
const YOUNG_FITS: u32 = 96;
/// Anomalous weeks at the same hour that make a pattern, if they are the most.
const RECURS_WEEKS: f64 = 2.0;
/// A cell further out than this many standard deviations counts for less.
const HUBER: f64 = 2.5;
/// Relative variance between days that no factor explains.
const CELL_JITTER: f64 = 4e-4;
/// Relative standard deviation of the level that even plenty of data leaves.
const LEVEL_DRIFT: f64 = 0.02;

/// Least prior variances of a time-of-day factor and of an hour-of-week factor. Traffic has strong seasons; shares and durations
/// have weak ones.
fn prior(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Count => (0.4, 0.0225),
        Kind::Ratio | Kind::Duration => (0.04, 0.0036),
    }
}

/// The fitted factors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fit {
    kind: Kind,
    cell_ms: i64,
    daily: Circle,
    weekly: Circle,
    /// 0 before the first fit.
    level: f64,
    level_variance: f64,
    break_cell: i64,
    fits: u32,
    /// A share above one half is fitted by what is missing from it: that is what has seasons.
    of_misses: bool,
}

/// One cell ready for the passes: where it is, what it says and how well.
struct Row {
    number: i64,
    rate: f64,
    exposure: f64,
    trust: f64,
    day_slot: usize,
    week_slot: usize,
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
        let mut rows: Vec<Row> = cells.iter().filter_map(|(n, cell, suspect)| self.row(n, cell, suspect)).collect();
        self.trust_what_recurs(&mut rows);
        let trusted: f64 = rows.iter().map(|r| r.trust * r.exposure).sum();
        if trusted <= 0.0 {
            return;
        }
        // Half an event of doubt keeps the level above zero.
        let amount: f64 = rows.iter().map(|r| r.trust * r.exposure * r.rate).sum();
        let base = ((amount + 0.5 * SUSPECT_WEIGHT) / trusted).max(1e-9);
        let passes = if self.fits < 12 { 4 } else { 1 };
        self.fits = self.fits.saturating_add(1);
        let buckets = cells.buckets_per_cell();
        for _ in 0..passes {
            self.pass(&rows, base, buckets, noise);
        }
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

    fn row(&self, number: i64, cell: &Cell, suspect: bool) -> Option<Row> {
        let exposure = f64::from(cell.exposure);
        if exposure <= 0.0 {
            return None;
        }
        let rate = f64::from(cell.amount) / exposure;
        let middle = number * self.cell_ms + self.cell_ms / 2;
        Some(Row {
            number,
            rate: if self.of_misses { (1.0 - rate).max(0.0) } else { rate },
            exposure,
            trust: if suspect { SUSPECT_WEIGHT } else { 1.0 },
            day_slot: position(middle, DAY_MS, self.daily.len()) as usize,
            week_slot: position(middle, 7 * DAY_MS, self.weekly.len()) as usize,
        })
    }

    /// What was an anomaly in most weeks at the same hour is none: it is the week's pattern. Quiet weekends are learnt by this.
    fn trust_what_recurs(&self, rows: &mut [Row]) {
        let mut seen = vec![(0.0, 0.0); self.weekly.len()];
        for row in rows.iter() {
            let (suspect, trusted) = &mut seen[row.week_slot];
            *(if row.trust < 1.0 { suspect } else { trusted }) += 1.0;
        }
        let cells_per_slot = (7 * DAY_MS / self.cell_ms) as f64 / self.weekly.len() as f64;
        for row in rows {
            let (suspect, trusted) = seen[row.week_slot];
            if suspect >= RECURS_WEEKS * cells_per_slot && suspect > trusted {
                row.trust = 1.0;
            }
        }
    }

    fn season(&self, row: &Row) -> f64 {
        self.daily.factor(row.day_slot) * self.weekly.factor(row.week_slot)
    }

    /// One round: the level path against the seasons, then each season against the rest, then the level now.
    fn pass(&mut self, rows: &[Row], base: f64, buckets: f64, noise: &Noise) {
        let precision = |expected: f64, row: &Row| {
            let share = (row.exposure / buckets).min(1.0) * buckets;
            row.trust / (noise.relative_variance(expected.max(1e-12), row.exposure, share) + CELL_JITTER)
        };
        let weights: Vec<f64> = rows
            .iter()
            .map(|row| {
                let expected = base * self.season(row);
                let weight = precision(expected, row);
                weight * huber(row.rate / expected - 1.0, weight / row.trust)
            })
            .collect();
        let path = self.level_path(rows, &weights, base);
        self.fit_daily(rows, &weights, &path);
        self.fit_weekly(rows, &weights, &path);
        self.fit_level(rows, &weights, base);
    }

    /// The level at each cell, looking both ways, never across a break.
    fn level_path(&self, rows: &[Row], weights: &[f64], base: f64) -> Vec<f64> {
        let keep = (-self.cell_ms as f64 / (PATH_DAYS * DAY_MS as f64)).exp();
        let mut path = vec![(0.0, 0.0); rows.len()];
        let mut run = |order: &mut dyn Iterator<Item = usize>, skip_own: bool| {
            let (mut sum, mut total, mut side) = (0.0, 0.0, None);
            for i in order {
                let after_break = rows[i].number >= self.break_cell;
                if side.replace(after_break).is_some_and(|before| before != after_break) {
                    (sum, total) = (0.0, 0.0);
                }
                (sum, total) = (sum * keep, total * keep);
                let own = (weights[i] * rows[i].rate / (base * self.season(&rows[i])), weights[i]);
                let minus = if skip_own { (0.0, 0.0) } else { own };
                path[i] = (path[i].0 + sum + minus.0, path[i].1 + total + minus.1);
                (sum, total) = (sum + own.0, total + own.1);
            }
        };
        run(&mut (0..rows.len()), false);
        run(&mut (0..rows.len()).rev(), true);
        path.into_iter().map(|(sum, total)| base * if total > 0.0 { (sum / total).max(1e-3) } else { 1.0 }).collect()
    }

    fn fit_daily(&mut self, rows: &[Row], weights: &[f64], path: &[f64]) {
        let mut evidence: Vec<Evidence> = vec![(0.0, 0.0); self.daily.len()];
        for ((row, weight), level) in rows.iter().zip(weights).zip(path) {
            let others = level * self.weekly.factor(row.week_slot);
            add_evidence(&mut evidence[row.day_slot], row.rate / others, *weight, self.daily.factor(row.day_slot));
        }
        let rho = NEIGHBOURS.0.powf(48.0 / self.daily.len() as f64);
        self.daily.update(&evidence, spread(&evidence, prior(self.kind).0), rho);
        self.daily.normalise();
    }

    fn fit_weekly(&mut self, rows: &[Row], weights: &[f64], path: &[f64]) {
        let mut in_day_slot = vec![0.0; self.daily.len()];
        for (row, weight) in rows.iter().zip(weights) {
            in_day_slot[row.day_slot] += weight;
        }
        let mut evidence: Vec<Evidence> = vec![(0.0, 0.0); self.weekly.len()];
        for ((row, weight), level) in rows.iter().zip(weights).zip(path) {
            // What a single day says went into the time-of-day factor already; only the rest is news of the weekday.
            let fresh = 1.0 - weight / in_day_slot[row.day_slot].max(1e-12);
            let others = level * self.daily.factor(row.day_slot);
            add_evidence(
                &mut evidence[row.week_slot],
                row.rate / others,
                weight * fresh,
                self.weekly.factor(row.week_slot),
            );
        }
        let rho = NEIGHBOURS.1.powf(168.0 / self.weekly.len() as f64);
        self.weekly.update(&evidence, spread(&evidence, prior(self.kind).1), rho);
    }

    fn fit_level(&mut self, rows: &[Row], weights: &[f64], base: f64) {
        let keep = (-self.cell_ms as f64 / (LEVEL_DAYS * DAY_MS as f64)).exp();
        let (mut sum, mut total, mut last) = (0.0, 0.0, i64::MIN);
        for (row, weight) in rows.iter().zip(weights).filter(|(row, _)| row.number >= self.break_cell) {
            let gap = if last == i64::MIN { 0 } else { row.number - last };
            let faded = keep.powi(gap.min(10_000) as i32);
            last = row.number;
            sum = sum * faded + weight * row.rate / (base * self.season(row));
            total = total * faded + weight;
        }
        if total > 0.0 {
            self.level = base * (sum / total).max(1e-6);
            self.level_variance = 1.0 / total + LEVEL_DRIFT * LEVEL_DRIFT;
        }
    }
}

/// A season's factor and variance. Where it is steep, being a few minutes early or late is a deviation of its own.
fn steep(circle: &Circle, place: f64) -> (f64, f64) {
    let (factor, variance) = circle.at(place);
    let slope = circle.at(place + 0.5).0 - circle.at(place - 0.5).0;
    (factor, variance + (TIMING_SLOTS * slope).powi(2))
}

/// Where an instant lies on a circle of `slots`, in slots. Weeks start on Thursday, as the epoch did.
fn position(at_ms: i64, period_ms: i64, slots: usize) -> f64 {
    at_ms.rem_euclid(period_ms) as f64 * slots as f64 / period_ms as f64
}

/// The variance of a season's factors: the prior's, or what the evidence shows if that is more. Read off the 80 % quantile of
/// the raw deviations, which weekends reach and rare outliers do not.
fn spread(evidence: &[Evidence], prior: f64) -> f64 {
    let known = || evidence.iter().filter(|(precision, _)| *precision > 0.0);
    let mut sizes: Vec<f64> = known().map(|(precision, shifted)| (shifted / precision).abs()).collect();
    let mut noise: Vec<f64> = known().map(|(precision, _)| 1.0 / precision).collect();
    if sizes.len() < 10 {
        return prior;
    }
    sizes.sort_by(f64::total_cmp);
    noise.sort_by(f64::total_cmp);
    let (size, noise) = (sizes[sizes.len() * 4 / 5], noise[noise.len() / 2]);
    ((size / Z_80).powi(2) - noise).clamp(prior, SPREAD_MAX.max(prior))
}

/// Adds a cell's ratio to a slot. A relative variance is of the factor, so the precision of the factor itself is less by its
/// square.
fn add_evidence(evidence: &mut Evidence, ratio: f64, weight: f64, factor: f64) {
    let weight = weight / (factor * factor);
    evidence.0 += weight;
    evidence.1 += weight * (ratio - 1.0);
}

/// The weight of a deviation whose precision is known: 1 within the usual, falling beyond.
fn huber(deviation: f64, precision: f64) -> f64 {
    let z = deviation.abs() * precision.sqrt();
    if z > HUBER { HUBER / z } else { 1.0 }
}
