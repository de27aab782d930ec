//! One round of the fit: the level path against the seasons, each season against the rest, then the level now.

use super::fit::{Fit, prior};
use super::rows::Row;
use super::smoother::{Evidence, add_evidence, spread};
use crate::noise::Noise;
use wakeman_types::DAY_MS;

/// Time constant of the level that is carried into the future.
const LEVEL_DAYS: f64 = 2.0;
/// Time constant, each way, of the level path that the seasons are measured against.
const PATH_DAYS: f64 = 5.0;
/// Correlation of time-of-day factors half an hour apart, and of hour-of-week factors an hour apart.
const NEIGHBOURS: (f64, f64) = (0.97, 0.9);
/// A cell further out than this many standard deviations counts for less.
const HUBER: f64 = 2.5;
/// Relative variance between days that no factor explains.
const CELL_JITTER: f64 = 4e-4;
/// Relative standard deviation of the level that even plenty of data leaves.
const LEVEL_DRIFT: f64 = 0.02;

/// What a round works on.
pub(super) struct Round<'a> {
    pub rows: &'a [Row],
    /// The mean rate of all that is trusted.
    pub base: f64,
    /// The least level: half an event in all there is.
    pub least: f64,
    pub buckets_per_cell: f64,
    pub noise: &'a Noise,
}

impl Fit {
    fn season(&self, row: &Row) -> f64 {
        self.daily.factor(row.day_slot) * self.weekly.factor(row.week_slot)
    }

    /// Runs one round.
    pub(super) fn pass(&mut self, round: &Round<'_>) {
        let Round { rows, base, buckets_per_cell: buckets, noise, .. } = *round;
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
        self.level = self.level.max(round.least);
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
            self.level = base * sum / total;
            self.level_variance = 1.0 / total + LEVEL_DRIFT * LEVEL_DRIFT;
        }
    }
}

/// The weight of a deviation whose precision is known: 1 within the usual, falling beyond.
fn huber(deviation: f64, precision: f64) -> f64 {
    let z = deviation.abs() * precision.sqrt();
    if z > HUBER { HUBER / z } else { 1.0 }
}
