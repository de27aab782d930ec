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
/// Where every mean is refuted, or all that the values before had left, the mean was not constant, and it begins anew. Under a constant
/// mean that happens only after the interval has missed it, so the probability above stays.
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
    /// The first and the last mean of the grid that were never refuted.
    left: (usize, usize),
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
            left: (0, GRID),
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
            let (gain, loss) = stakes(bet, TRUNCATE, value, step as f64 / GRID as f64);
            *up += gain;
            *down += loss;
        }
        self.count(value);
        self.narrow();
    }

    /// What the next bet is made by.
    fn count(&mut self, value: f64) {
        self.seen += 1;
        self.sum += value;
        let mean = (0.5 + self.sum) / (self.seen as f64 + 1.0);
        self.squares += (value - mean).powi(2);
    }

    /// Takes out what is refuted now; begins anew where nothing is left.
    fn narrow(&mut self) {
        let rich = (2.0 / self.alpha).ln();
        // K⁺ falls with the mean and K⁻ rises, so that each refutes all means on its own side.
        let above = self.capital.iter().position(|(up, _)| *up <= rich);
        let below = self.capital.iter().rposition(|(_, down)| *down <= rich);
        let Some((above, below)) = above.zip(below) else { return };
        let (first, last) = (above.max(self.left.0), below.min(self.left.1));
        // The true mean may still lie between two neighbours that are both refuted, not between others.
        if first > last + 1 {
            *self = Self::new(self.alpha);
            return;
        }
        self.left = (first, last);
        let (lower, upper) = (first.saturating_sub(1), (last + 1).min(GRID));
        self.bound = Bound { lower: lower as f64 / GRID as f64, upper: upper as f64 / GRID as f64 };
    }

    /// The interval now. It widens only where it begins anew.
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// How many values it has seen since it began, or began anew.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether the mean `m` would be refuted at some time by these values: the test behind the interval, for one mean alone.
    pub fn refutes(values: &[f64], m: f64, alpha: f64) -> bool {
        let (mut one, mut up, mut down) = (Self::without_grid(alpha), 0.0_f64, 0.0_f64);
        values.iter().any(|value| {
            let (gain, loss) = one.staked(*value, m, TRUNCATE);
            up += gain;
            down += loss;
            up.max(down) > (2.0 / alpha).ln()
        })
    }

    /// One that places bets against a mean of the caller's, and knows no interval.
    fn without_grid(alpha: f64) -> Self {
        Self { capital: Vec::new(), ..Self::new(alpha) }
    }

    /// What the next value brings the two bettors against `m`.
    fn staked(&mut self, value: f64, m: f64, truncate: f64) -> (f64, f64) {
        let (value, bet) = (value.clamp(0.0, 1.0), self.bet());
        self.count(value);
        stakes(bet, truncate, value, m)
    }
}

/// Share of the largest bet where one mean alone is bet against: bolder, since no interval is made of it.
const TRUNCATE_ALONE: f64 = 0.9;

/// A bettor who gains if the mean is below `m`, and says so once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Below {
    bets: BettingSequence,
    m: f64,
    capital: f64,
    enough: f64,
}

impl Below {
    /// Against `m`; wrong with probability `alpha` at most, however long it goes on.
    pub fn new(m: f64, alpha: f64) -> Self {
        Self { bets: BettingSequence::without_grid(BETS_ALPHA), m, capital: 0.0, enough: -alpha.ln() }
    }

    /// Takes the next value. True: the mean was below `m`, at least for a time.
    pub fn observe(&mut self, value: f64) -> bool {
        self.capital += self.bets.staked(value, self.m, TRUNCATE_ALONE).1;
        self.capital > self.enough
    }
}

/// How surely a bettor against one mean means to find out; what it has to make for that is its own affair.
const BETS_ALPHA: f64 = 0.05;

/// What the two bettors against `m` win, as logarithms.
fn stakes(bet: f64, truncate: f64, value: f64, m: f64) -> (f64, f64) {
    let (up, down) = (bet.min(truncate / m), bet.min(truncate / (1.0 - m)));
    ((up * (value - m)).ln_1p(), (-down * (value - m)).ln_1p())
}
