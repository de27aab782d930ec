//! The linear bandits: LinUCB, ε-greedy and Thompson sampling over one bank of ridge regressions.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::explore::{best_of_normals, share_largest};
use super::{Bandit, BanditError, Drift, DriftWatch, Exploration, check_context};
use crate::linear::{BankState, RidgeBank};

/// Largest weight of one observation.
const WEIGHT_MAX: f64 = 1e3;

/// How a linear bandit learns and explores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LinearConfig {
    /// How arms are compared.
    pub exploration: Exploration,
    /// Share of decisions that are drawn evenly from all arms, whatever was learnt.
    pub epsilon: f64,
    /// λ of the ridge: what an arm's zero prior counts for.
    pub ridge: f64,
    /// γ of forgetting: 1 for never.
    pub gamma: f64,
    /// When to start again; `None` for never.
    pub drift: Option<Drift>,
    /// Smallest and largest reward there is.
    pub rewards: (f64, f64),
}

impl LinearConfig {
    /// Names the first setting that cannot be.
    ///
    /// # Errors
    /// [`BanditError::Setting`].
    pub fn check(&self) -> Result<(), BanditError> {
        let width = match self.exploration {
            Exploration::Ucb { alpha } => ("alpha", alpha),
            Exploration::Thompson { scale } => ("scale", scale),
            Exploration::Greedy => ("scale", 0.0),
        };
        let drift = self.drift.unwrap_or(Drift::DEFAULT);
        let (low, high) = self.rewards;
        let table = [
            (width.0, width.1, width.1.is_finite() && width.1 >= 0.0, "a number from 0"),
            ("epsilon", self.epsilon, (0.0..=1.0).contains(&self.epsilon), "from 0 to 1"),
            ("ridge", self.ridge, self.ridge.is_finite() && self.ridge > 0.0, "a number above 0"),
            ("gamma", self.gamma, self.gamma > 0.0 && self.gamma <= 1.0, "above 0 and at most 1"),
            ("drift.slack", drift.slack, drift.slack.is_finite() && drift.slack >= 0.0, "a number from 0"),
            ("drift.threshold", drift.threshold, drift.threshold.is_finite() && drift.threshold > 0.0, "above 0"),
            ("drift.keep", drift.keep, (0.0..=1.0).contains(&drift.keep), "from 0 to 1"),
            ("rewards", high - low, low.is_finite() && high.is_finite() && low < high, "smallest before largest"),
        ];
        match table.iter().find(|(_, _, sound, _)| !sound) {
            Some(&(name, value, _, allowed)) => Err(BanditError::Setting { name, value, allowed }),
            None => Ok(()),
        }
    }
}

/// A linear bandit with disjoint arms.
#[derive(Debug, Clone)]
pub struct LinearBandit {
    config: LinearConfig,
    bank: RidgeBank,
    watch: DriftWatch,
    scores: Vec<f64>,
    widths: Vec<f64>,
}

/// A linear bandit as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearState {
    /// How it learns and explores.
    pub config: LinearConfig,
    /// What it learnt.
    pub bank: BankState,
    /// Sums of the change detection.
    pub watch: DriftWatch,
}

impl LinearBandit {
    /// A bandit that knows nothing yet.
    ///
    /// # Errors
    /// [`BanditError::Setting`] names the setting that cannot be; [`BanditError::UnknownArm`] and [`BanditError::Dimension`] where there
    /// is no arm or no coordinate.
    pub fn new(arms: usize, dimension: usize, config: LinearConfig) -> Result<Self, BanditError> {
        config.check()?;
        if arms == 0 {
            return Err(BanditError::UnknownArm { arm: 0, arms });
        }
        if dimension == 0 {
            return Err(BanditError::Dimension { expected: 1, got: 0 });
        }
        Ok(Self::around(config, RidgeBank::new(arms, dimension, config.ridge, config.gamma), DriftWatch::new(arms)))
    }

    fn around(config: LinearConfig, bank: RidgeBank, watch: DriftWatch) -> Self {
        let lanes = bank.lanes();
        Self { config, bank, watch, scores: vec![0.0; lanes], widths: vec![0.0; lanes] }
    }

    /// What to store; [`Self::restore`] gives a bandit that decides the same to the last bit.
    pub fn state(&self) -> LinearState {
        LinearState { config: self.config, bank: self.bank.state(), watch: self.watch.clone() }
    }

    /// A bandit from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be.
    pub fn restore(state: LinearState) -> Result<Self, BanditError> {
        let corrupt = |part, what: String| Err(BanditError::Corrupt { part, what });
        if let Err(error) = state.config.check() {
            return corrupt("config", error.to_string());
        }
        if state.bank.ridge != state.config.ridge || state.bank.gamma != state.config.gamma {
            return corrupt("config", "not the one its bank was learnt with".to_owned());
        }
        let bank = RidgeBank::restore(state.bank)?;
        if !state.watch.is_sound(bank.arms()) {
            return corrupt("watch", format!("not {} sums from 0", bank.arms()));
        }
        Ok(Self::around(state.config, bank, state.watch))
    }

    /// How it learns and explores.
    pub fn config(&self) -> &LinearConfig {
        &self.config
    }

    /// The regressions.
    pub fn bank(&self) -> &RidgeBank {
        &self.bank
    }

