//! `lints-v1`: learns from the operator's reactions whether a kind of finding deserves an interruption.

use serde::{Deserialize, Serialize};
use wakeman_types::{Interruption, Severity};

use crate::bandit::{Bandit, BanditError, Exploration, LinearBandit, LinearState, best_of_normals};
use crate::catalogue::PolicyId;
use crate::context::InterruptContext;
use crate::features::{Features, REGISTRY};
use crate::policy::{InterruptPolicy, Opinion};
use crate::reason::Reason;
use crate::response::{ResponseModel, ResponseState};
use crate::reward::{Outcome, reward};

/// A constant, every feature of the registry, and which of the four sources it is (three more say it).
const DIMENSION: usize = 1 + REGISTRY.len() + SOURCES;
/// Sources besides the first.
const SOURCES: usize = 3;
/// Probability that the two arms open to exploration are chosen between by a coin.
const EPSILON: f64 = 0.03;
/// How much of the pool a new operator starts with.
const POOL_KEEP: f64 = 0.1;

/// Linear Thompson sampling over the registry: one regression of reward for each of now, digest and silent.
///
/// A warning is told now or in the digest, information in the digest or not at all, whatever was learnt; both pairs are explored.
#[derive(Debug, Clone)]
pub struct LintsV1 {
    bandit: LinearBandit,
    response: ResponseModel,
}

/// The policy as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LintsState {
    /// What it learnt of rewards.
    pub bandit: LinearState,
    /// What it learnt of silence.
    pub response: ResponseState,
}

impl LintsV1 {
    /// One that starts with the belief that findings are mostly worth it, held as lightly as two reactions.
    ///
    /// # Errors
    /// None with the settings of the catalogue; [`BanditError`] if those cannot be.
    pub fn new() -> Result<Self, BanditError> {
        let config = PolicyId::LintsV1.config().ok_or(BanditError::UnknownArm { arm: 0, arms: 0 })?;
        let mut bandit = LinearBandit::new(3, DIMENSION, config)?;
        let mut constant = [0.0; DIMENSION];
        constant[0] = 1.0;
        for (arm, worth) in [(Interruption::Now, 0.7), (Interruption::Digest, 0.7), (Interruption::Silent, 0.7)] {
            bandit.learn(&constant, place(arm), reward(arm, worth), 2.0)?;
        }
        Ok(Self { bandit, response: ResponseModel::new(DIMENSION) })
    }

    /// One for a new operator that starts with a tenth of what was learnt from the others.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn pooled(others: &[Self]) -> Result<Self, BanditError> {
        let mut new = Self::new()?;
        let share = POOL_KEEP / others.len().max(1) as f64;
        others.iter().try_for_each(|other| new.bandit.absorb(&other.bandit, share))?;
        Ok(new)
    }

    /// What to store.
    pub fn state(&self) -> LintsState {
        LintsState { bandit: self.bandit.state(), response: self.response.state() }
    }

    /// A policy from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be.
    pub fn restore(state: LintsState) -> Result<Self, BanditError> {
        let bandit = LinearBandit::restore(state.bandit)?;
        if (bandit.arms(), bandit.dimension()) != (3, DIMENSION) {
            let what = format!("{} arms of dimension {}", bandit.arms(), bandit.dimension());
            return Err(BanditError::Corrupt { part: "bandit", what });
        }
        Ok(Self { bandit, response: ResponseModel::restore(state.response)? })
    }

    /// Learns what came of telling a finding by `arm`. What is censored teaches nothing; silence teaches only how probable a reaction is.
    ///
    /// # Errors
    /// [`BanditError`] names what cannot be.
    pub fn learn(&mut self, features: &Features, arm: Interruption, outcome: Outcome) -> Result<(), BanditError> {
        let x = encode(features);
        match outcome {
            Outcome::Censored => Ok(()),
            Outcome::Silent => self.response.learn(&x, false),
            Outcome::Known { worth } => {
                let weight = self.response.weight(&x)?;
                self.response.learn(&x, true)?;
                // What the finding was worth says what each arm would have brought: one reaction teaches all three.
                for other in [Interruption::Now, Interruption::Digest, Interruption::Silent] {
                    let share = if other == arm { 1.0 } else { 0.5 };
                    self.bandit.learn(&x, place(other), reward(other, worth), weight * share)?;
                }
                Ok(())
            }
        }
    }

    /// What each feature adds to "now" over "digest", the largest first: the answer to "why was I told this?".
    pub fn contributions(&self, features: &Features) -> Vec<(&'static str, f64)> {
        let bank = self.bandit.bank();
        let (now, digest) =
            (bank.coefficients(place(Interruption::Now)), bank.coefficients(place(Interruption::Digest)));
        let names = REGISTRY.iter().map(|spec| spec.name);
        let moved: Vec<f64> = now.zip(digest).zip(encode(features)).skip(1).map(|((n, d), x)| (n - d) * x).collect();
        let category: f64 = moved[REGISTRY.len()..].iter().sum();
        let mut all: Vec<_> = names.zip(moved).collect();
        all.iter_mut().filter(|(name, _)| *name == "source").for_each(|(_, moved)| *moved += category);
        all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        all
    }
}

