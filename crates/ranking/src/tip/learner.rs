//! A tip policy with what it knows of how probable a reaction is: what learns from an operator.

use serde::{Deserialize, Serialize};

use super::{TIP_REGISTRY, TipContext, TipPolicy};
use crate::bandit::{BanditError, LinearState};
use crate::catalogue::PolicyId;
use crate::response::{ResponseModel, ResponseState};
use crate::reward::Outcome;

/// How much of the pool a new operator starts with.
const POOL_KEEP: f64 = 0.1;

/// Learns from outcomes: a word counts 1 / the probability that there would be one, silence teaches that probability alone.
#[derive(Debug, Clone)]
pub struct TipLearner {
    policy: TipPolicy,
    response: ResponseModel,
}

/// The learner as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TipState {
    /// The policy's regression.
    pub bandit: LinearState,
    /// How probable a reaction is.
    pub response: ResponseState,
}

impl TipLearner {
    /// The named policy, knowing nothing.
    ///
    /// # Errors
    /// As [`TipPolicy::new`].
    pub fn new(id: PolicyId) -> Result<Self, BanditError> {
        Ok(Self { policy: TipPolicy::new(id)?, response: ResponseModel::new(1 + TIP_REGISTRY.len()) })
    }

    /// One for a new operator that starts with a tenth of what was learnt from the others.
    ///
    /// # Errors
    /// As [`TipPolicy::new`].
    pub fn pooled(id: PolicyId, others: &[Self]) -> Result<Self, BanditError> {
        let mut new = Self::new(id)?;
        let share = POOL_KEEP / others.len().max(1) as f64;
        others.iter().try_for_each(|other| new.policy.absorb(&other.policy, share))?;
        Ok(new)
    }

    /// The named policy, pooled and then fitted to what came of these items, oldest first.
    ///
    /// # Errors
    /// [`BanditError`] names what cannot be.
    pub fn fitted<'a>(
        id: PolicyId,
        others: &[Self],
        outcomes: impl IntoIterator<Item = (&'a TipContext, Outcome)>,
    ) -> Result<Self, BanditError> {
        let mut new = Self::pooled(id, others)?;
        outcomes.into_iter().try_for_each(|(item, outcome)| new.learn(item, outcome))?;
        Ok(new)
    }

    /// The named policy from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be.
    pub fn restore(id: PolicyId, state: TipState) -> Result<Self, BanditError> {
        let (new, response) = (Self::new(id)?, ResponseModel::restore(state.response)?);
        if response.dimension() != new.response.dimension() {
            let what = format!("dimension {} where {} belongs", response.dimension(), new.response.dimension());
            return Err(BanditError::Corrupt { part: "response", what });
        }
        Ok(Self { policy: TipPolicy::restore(id, state.bandit)?, response })
    }

    /// What to store.
    pub fn state(&self) -> TipState {
        TipState { bandit: self.policy.state(), response: self.response.state() }
    }

    /// What chooses.
    pub const fn policy(&self) -> &TipPolicy {
        &self.policy
    }

    /// Learns what came of showing an item. What is censored teaches nothing.
    ///
    /// # Errors
    /// [`BanditError`] names what cannot be.
    pub fn learn(&mut self, item: &TipContext, outcome: Outcome) -> Result<(), BanditError> {
        let x: Vec<f64> = std::iter::once(1.0).chain(item.features()?).collect();
        match outcome {
            Outcome::Censored => Ok(()),
            Outcome::Silent => self.response.learn(&x, false),
            Outcome::Known { worth } => {
                let weight = self.response.weight(&x)?;
                self.response.learn(&x, true)?;
                self.policy.learn(item, worth, weight)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(priority: f64) -> TipContext {
        TipContext {
            local_hour: 9.0,
            weekday: 1,
            overdue: false,
            age_days: 3.0,
            priority,
            completion_rate: None,
            preferred_hour: None,
            open_items: 4,
            acceptance_rate: None,
            hours_to_react: None,
        }
    }

    #[test]
    fn silence_moves_no_score_and_a_state_comes_back_as_it_was() {
        let mut learner = TipLearner::new(PolicyId::EgreedyV1).unwrap();
        let before = learner.policy().score(&item(0.5)).unwrap();
        for _ in 0..20 {
            learner.learn(&item(0.5), Outcome::Silent).unwrap();
            learner.learn(&item(0.5), Outcome::Censored).unwrap();
        }
        assert_eq!(learner.policy().score(&item(0.5)).unwrap(), before);
        learner.learn(&item(1.0), Outcome::Known { worth: 1.0 }).unwrap();
        learner.learn(&item(0.0), Outcome::Known { worth: 0.0 }).unwrap();
        assert!(learner.policy().score(&item(1.0)).unwrap() > learner.policy().score(&item(0.0)).unwrap());
        let text = serde_json::to_string(&learner.state()).unwrap();
        let again = TipLearner::restore(PolicyId::EgreedyV1, serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again.state(), learner.state());
        assert!(TipLearner::restore(PolicyId::EgreedyV2, again.state()).is_err(), "another dimension");
    }

    #[test]
    fn a_new_operator_starts_with_a_little_of_what_others_taught_and_a_score_is_taken_apart() {
        let mut other = TipLearner::new(PolicyId::EgreedyV1).unwrap();
        for _ in 0..50 {
            other.learn(&item(1.0), Outcome::Known { worth: 1.0 }).unwrap();
            other.learn(&item(0.0), Outcome::Known { worth: 0.0 }).unwrap();
        }
        let pooled = TipLearner::pooled(PolicyId::EgreedyV1, std::slice::from_ref(&other)).unwrap();
        let gap = |of: &TipLearner| of.policy().score(&item(1.0)).unwrap() - of.policy().score(&item(0.0)).unwrap();
        assert!(gap(&pooled) > 0.2 && gap(&pooled) < gap(&other), "{} {}", gap(&pooled), gap(&other));
        // The parts add up to how far the item stands above the mean.
        let items = [item(1.0), item(0.0), item(0.2)];
        let moved = other.policy().contributions(&items, 0).unwrap();
        assert_eq!((moved[0].0, moved.len()), ("priority", 7));
        let scores = items.map(|item| other.policy().score(&item).unwrap());
        let above = scores[0] - scores.iter().sum::<f64>() / 3.0;
        assert!((moved.iter().map(|(_, moved)| moved).sum::<f64>() - above).abs() < 1e-9);
        let alone = other.policy().contributions(&items[..1], 0).unwrap();
        assert!(alone.iter().any(|(name, moved)| *name == "hour_sin" && moved.abs() > 0.0), "{alone:?}");
        assert!(other.policy().contributions(&items, 3).is_err());
    }
}
