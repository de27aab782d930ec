//! Contexts on one scale, without looking ahead.

use serde::{Deserialize, Serialize};

/// A column whose deviation is no more than this share of its mean is constant: what is left is rounding.
const DEVIATION_SHARE: f64 = 1e-12;
/// Rows after which a value far outside is taken for an outlier.
const SETTLED: f64 = 30.0;
/// How many deviations from the mean a value counts at most by then. A rare category is within; a slipped decimal point is not.
const OUTLIER: f64 = 10.0;

/// Subtracts the mean and divides by the standard deviation of all contexts seen so far, the present one included.
///
/// Causal: what comes out for a context depends on no later one. Values are clipped, so that one outlier, or the first one of a
/// rare category, cannot carry a decision alone, nor spoil the scale of the column for good. In what unit a column is does not matter.
///
/// # Source
/// Welford (1962), "Note on a method for calculating corrected sums of squares and products".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardiser {
    seen: f64,
    columns: Vec<Column>,
    clip: f64,
}

/// Mean and squared deviations of one column, in units of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Column {
    mean: f64,
    squares: f64,
    /// A power of two near the largest magnitude that counted, so that squares neither overflow nor vanish; 0 before any.
    scale: f64,
}

impl Column {
    /// Takes a value into account, the `seen`th of its column.
    fn observe(&mut self, value: f64, seen: f64) {
        let value = self.tame(value, seen);
        self.fit(value);
        let value = self.scaled(value);
        let before = value - self.mean;
        self.mean += before / seen;
        self.squares += before * (value - self.mean);
    }

    /// The value, or the farthest that an outlier counts for.
    fn tame(&self, value: f64, seen: f64) -> f64 {
        let reach = OUTLIER * self.deviation(seen - 1.0);
        if seen <= SETTLED || reach <= 0.0 {
            return value;
        }
        let scaled = value / self.scale;
        // Untouched where it is within: back and forth would round.
        if (scaled - self.mean).abs() <= reach {
            value
        } else {
            (self.mean + reach.copysign(scaled - self.mean)) * self.scale
        }
    }

    /// Makes the scale large enough for `value`. Powers of two change no digit.
    fn fit(&mut self, value: f64) {
        let wanted = power_of_two(value);
        if wanted > self.scale {
            let ratio = self.scale / wanted;
            self.mean *= ratio;
            self.squares *= ratio * ratio;
            self.scale = wanted;
        }
    }

    fn scaled(&self, value: f64) -> f64 {
        if self.scale > 0.0 { value / self.scale } else { 0.0 }
    }

    /// The standard deviation of so many values; 0 where the column is constant.
    fn deviation(&self, seen: f64) -> f64 {
        let deviation = (self.squares / (seen - 1.0).max(1.0)).sqrt();
        if deviation > DEVIATION_SHARE * self.mean.abs() { deviation } else { 0.0 }
    }

    fn standardised(&self, value: f64, seen: f64, clip: f64) -> f64 {
        let deviation = self.deviation(seen);
        if deviation > 0.0 { ((self.scaled(value) - self.mean) / deviation).clamp(-clip, clip) } else { 0.0 }
    }
}

/// The largest power of two that is no larger than the magnitude of `value`; 0 for numbers too small to scale by.
fn power_of_two(value: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff << 52;
    f64::from_bits(value.to_bits() & EXPONENT)
}

impl Standardiser {
    /// For contexts of this dimension, with values clipped to ±`clip` standard deviations.
    pub fn new(dimension: usize, clip: f64) -> Self {
        Self { seen: 0.0, columns: vec![Column::default(); dimension], clip }
    }

    /// How many columns.
    pub fn dimension(&self) -> usize {
        self.columns.len()
    }

    /// Takes a context into account and writes its standardised values to `out`; both have [`Self::dimension`] values.
    pub fn observe(&mut self, context: &[f64], out: &mut [f64]) {
        self.seen += 1.0;
        for (column, value) in self.columns.iter_mut().zip(context) {
            column.observe(*value, self.seen);
        }
        self.standardise(context, out);
    }

    /// Writes the standardised values of a context that is not taken into account, by those that were.
    pub fn standardise(&self, context: &[f64], out: &mut [f64]) {
        for ((column, value), out) in self.columns.iter().zip(context).zip(out) {
            *out = column.standardised(*value, self.seen, self.clip);
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

    /// What comes out of one column for these values.
    fn of(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut scale = Standardiser::new(1, 4.0);
        let one = |value| {
            let mut out = [0.0];
            scale.observe(&[value], &mut out);
            out[0]
        };
        values.into_iter().map(one).collect()
    }

    #[test]
    fn in_what_unit_a_column_is_does_not_matter() {
        let values = || (0..500_u32).map(|i| 3.0 + f64::from(i * 7919 % 1000) / 1000.0);
        let plain = of(values());
        assert!(plain.iter().any(|out| out.abs() > 1.0));
        for unit in [1e-300, 1e-155, 1e-10, 1e10, 1e155, 1e300] {
            let other = of(values().map(|value| value * unit));
            assert!(plain.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-9), "{unit}");
        }
        let offset = of(values().map(|value| value + 1e9));
        assert!(plain.iter().zip(&offset).skip(2).all(|(a, b)| (a - b).abs() < 1e-4), "far from zero");
        assert!(of(std::iter::repeat_n(0.1, 500)).iter().all(|out| *out == 0.0));
    }

    #[test]
    fn an_outlier_spoils_no_column() {
        let values = || (0..500_u32).map(|i| f64::from(i * 7919 % 1000) / 1000.0);
        let plain = of(values());
        for outlier in [1e6, -1e6, 1e308, f64::MAX, -f64::MAX] {
            let hit = of(values().enumerate().map(|(i, value)| if i == 100 || i == 150 { outlier } else { value }));
            assert!(hit.iter().all(|out| out.is_finite()) && hit[100].abs() == 4.0);
            let (a, b) = (&plain[450..], &hit[450..]);
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.8), "{outlier}");
            assert!(b.iter().any(|out| *out > 0.6) && b.iter().any(|out| *out < -0.6));
        }
        let first = of([f64::MAX, -f64::MAX, 5e-324, 0.0]);
        assert!(first.iter().all(|out| out.is_finite()), "{first:?}");
    }
}
