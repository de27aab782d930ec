//! A confidence sequence by betting: an interval for a mean that holds at all times at once, however often it is looked at.

use serde::{Deserialize, Serialize};

/// Steps of the grid of means that are bet against.
pub const GRID: usize = 1000;
/// Share of the largest bet that cannot lose everything.
const TRUNCATE: f64 = 0.5;

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Smallest mean that was not refuted.
    pub lower: f64,
    /// Largest mean that was not refuted.
    pub upper: f64,
}

/// For each mean m of a grid, two bettors who would gain if the true mean were higher or lower than m. Under the true mean neither can
/// expect to: that one of them ever makes 1/α of it has probability at most α, and then m is out, once and for all.
///
/// Holds with probability 1 − α at all times at once, for values from 0 to 1 whose mean, given the past, is constant. Adding a value
/// costs a pass over the grid.
///
/// # Source
/// Waudby-Smith, Ramdas (2024), "Estimating means of bounded random variables by betting", theorem 3: capital max(½K⁺, ½K⁻), bets as in
/// its predictable plug-in, truncated at half of what could lose all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BettingSequence {
    alpha: f64,
    seen: u64,
    sum: f64,
    squares: f64,
    /// ln K⁺ and ln K⁻ of each mean.
    capital: Vec<(f64, f64)>,
    bound: Bound,
}

impl BettingSequence {
    /// One that has seen nothing, for coverage 1 − `alpha` (0 < α < 1).
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            seen: 0,
            sum: 0.0,
            squares: 0.0,
            capital: vec![(0.0, 0.0); GRID + 1],
            bound: Bound { lower: 0.0, upper: 1.0 },
        }
    }

    /// The next bet, made before its value is known.
    fn bet(&self) -> f64 {
        let t = self.seen as f64 + 1.0;
        let variance = (0.25 + self.squares) / t;
        (2.0 * (2.0 / self.alpha).ln() / (t * (1.0 + t).ln() * variance)).sqrt()
    }

    /// Takes the next value, clamped to 0..1.
    pub fn observe(&mut self, value: f64) {
        let (value, bet) = (value.clamp(0.0, 1.0), self.bet());
        for (step, (up, down)) in self.capital.iter_mut().enumerate() {
            let (gain, loss) = stakes(bet, value, step as f64 / GRID as f64);
            *up += gain;
            *down += loss;
        }
        self.seen += 1;
        self.sum += value;
        let mean = (0.5 + self.sum) / (self.seen as f64 + 1.0);
        self.squares += (value - mean).powi(2);
        self.narrow();
    }

    /// Intersects the bound with the means that are not refuted now.
    fn narrow(&mut self) {
        let rich = (2.0 / self.alpha).ln();
        let kept = |(up, down): &(f64, f64)| up.max(*down) <= rich;
        let (first, last) = (self.capital.iter().position(kept), self.capital.iter().rposition(kept));
        if let (Some(first), Some(last)) = (first, last) {
            let lower = (first as f64 - 1.0).max(0.0) / GRID as f64;
            let upper = (last as f64 + 1.0).min(GRID as f64) / GRID as f64;
            let (lower, upper) = (lower.max(self.bound.lower), upper.min(self.bound.upper));
            // Two disjoint intervals happen with probability α at most: the older one stays.
            if lower <= upper {
                self.bound = Bound { lower, upper };
            }
        }
    }

    /// The interval now. It never widens.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// How many values it has seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether the mean `m` would be refuted at some time by these values: the test behind the interval, for one mean alone.
    pub fn refutes(values: &[f64], m: f64, alpha: f64) -> bool {
        let mut one = Self { capital: Vec::new(), ..Self::new(alpha) };
        let (mut up, mut down, rich) = (0.0_f64, 0.0_f64, (2.0 / alpha).ln());
        values.iter().any(|&value| {
            let (gain, loss) = stakes(one.bet(), value.clamp(0.0, 1.0), m);
            one.observe(value);
            up += gain;
            down += loss;
            up.max(down) > rich
        })
    }
}

/// What the two bettors against `m` win, as logarithms.
fn stakes(bet: f64, value: f64, m: f64) -> (f64, f64) {
    let (up, down) = (bet.min(TRUNCATE / m), bet.min(TRUNCATE / (1.0 - m)));
    ((up * (value - m)).ln_1p(), (-down * (value - m)).ln_1p())
}
