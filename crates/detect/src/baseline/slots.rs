//! What recurs every day at the same minute and is too sharp for half-hour cells: a nightly job, a mail at nine.

use serde::{Deserialize, Serialize};
use wakeman_types::{DAY_MS, MINUTE_MS};

/// Days remembered per slot.
const DAYS: usize = 5;
const NONE: f32 = -1.0;

/// The last days' observed/expected of each slot of the day.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Slots {
    slot_ms: i64,
    /// `DAYS` ratios per slot, newest first; −1 where there is none. Empty when buckets are as long as cells.
    ratios: Vec<f32>,
    current: i64,
    amount: f64,
    expected: f64,
}

impl Slots {
    pub(crate) fn new(step_ms: i64) -> Self {
        let slot_ms = step_ms.max(5 * MINUTE_MS);
        let slots = if step_ms < 30 * MINUTE_MS && DAY_MS % slot_ms == 0 { (DAY_MS / slot_ms) as usize } else { 0 };
        Self { slot_ms, ratios: vec![NONE; slots * DAYS], current: i64::MIN, amount: 0.0, expected: 0.0 }
    }

    fn index(&self, number: i64) -> usize {
        number.rem_euclid((self.ratios.len() / DAYS) as i64) as usize * DAYS
    }

    pub(crate) fn add(&mut self, start_ms: i64, amount: f64, expected: f64) {
        if self.ratios.is_empty() {
            return;
        }
        let number = start_ms.div_euclid(self.slot_ms);
        if number != self.current {
            if self.expected > 0.0 {
                let at = self.index(self.current);
                self.ratios[at..at + DAYS].rotate_right(1);
                self.ratios[at] = (self.amount / self.expected) as f32;
            }
            (self.current, self.amount, self.expected) = (number, 0.0, 0.0);
        }
        self.amount += amount;
        self.expected += expected;
    }

    /// The median of the last days where it clearly differs from 1, shrunk by its own noise; else 1. It takes three days, so
    /// that one incident leaves no echo.
    pub(crate) fn factor(&self, start_ms: i64, bucket_variance: f64) -> f64 {
        if self.ratios.is_empty() {
            return 1.0;
        }
        let at = self.index(start_ms.div_euclid(self.slot_ms));
        let mut seen = [0.0_f32; DAYS];
        let mut n = 0;
        for &ratio in self.ratios[at..at + DAYS].iter().filter(|&&ratio| ratio >= 0.0) {
            seen[n] = ratio;
            n += 1;
        }
        if n < 3 {
            return 1.0;
        }
        seen[..n].sort_by(f32::total_cmp);
        let median = f64::from(if n % 2 == 1 { seen[n / 2] } else { 0.5 * (seen[n / 2 - 1] + seen[n / 2]) });
        // 1.25 is the price of a median over a mean; 3 keeps about one slot in 400 from moving by chance.
        let gate = 3.0 * 1.25 * (bucket_variance / n as f64).sqrt();
        let deviation = median - 1.0;
        1.0 + deviation.signum() * (deviation.abs() - gate).max(0.0)
    }
}
