//! Has the world changed? A two-sided CUSUM over what an arm brings beyond what was expected.

use serde::{Deserialize, Serialize};

/// When to believe that the world has changed, and what to keep then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Mean error that is still ordinary: a linear model is never quite right.
    pub slack: f64,
    /// Sum of errors beyond the slack that means a change.
    pub threshold: f64,
    /// Share of what the other arms learnt that is kept; the arm that changed starts again.
    pub keep: f64,
}

impl Drift {
    /// For rewards from 0 to 1: a certain loss shows after about a dozen choices, and calm data almost never alarm.
    pub const DEFAULT: Self = Self { slack: 0.15, threshold: 8.0, keep: 0.02 };
}

/// The sums, per arm.
///
/// # Source
/// Page (1954), "Continuous inspection schemes"; Liu, Lee, Shroff (2018) for bandits that restart on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftWatch {
    above: Vec<f64>,
    below: Vec<f64>,
    /// Changes believed so far.
    pub alarms: u64,
}

impl DriftWatch {
    /// For that many arms.
    pub fn new(arms: usize) -> Self {
        Self { above: vec![0.0; arms], below: vec![0.0; arms], alarms: 0 }
    }

    /// How many arms.
    pub fn arms(&self) -> usize {
        self.above.len()
    }

    /// Whether every sum is a number, as many as that.
    pub(super) fn is_sound(&self, arms: usize) -> bool {
        let sound = |sums: &[f64]| sums.len() == arms && sums.iter().all(|v| v.is_finite() && *v >= 0.0);
        sound(&self.above) && sound(&self.below)
    }

    /// Takes one error (what came less what was expected) and says whether it was one too many. Then all sums start again.
    pub fn observe(&mut self, arm: usize, error: f64, drift: &Drift) -> bool {
        let above = (self.above[arm] + error - drift.slack).max(0.0);
        let below = (self.below[arm] - error - drift.slack).max(0.0);
        (self.above[arm], self.below[arm]) = (above, below);
        let alarm = above.max(below) > drift.threshold;
        if alarm {
            self.above.fill(0.0);
            self.below.fill(0.0);
            self.alarms += 1;
        }
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_loss_alarms_and_a_fair_coin_does_not() {
        let mut watch = DriftWatch::new(2);
        for i in 0..100_000_u32 {
            let error = if i % 2 == 0 { 0.5 } else { -0.5 };
            assert!(!watch.observe(0, error, &Drift::DEFAULT));
        }
        let after = (1..).find(|_| watch.observe(1, -0.7, &Drift::DEFAULT)).unwrap();
        assert_eq!((after, watch.alarms), (15, 1));
    }
}