impl InterruptPolicy for LintsV1 {
    fn id(&self) -> PolicyId {
        PolicyId::LintsV1
    }

    fn opinion(&self, context: &InterruptContext, features: &Features) -> Opinion {
        let pair = if context.severity == Severity::Info {
            [Interruption::Digest, Interruption::Silent]
        } else {
            [Interruption::Now, Interruption::Digest]
        };
        let scale = match self.bandit.config().exploration {
            Exploration::Thompson { scale } => scale,
            Exploration::Ucb { .. } | Exploration::Greedy => 0.0,
        };
        let x = encode(features);
        let judged = pair.map(|arm| self.bandit.bank().score_one(place(arm), &x));
        let (means, widths) = (judged.map(|(mean, _)| mean), judged.map(|(_, v)| scale * v.max(0.0).sqrt()));
        let mut chances = [0.0; 2];
        best_of_normals(&means, &widths, &mut chances);
        let mut propensities = [0.0; 3];
        for (arm, chance) in pair.into_iter().zip(chances) {
            propensities[place(arm)] = EPSILON / 2.0 + (1.0 - EPSILON) * chance;
        }
        let preferred = if chances[0] >= chances[1] { pair[0] } else { pair[1] };
        let reason = if preferred == pair[0] { Reason::LearntUseful } else { Reason::LearntNoise };
        Opinion { preferred, propensities, reason }
    }
}

/// The arm's place in all propensities.
const fn place(arm: Interruption) -> usize {
    match arm {
        Interruption::Now => 0,
        Interruption::Digest => 1,
        Interruption::Silent => 2,
    }
}

/// Features as the linear models see them: a constant 1, then numbers of about one.
pub fn encoded(features: &Features) -> Vec<f64> {
    encode(features).to_vec()
}

/// A constant, then each feature on a scale of about one, then the source once more as a category.
fn encode(features: &Features) -> [f64; DIMENSION] {
    let mut x = [0.0; DIMENSION];
    x[0] = 1.0;
    for ((out, spec), &value) in x[1..].iter_mut().zip(&REGISTRY).zip(features.values()) {
        *out = match spec.name {
            // Half or double is large; ten times that is hardly more so.
            "effect_size" => 1.0 - 2.0 * (-value / 0.5).exp(),
            // Told apart by the order of magnitude, from certain (-1) to a coin (1).
            "p_value" => 1.0 + value.max(1e-12).log10() / 6.0,
            _ if spec.max - spec.min > 100.0 => value.signum() * value.abs().ln_1p() / 8.0,
            _ => 2.0 * (value - spec.min) / (spec.max - spec.min) - 1.0,
        };
    }
    let source = features.get("source").unwrap_or(0.0);
    for (out, code) in x[1 + REGISTRY.len()..].iter_mut().zip([1.0, 2.0, 3.0]) {
        *out = f64::from(u8::from(source == code));
    }
    x
}
