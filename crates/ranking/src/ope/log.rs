//! Logged rounds: what was chosen, how probable that was, what came of it, and what the policy to be judged would do.

/// The numbers off-policy evaluation works on; rows in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRounds {
    arms: usize,
    chosen: Vec<usize>,
    propensities: Vec<f64>,
    rewards: Vec<f64>,
    target: Vec<f64>,
}

/// How far the target's probabilities of a round may be from summing to 1: logs are rounded.
const SUM_SLACK: f64 = 0.01;

/// The smallest propensity whose weight can be reckoned with; squares of weights still have to be numbers.
pub const PROPENSITY_MIN: f64 = 1e-50;
/// The largest magnitude of a prediction.
pub const MODEL_MAX: f64 = 1e50;

/// A log that cannot be evaluated. `row` counts from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogError {
    /// Nothing was logged.
    #[error("the log has no rounds; at least two are needed")]
    Empty,
    /// One list is longer than another.
    #[error("`{name}` has {got} values where {expected} belong")]
    Length {
        /// Which list.
        name: &'static str,
        /// How many belong.
        expected: usize,
        /// How many came.
        got: usize,
    },
    /// An arm that there is not.
    #[error("row {row}: there is no arm {arm}; there are {arms} (from 0)")]
    Arm {
        /// Which row.
        row: usize,
        /// What was named.
        arm: usize,
        /// How many there are.
        arms: usize,
    },
    /// The chosen arm's probability is missing, zero or above one.
    #[error(
        "row {row}: the chosen arm has propensity {value}; it must be above 0 and at most 1, log the probability it was chosen with"
    )]
    Propensity {
        /// Which row.
        row: usize,
        /// What came.
        value: f64,
    },
    /// The chosen arm's probability is so small that its weight is beyond reckoning.
    #[error(
        "row {row}: the chosen arm has propensity {value:e}; below 1e-50 nothing can be weighed by it, leave the row out"
    )]
    TinyPropensity {
        /// Which row.
        row: usize,
        /// What came.
        value: f64,
    },
    /// A reward that is no number from 0 to 1.
    #[error("row {row}: the reward is {value}; it must be a number from 0 to 1")]
    Reward {
        /// Which row.
        row: usize,
        /// What came.
        value: f64,
    },
    /// Target probabilities that are no distribution.
    #[error(
        "row {row}: the target policy's probabilities are no distribution (sum {sum}); they must be from 0 to 1 and sum to 1"
    )]
    Target {
        /// Which row.
        row: usize,
        /// What they sum to.
        sum: f64,
    },
    /// A prediction of the reward model that is no number.
    #[error("row {row}: the reward model says {value:e}; it must be a number from -1e50 to 1e50")]
    Model {
        /// Which row.
        row: usize,
        /// What came.
        value: f64,
    },
    /// A parameter of the evaluation that cannot be.
    #[error("`{name}` is {value}; it must be {allowed}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What came.
        value: f64,
        /// What would do.
        allowed: &'static str,
    },
}

impl LoggedRounds {
    /// Checks a log. `target` has `arms` probabilities for each round.
    ///
    /// # Errors
    /// [`LogError`] names the row and what is wrong with it.
    pub fn new(
        arms: usize,
        chosen: Vec<usize>,
        propensities: Vec<f64>,
        rewards: Vec<f64>,
        target: Vec<f64>,
    ) -> Result<Self, LogError> {
        let rounds = chosen.len();
        if rounds < 2 || arms == 0 {
            return Err(LogError::Empty);
        }
        let lengths = [
            ("propensities", propensities.len(), rounds),
            ("rewards", rewards.len(), rounds),
            ("target", target.len(), rounds * arms),
        ];
        if let Some(&(name, got, expected)) = lengths.iter().find(|(_, got, expected)| got != expected) {
            return Err(LogError::Length { name, expected, got });
        }
        for (row, (&arm, (&propensity, &reward))) in chosen.iter().zip(propensities.iter().zip(&rewards)).enumerate() {
            if arm >= arms {
                return Err(LogError::Arm { row, arm, arms });
            }
            if !(propensity > 0.0 && propensity <= 1.0) {
                return Err(LogError::Propensity { row, value: propensity });
            }
            if propensity < PROPENSITY_MIN {
                return Err(LogError::TinyPropensity { row, value: propensity });
            }
            if !(0.0..=1.0).contains(&reward) {
                return Err(LogError::Reward { row, value: reward });
            }
            check_distribution(row, &target[row * arms..(row + 1) * arms])?;
        }
        Ok(Self { arms, chosen, propensities, rewards, target })
    }

    /// How many rounds; at least two.
    pub fn rounds(&self) -> usize {
        self.chosen.len()
    }

    /// How many arms.
    pub fn arms(&self) -> usize {
        self.arms
    }

    /// The chosen arms.
    pub fn chosen(&self) -> &[usize] {
        &self.chosen
    }

    /// What came of them.
    pub fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    /// The target's probabilities of one round.
    pub fn target(&self, row: usize) -> &[f64] {
        &self.target[row * self.arms..(row + 1) * self.arms]
    }

    /// How much more probable the target makes each choice: π(a|x) / p.
    pub fn weights(&self) -> Vec<f64> {
        let ratio = |row: usize| self.target(row)[self.chosen[row]] / self.propensities[row];
        (0..self.rounds()).map(ratio).collect()
    }

    /// Checks the predictions of a reward model, `arms` for each round.
    ///
    /// # Errors
    /// [`LogError::Length`] or [`LogError::Model`].
    pub fn check_model(&self, model: &[f64]) -> Result<(), LogError> {
        let expected = self.rounds() * self.arms;
        if model.len() != expected {
            return Err(LogError::Length { name: "model", expected, got: model.len() });
        }
        match model.iter().position(|q| q.is_nan() || q.abs() > MODEL_MAX) {
            Some(at) => Err(LogError::Model { row: at / self.arms, value: model[at] }),
            None => Ok(()),
        }
    }
}

fn check_distribution(row: usize, probabilities: &[f64]) -> Result<(), LogError> {
    let sum: f64 = probabilities.iter().sum();
    let sound = probabilities.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() <= SUM_SLACK;
    if sound { Ok(()) } else { Err(LogError::Target { row, sum }) }
}