    /// Adds the share `keep` of what another bandit of the same shape has learnt.
    ///
    /// # Errors
    /// [`BanditError::Arms`] or [`BanditError::Dimension`] where the shapes differ.
    pub fn absorb(&mut self, other: &Self, keep: f64) -> Result<(), BanditError> {
        self.bank.absorb(&other.bank, keep)
    }

    /// How often it believed that the world had changed.
    pub fn alarms(&self) -> u64 {
        self.watch.alarms
    }

    /// Each arm's expected reward and deviation at a context.
    ///
    /// # Errors
    /// [`BanditError`] names what is wrong with the context.
    pub fn estimates(&mut self, context: &[f64]) -> Result<(&[f64], &[f64]), BanditError> {
        check_context(context, self.bank.dimension())?;
        self.bank.score(context, &mut self.scores, &mut self.widths);
        self.widths.iter_mut().for_each(|v| *v = v.max(0.0).sqrt());
        let arms = self.bank.arms();
        Ok((&self.scores[..arms], &self.widths[..arms]))
    }

    /// What is compared when chance plays no part.
    #[inline]
    fn compare(&mut self, context: &[f64]) {
        match self.config.exploration {
            Exploration::Greedy => self.bank.means(context, &mut self.scores),
            Exploration::Ucb { alpha } => {
                self.bank.score(context, &mut self.scores, &mut self.widths);
                for (score, variance) in self.scores.iter_mut().zip(&self.widths) {
                    *score += alpha * variance.max(0.0).sqrt();
                }
            }
            Exploration::Thompson { .. } => self.bank.score(context, &mut self.scores, &mut self.widths),
        }
    }

    /// An arm changed: it starts again, and the others are doubted.
    fn start_again(&mut self, arm: usize, drift: &Drift) {
        for other in 0..self.bank.arms() {
            self.bank.forget(other, if other == arm { 0.0 } else { drift.keep });
        }
    }
}

impl Bandit for LinearBandit {
    fn arms(&self) -> usize {
        self.bank.arms()
    }

    fn dimension(&self) -> usize {
        self.bank.dimension()
    }

    fn choose(&mut self, context: &[f64], draw: &mut ChaCha8Rng) -> Result<usize, BanditError> {
        check_context(context, self.bank.dimension())?;
        let arms = self.bank.arms();
        if self.config.epsilon > 0.0 && draw.random::<f64>() < self.config.epsilon {
            return Ok(draw.random_range(0..arms));
        }
        self.compare(context);
        if let Exploration::Thompson { scale } = self.config.exploration {
            for (score, variance) in self.scores[..arms].iter_mut().zip(&self.widths) {
                *score += scale * variance.max(0.0).sqrt() * draw.sample::<f64, _>(StandardNormal);
            }
        }
        Ok(largest(&self.scores[..arms], draw))
    }

    fn propensities(&mut self, context: &[f64], out: &mut [f64]) -> Result<(), BanditError> {
        check_context(context, self.bank.dimension())?;
        let arms = self.bank.arms();
        if out.len() != arms {
            return Err(BanditError::Arms { arms, got: out.len() });
        }
        self.compare(context);
        if let Exploration::Thompson { scale } = self.config.exploration {
            self.widths.iter_mut().for_each(|v| *v = scale * v.max(0.0).sqrt());
            best_of_normals(&self.scores[..arms], &self.widths[..arms], out);
        } else {
            share_largest(&self.scores[..arms], out);
        }
        let floor = self.config.epsilon / arms as f64;
        out.iter_mut().for_each(|p| *p = floor + (1.0 - self.config.epsilon) * *p);
        Ok(())
    }

    fn learn(&mut self, context: &[f64], arm: usize, reward: f64, weight: f64) -> Result<(), BanditError> {
        check_context(context, self.bank.dimension())?;
        if arm >= self.bank.arms() {
            return Err(BanditError::UnknownArm { arm, arms: self.bank.arms() });
        }
        let (min, max) = self.config.rewards;
        if !(min..=max).contains(&reward) {
            return Err(BanditError::Reward { value: reward, min, max });
        }
        if !(weight > 0.0 && weight <= WEIGHT_MAX) {
            return Err(BanditError::Weight { value: weight, max: WEIGHT_MAX });
        }
        if let Some(drift) = self.config.drift {
            let expected: f64 = self.bank.coefficients(arm).zip(context).map(|(t, x)| t * x).sum();
            if self.watch.observe(arm, (reward - expected) / (max - min), &drift) {
                self.start_again(arm, &drift);
            }
        }
        self.bank.update(arm, context, reward, weight);
        Ok(())
    }
}

/// The place of the largest value; equals are drawn for.
#[inline]
fn largest(scores: &[f64], draw: &mut ChaCha8Rng) -> usize {
    let (mut best, mut at, mut equals) = (f64::NEG_INFINITY, 0, 0_u32);
    for (arm, &score) in scores.iter().enumerate() {
        if score > best {
            (best, at, equals) = (score, arm, 1);
        } else if score == best {
            equals += 1;
        }
    }
    if equals < 2 {
        return at;
    }
    let nth = draw.random_range(0..equals) as usize;
    scores.iter().enumerate().filter(|(_, s)| **s == best).nth(nth).map_or(at, |(arm, _)| arm)
}
