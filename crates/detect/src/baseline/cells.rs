//! Four weeks of history in half-hour cells.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS};

/// How far back the baseline looks.
const HISTORY_MS: i64 = 28 * DAY_MS;
/// Cells are no shorter than this.
const CELL_MS_MIN: i64 = 30 * MINUTE_MS;

/// What was observed in one cell, and over how much.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Sum of value × exposure.
    pub amount: f32,
    /// Sum of exposures.
    pub exposure: f32,
}

/// A ring of consecutive cells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cells {
    step_ms: i64,
    cell_ms: i64,
    first: i64,
    ring: VecDeque<Cell>,
    suspect: VecDeque<bool>,
}

impl Cells {
    pub(crate) fn new(step_ms: i64) -> Self {
        let per_cell = ((CELL_MS_MIN + step_ms - 1) / step_ms).max(1);
        let cell_ms = per_cell * step_ms;
        let capacity = (HISTORY_MS / cell_ms) as usize;
        let (ring, suspect) = (VecDeque::with_capacity(capacity), VecDeque::with_capacity(capacity));
        Self { step_ms, cell_ms, first: 0, ring, suspect }
    }

    pub(crate) fn step_ms(&self) -> i64 {
        self.step_ms
    }

    pub(crate) fn cell_ms(&self) -> i64 {
        self.cell_ms
    }

    pub(crate) fn cells_per_hour(&self) -> i64 {
        (HOUR_MS / self.cell_ms).max(1)
    }

    /// Buckets in a full cell.
    pub(crate) fn buckets_per_cell(&self) -> f64 {
        (self.cell_ms / self.step_ms) as f64
    }

    /// The number of the cell `at_ms` lies in, counted from the epoch.
    pub(crate) fn number(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.cell_ms)
    }

    /// From the oldest cell to the newest.
    pub(crate) fn span_ms(&self) -> i64 {
        self.ring.len() as i64 * self.cell_ms
    }

    fn capacity(&self) -> usize {
        (HISTORY_MS / self.cell_ms) as usize
    }

    /// Adds to the cell of `start_ms`, opening empty ones over a gap; returns its number. What is older than the ring is dropped.
    pub(crate) fn add(&mut self, start_ms: i64, amount: f64, exposure: f64, suspect: bool) -> i64 {
        let number = self.number(start_ms);
        if self.ring.is_empty() || number - (self.first + self.ring.len() as i64) >= self.capacity() as i64 {
            self.ring.clear();
            self.suspect.clear();
            self.first = number;
        }
        while self.first + (self.ring.len() as i64) <= number {
            if self.ring.len() >= self.capacity() {
                self.ring.pop_front();
                self.suspect.pop_front();
                self.first += 1;
            }
            self.ring.push_back(Cell::default());
            self.suspect.push_back(false);
        }
        let index = usize::try_from(number - self.first).ok();
        if let Some((cell, flag)) = index.and_then(|i| Some((self.ring.get_mut(i)?, self.suspect.get_mut(i)?))) {
            cell.amount += amount as f32;
            cell.exposure += exposure as f32;
            *flag |= suspect;
        }
        number
    }

    pub(crate) fn set_suspect_since(&mut self, from_ms: i64, suspect: bool) {
        let from = (self.number(from_ms) - self.first).max(0) as usize;
        self.suspect.iter_mut().skip(from).for_each(|flag| *flag = suspect);
    }

    /// All cells, oldest first: number, cell, whether it is part of an anomaly.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &Cell, bool)> + ExactSizeIterator {
        self.ring.iter().zip(&self.suspect).enumerate().map(|(i, (cell, &flag))| (self.first + i as i64, cell, flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_open_empty_cells_and_old_ones_leave() {
        let mut cells = Cells::new(5 * MINUTE_MS);
        cells.add(0, 2.0, 1.0, false);
        cells.add(3 * HOUR_MS, 3.0, 1.0, true);
        assert_eq!(cells.iter().len(), 7);
        assert!(cells.iter().last().is_some_and(|(n, c, flag)| n == 6 && c.amount == 3.0 && flag));
        cells.add(28 * DAY_MS, 1.0, 1.0, false);
        assert_eq!(cells.iter().len(), 28 * 48);
        assert_eq!(cells.iter().next().map(|(n, ..)| n), Some(1));
        cells.add(400 * DAY_MS, 1.0, 1.0, false);
        assert_eq!(cells.iter().len(), 1);
    }
}
