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
/// Parts of the cells whose deviations are the metric's nature however large, with the normal's quantile of each.
const USUAL: [(f64, f64); 2] = [(0.8, 1.2816), (0.95, 1.96)];
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
        let Round { rows, base, .. } = *round;
        let weights = self.weights(round);
        let path = self.level_path(rows, &weights, base);
        self.fit_daily(rows, &weights, &path);
        self.fit_weekly(rows, &weights, &path);
        self.fit_level(rows, &weights, base);
        self.level = self.level.max(round.least);
    }

    /// What each cell counts: its precision times its trust, less when it lies far out. How far is far, the metric tells: one
    /// that comes in bursts has no outliers.
    fn weights(&self, round: &Round<'_>) -> Vec<f64> {
        let full = round.buckets_per_cell;
        let weigh = |row: &Row| {
            let expected = (round.base * self.season(row)).max(1e-12);
            let buckets = (row.exposure / full).min(1.0) * full;
            let precision = 1.0 / (round.noise.relative_variance(expected, row.exposure, buckets) + CELL_JITTER);
            (row.trust * precision, (row.rate / expected - 1.0).abs() * precision.sqrt())
        };
        let weighed: Vec<(f64, f64)> = round.rows.iter().map(weigh).collect();
        let mut sizes: Vec<f64> =
            round.rows.iter().zip(&weighed).filter(|(row, _)| row.trust >= 1.0).map(|(_, (_, size))| *size).collect();
        let usual = USUAL.iter().map(|&(part, normal)| quantile(&mut sizes, part) / normal).fold(1.0, f64::max);
        let reach = HUBER * usual;
        weighed.iter().map(|&(weight, size)| weight * (reach / size).min(1.0)).collect()
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

/// The value that `part` of the values do not exceed; 0 when there are none. Reorders them.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let index = ((values.len() as f64 * part) as usize).min(values.len() - 1);
    *values.select_nth_unstable_by(index, f64::total_cmp).1
}
