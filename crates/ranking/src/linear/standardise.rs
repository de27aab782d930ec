//! Contexts on one scale, without looking ahead.

use serde::{Deserialize, Serialize};

/// A column that has varied less than this is constant.
const DEVIATION_MIN: f64 = 1e-9;

/// Subtracts the mean and divides by the standard deviation of all contexts seen so far, the present one included.
///
/// Causal: what comes out for a context depends on no later one. Values are clipped, so that one outlier, or the first one of a
/// rare category, cannot carry a decision alone.
///
/// # Source
/// Welford (1962), "Note on a method for calculating corrected sums of squares and products".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardiser {
    seen: f64,
    means: Vec<f64>,
    squares: Vec<f64>,
    clip: f64,
}

impl Standardiser {
    /// For contexts of this dimension, with values clipped to ±`clip` standard deviations.
    pub fn new(dimension: usize, clip: f64) -> Self {
        Self { seen: 0.0, means: vec![0.0; dimension], squares: vec![0.0; dimension], clip }
    }

    /// How many columns.
    pub fn dimension(&self) -> usize {
        self.means.len()
    }

    /// Takes a context into account and writes its standardised values to `out`; both have [`Self::dimension`] values.
    pub fn observe(&mut self, context: &[f64], out: &mut [f64]) {
        self.seen += 1.0;
        let spread = (self.seen - 1.0).max(1.0);
        let columns = self.means.iter_mut().zip(&mut self.squares).zip(context.iter().zip(out));
        for ((mean, square), (&value, out)) in columns {
            let before = value - *mean;
            *mean += before / self.seen;
            *square += before * (value - *mean);
            let deviation = (*square / spread).sqrt();
            *out = if deviation > DEVIATION_MIN {
                ((value - *mean) / deviation).clamp(-self.clip, self.clip)
            } else {
                0.0
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_has_mean_zero_and_deviation_one_and_needs_no_future() {
        let (mut scale, mut out) = (Standardiser::new(2, 4.0), [0.0; 2]);
        let rows: Vec<[f64; 2]> = (0..1000_u32).map(|i| [100.0 + 7.0 * f64::from(i).sin(), 3.0]).collect();
        let mut early = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            scale.observe(row, &mut out);
            assert_eq!(out[1], 0.0, "a constant column says nothing");
            if i < 10 {
                early.push(out);
            }
        }
        let (mut again, mut other) = (Standardiser::new(2, 4.0), [0.0; 2]);
        for (row, was) in rows.iter().take(10).zip(early) {
            again.observe(row, &mut other);
            assert_eq!(other, was);
        }
        scale.observe(&[1e9, 3.0], &mut out);
        assert_eq!(out[0], 4.0);
    }
}
