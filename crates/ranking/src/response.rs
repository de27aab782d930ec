//! How probable is it that the operator reacts at all? Those who react are not a fair sample of those who were told.

use serde::{Deserialize, Serialize};

use crate::bandit::{BanditError, check_context};
use crate::linear::{BankState, RidgeBank};

/// Reactions are taken to be at least this probable, so that no single one counts more than five times.
const PROPENSITY_MIN: f64 = 0.2;
/// What the model says before it has seen anything, and how many observations that belief is worth.
const PRIOR: (f64, f64) = (0.5, 4.0);
/// λ of the ridge.
const RIDGE: f64 = 1.0;

/// The probability of a reaction, linear in the features.
///
/// A reaction counts 1 / probability when a policy learns from it, so that kinds of finding about which the operator mostly keeps silent
/// weigh as much as those that always get a word.
///
/// # Source
/// Horvitz, Thompson (1952); Little, Rubin (2019), chapter 3, for weighting by the response propensity.
#[derive(Debug, Clone)]
pub struct ResponseModel {
    bank: RidgeBank,
}

/// The model as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseState {
    /// The regression.
    pub bank: BankState,
}

impl ResponseModel {
    /// For feature vectors of this dimension whose first value is the constant 1.
    pub fn new(dimension: usize) -> Self {
        let mut bank = RidgeBank::new(1, dimension, RIDGE, 1.0);
        let mut constant = vec![0.0; dimension];
        constant[0] = 1.0;
        // The ridge pulls towards zero as one observation would: ask for a little more, so that the belief comes out right.
        bank.update(0, &constant, PRIOR.0 * (PRIOR.1 + RIDGE) / PRIOR.1, PRIOR.1);
        Self { bank }
    }

    /// Length of its feature vectors.
    pub fn dimension(&self) -> usize {
        self.bank.dimension()
    }

    /// What to store.
    pub fn state(&self) -> ResponseState {
        ResponseState { bank: self.bank.state() }
    }

    /// A model from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be.
    pub fn restore(state: ResponseState) -> Result<Self, BanditError> {
        if state.bank.arms != 1 {
            return Err(BanditError::Corrupt { part: "arms", what: format!("{} where 1 belongs", state.bank.arms) });
        }
        Ok(Self { bank: RidgeBank::restore(state.bank)? })
    }

    /// Learns that somebody who was told reacted, or let the time pass.
    ///
    /// # Errors
    /// [`BanditError`] names what is wrong with the features.
    pub fn learn(&mut self, features: &[f64], reacted: bool) -> Result<(), BanditError> {
        check_context(features, self.bank.dimension())?;
        self.bank.update(0, features, f64::from(u8::from(reacted)), 1.0);
        Ok(())
    }

    /// The probability of a reaction, from 0.2 to 1.
    ///
    /// # Errors
    /// [`BanditError`] names what is wrong with the features.
    pub fn propensity(&self, features: &[f64]) -> Result<f64, BanditError> {
        check_context(features, self.bank.dimension())?;
        Ok(self.bank.score_one(0, features).0.clamp(PROPENSITY_MIN, 1.0))
    }

    /// What a reaction counts.
    ///
    /// # Errors
    /// As [`Self::propensity`].
    pub fn weight(&self, features: &[f64]) -> Result<f64, BanditError> {
        Ok(1.0 / self.propensity(features)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_mostly_keeps_silent_weighs_more_when_speaking() {
        let mut model = ResponseModel::new(2);
        assert!((model.propensity(&[1.0, 0.0]).unwrap() - 0.5).abs() < 1e-12);
        for i in 0..400 {
            model.learn(&[1.0, 1.0], i % 10 != 0).unwrap();
            model.learn(&[1.0, -1.0], i % 10 < 3).unwrap();
        }
        let (often, seldom) = (model.weight(&[1.0, 1.0]).unwrap(), model.weight(&[1.0, -1.0]).unwrap());
        assert!((often - 1.0 / 0.9).abs() < 0.05 && (seldom - 1.0 / 0.3).abs() < 0.2, "{often} {seldom}");
        assert!(model.propensity(&[1.0, f64::NAN]).is_err() && model.propensity(&[1.0]).is_err());
        let text = serde_json::to_string(&model.state()).unwrap();
        let again = ResponseModel::restore(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again.propensity(&[1.0, 0.3]), model.propensity(&[1.0, 0.3]));
    }
}
