//! Is the shadow better than the active policy? A bound on the difference of their values that holds whenever it is looked at.

use serde::{Deserialize, Serialize};

use super::log::{LogError, LoggedRounds};
use super::sequence::{Below, BettingSequence, Bound};

/// Coverage of the difference's bound is 1 − this.
pub const ALPHA: f64 = 0.05;

/// Of which for the interval by all rounds, and for all the later starts together.
const WHOLE: f64 = 0.04;
const LATER: f64 = ALPHA - WHOLE;
/// Rounds between two starts. Whether the target has become worse is asked of all rounds, and of those since each start.
const APART: usize = 100;

/// What is known of V(shadow) − V(active).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DifferenceBound {
    /// The mean of the rounds it stands on.
    pub estimate: f64,
    /// An interval that holds at all times at once with probability 95 %.
    pub bound: Bound,
    /// Rounds it stands on: all, or those since what came before no longer held.
    pub rounds: u64,
}

/// One number per round whose mean is the doubly robust estimate of V(target) − V(active), the target's weights clipped at `clip`.
///
/// `active` has the logging policy's probability of every arm, `model` a reward prediction from 0 to 1 of every arm. Each number lies
/// within ±(1 + max(1, `clip` − 1)). The weights of the active policy are 1, so only the target's are clipped: where it would do what
/// was seldom tried, the model speaks. The model must not know the round it is asked about ([`super::cross_fitted`]).
///
/// # Errors
/// [`LogError`] names what cannot be.
pub fn clipped_difference(log: &LoggedRounds, active: &[f64], model: &[f64], clip: f64) -> Result<Vec<f64>, LogError> {
    log.check_model(model)?;
    if !(clip.is_finite() && clip >= 1.0) {
        return Err(LogError::Parameter { name: "clip", value: clip, allowed: "a number from 1" });
    }
    if let Some(at) = model.iter().position(|q| !(0.0..=1.0).contains(q)) {
        return Err(LogError::Model { row: at / log.arms(), value: model[at] });
    }
    if active.len() != model.len() {
        return Err(LogError::Length { name: "active", expected: model.len(), got: active.len() });
    }
    let arms = log.arms();
    let weights = log.weights();
    let one = |row: usize| {
        let (q, p) = (&model[row * arms..(row + 1) * arms], &active[row * arms..(row + 1) * arms]);
        let shift: f64 = log.target(row).iter().zip(p).zip(q).map(|((t, a), q)| (t - a) * q).sum();
        shift + (weights[row].min(clip) - 1.0) * (log.rewards()[row] - q[log.chosen()[row]])
    };
    Ok((0..log.rounds()).map(one).collect())
}

/// The bound that follows from such numbers, all of the same `clip`.
///
/// A policy that learns, and a world that changes, have no constant difference. Rounds that refute all the ones before had left begin the
/// interval anew; and where the target has surely become worse since one of the later starts, what it stands on begins there, so that good
/// rounds of long ago do not hide bad ones of today. Under a constant difference both together are wrong with probability [`ALPHA`].
pub fn difference_bound(differences: &[f64], clip: f64) -> DifferenceBound {
    let reach = 1.0 + (clip - 1.0).max(1.0);
    let mut known = Known::new(differences.iter().map(|d| (d / reach + 1.0) / 2.0).collect());
    (0..differences.len()).for_each(|round| known.take(round));
    let back = |m: f64| (2.0 * m - 1.0) * reach;
    let (Bound { lower, upper }, since) = (known.whole.bound(), &differences[known.from..]);
    let upper = if known.worse { back(upper).min(-f64::EPSILON) } else { back(upper) };
    DifferenceBound {
        estimate: since.iter().sum::<f64>() / since.len().max(1) as f64,
        bound: Bound { lower: back(lower).min(upper), upper },
        rounds: since.len() as u64,
    }
}

/// A difference of zero, as a value from 0 to 1.
const EQUAL: f64 = 0.5;

/// What the rounds so far say.
struct Known {
    values: Vec<f64>,
    /// The interval, and the round it stands on from.
    whole: BettingSequence,
    from: usize,
    /// Below zero, by a start of its own.
    worse: bool,
    later: Vec<(usize, Below)>,
    starts: f64,
}

impl Known {
    fn new(values: Vec<f64>) -> Self {
        Self { values, whole: BettingSequence::new(WHOLE), from: 0, worse: false, later: Vec::new(), starts: 0.0 }
    }

    fn take(&mut self, round: usize) {
        if round.is_multiple_of(APART) {
            // 1/2 + 1/6 + 1/12 + … = 1, so all of them together are wrong with probability LATER.
            self.starts += 1.0;
            self.later.push((round, Below::new(EQUAL, LATER / (self.starts * (self.starts + 1.0)))));
        }
        let value = self.values[round];
        self.whole.observe(value);
        let sure = self.later.iter_mut().filter_map(|(from, below)| below.observe(value).then_some(*from)).max();
        if self.whole.seen() == 0 {
            (self.from, self.worse) = (round + 1, false);
        }
        if let Some(from) = sure {
            self.later.clear();
            if self.whole.bound().upper >= EQUAL {
                self.begin_at(from, round);
            }
        }
    }

    /// The interval stands on the rounds from there to `round`, which are worse.
    fn begin_at(&mut self, from: usize, round: usize) {
        (self.whole, self.from, self.worse) = (BettingSequence::new(WHOLE), from, true);
        self.values[from..=round].iter().for_each(|value| self.whole.observe(*value));
        // Begun anew within them, which are as bad as ever.
        self.from = round + 1 - (self.whole.seen() as usize).min(round + 1 - from);
    }
}
