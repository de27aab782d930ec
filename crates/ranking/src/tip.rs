//! Which one item to show: features of an item at a moment, and the policies that choose among items.
//!
//! Items come and go, so nothing is learnt about an item: one regression is shared by all, over what is known of each.

mod learner;

pub use learner::{TipLearner, TipState};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::bandit::{Bandit, BanditError, Exploration, LinearBandit, LinearState};
use crate::catalogue::{PolicyId, Problem};
use crate::features::{Dtype, FeatureSpec};

const fn feature(name: &'static str, dtype: Dtype, min: f64, max: f64, source: &'static str) -> FeatureSpec {
    FeatureSpec { name, dtype, min, max, source, version: 1 }
}

/// Version of the registry of tip items as a whole; stored with each tip. Rises when a feature is added or changes its meaning.
pub const TIP_FEATURES_VERSION: u32 = 1;

/// Features of tip items, in the order of every stored vector. `linucb-v1` takes the first 5, `egreedy-v1` 7, `egreedy-v2` all.
pub const TIP_REGISTRY: [FeatureSpec; 12] = [
    feature("hour_sin", Dtype::Real, -1.0, 1.0, "clock, operator's zone"),
    feature("hour_cos", Dtype::Real, -1.0, 1.0, "clock, operator's zone"),
    feature("overdue", Dtype::Flag, 0.0, 1.0, "item: past its date"),
    feature("age", Dtype::Real, 0.0, 1.0, "item: ln(1 + days) / ln(1 + 365), at most 1"),
    feature("priority", Dtype::Real, 0.0, 1.0, "item: 0 lowest, 1 highest"),
    feature("weekday_sin", Dtype::Real, -1.0, 1.0, "clock, operator's zone: Monday 0"),
    feature("weekday_cos", Dtype::Real, -1.0, 1.0, "clock, operator's zone: Monday 0"),
    feature(
        "completion_rate",
        Dtype::Real,
        0.0,
        1.0,
        "reactions: share of tips that were done; 0.5 when there is none",
    ),
    feature(
        "preferred_hour",
        Dtype::Real,
        -1.0,
        1.0,
        "reactions: cosine of the distance to the usual hour; 0 when unknown",
    ),
    feature("volume", Dtype::Real, 0.0, 1.0, "items: ln(1 + open) / ln(1 + 100), at most 1"),
    feature("acceptance_rate", Dtype::Real, 0.0, 1.0, "reactions: share of tips called useful; 0.5 when there is none"),
    feature("mean_time_to_react", Dtype::Real, 0.0, 1.0, "reactions: hours / 24, at most 1; 0.5 when there is none"),
];

/// An item at a moment, in plain terms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TipContext {
    /// Hour in the operator's zone, 0 up to 24.
    pub local_hour: f64,
    /// Weekday in the operator's zone, Monday 0.
    pub weekday: u8,
    /// Past its date.
    pub overdue: bool,
    /// Days since it came up.
    pub age_days: f64,
    /// 0 lowest, 1 highest.
    pub priority: f64,
    /// Share of tips that were done.
    pub completion_rate: Option<f64>,
    /// The hour at which this operator usually reacts.
    pub preferred_hour: Option<f64>,
    /// Open items.
    pub open_items: u32,
    /// Share of tips called useful.
    pub acceptance_rate: Option<f64>,
    /// Mean hours to a reaction.
    pub hours_to_react: Option<f64>,
}

impl TipContext {
    /// The features, in the registry's order.
    ///
    /// # Errors
    /// [`BanditError::NotANumber`] with the feature's place, where something is no number or outside its range.
    pub fn features(&self) -> Result<[f64; TIP_REGISTRY.len()], BanditError> {
        let turn = |part: f64, whole: f64| (part / whole * std::f64::consts::TAU).sin_cos();
        let ((hour_sin, hour_cos), (day_sin, day_cos)) =
            (turn(self.local_hour, 24.0), turn(f64::from(self.weekday), 7.0));
        let log = |value: f64, most: f64| (value.ln_1p() / most.ln_1p()).min(1.0);
        let values = [
            hour_sin,
            hour_cos,
            f64::from(u8::from(self.overdue)),
            log(self.age_days, 365.0),
            self.priority,
            day_sin,
            day_cos,
            self.completion_rate.unwrap_or(0.5),
            self.preferred_hour.map_or(0.0, |hour| turn(self.local_hour - hour, 24.0).1),
            log(f64::from(self.open_items), 100.0),
            self.acceptance_rate.unwrap_or(0.5),
            self.hours_to_react.map_or(0.5, |hours| (hours / 24.0).min(1.0)),
        ];
        let wrong = |(spec, value): (&FeatureSpec, &f64)| !(spec.min..=spec.max).contains(value);
        match TIP_REGISTRY.iter().zip(&values).position(wrong) {
            Some(index) => Err(BanditError::NotANumber { index, value: values[index] }),
            None => Ok(values),
        }
    }
}

/// A choice among items, with all that is needed to replay it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TipDecision {
    /// The place of the chosen item.
    pub chosen: usize,
    /// The exact probability of each item; they sum to 1.
    pub propensities: Vec<f64>,
    /// True when chance, not preference, made the choice.
    pub explored: bool,
    /// Who chose.
    pub policy: PolicyId,
    /// The seed of the draw.
    pub seed: u64,
}

/// A policy that chooses one of several items.
#[derive(Debug, Clone)]
pub struct TipPolicy {
    id: PolicyId,
    bandit: LinearBandit,
}

impl TipPolicy {
    /// The named policy, knowing nothing.
    ///
    /// # Errors
    /// [`BanditError::Setting`] if it is none that chooses tips.
    pub fn new(id: PolicyId) -> Result<Self, BanditError> {
        let card = id.card();
        let none =
            BanditError::Setting { name: "policy", value: card.dimension as f64, allowed: "one that chooses tips" };
        let config = id.config().filter(|_| card.problem == Problem::Tip).ok_or(none)?;
        Ok(Self { id, bandit: LinearBandit::new(1, 1 + card.dimension, config)? })
    }

    /// What to store.
    pub fn state(&self) -> LinearState {
        self.bandit.state()
    }

    /// The named policy from what was stored.
    ///
    /// # Errors
    /// [`BanditError::Corrupt`] names the part that cannot be.
    pub fn restore(id: PolicyId, state: LinearState) -> Result<Self, BanditError> {
        let (new, bandit) = (Self::new(id)?, LinearBandit::restore(state)?);
        if (bandit.arms(), bandit.dimension()) != (1, new.bandit.dimension()) {
            let what = format!("{} arms of dimension {}, not that of {id}", bandit.arms(), bandit.dimension());
            return Err(BanditError::Corrupt { part: "bandit", what });
        }
        Ok(Self { id, bandit })
    }

    /// What the policy sees of an item: a constant and the first features of the registry, as many as it takes.
    fn encode(&self, item: &TipContext) -> Result<Vec<f64>, BanditError> {
        let features = item.features()?;
        Ok(std::iter::once(1.0).chain(features).take(self.bandit.dimension()).collect())
    }

    /// The score of one item: what it is expected to bring, and for LinUCB what it may.
    ///
    /// # Errors
    /// [`BanditError`] names the feature that cannot be.
    pub fn score(&self, item: &TipContext) -> Result<f64, BanditError> {
        let (mean, variance) = self.bandit.bank().score_one(0, &self.encode(item)?);
        Ok(match self.bandit.config().exploration {
            Exploration::Ucb { alpha } => mean + alpha * variance.max(0.0).sqrt(),
            Exploration::Greedy | Exploration::Thompson { .. } => mean,
        })
    }

    /// What each feature adds to the score of the item at `place` beside the mean of all items, the largest first; of one item alone, to its
    /// score. What all items share, like the hour, moves nothing among them.
    ///
    /// # Errors
    /// [`BanditError`] names the feature that cannot be, or that there is no such item.
    pub fn contributions(&self, items: &[TipContext], place: usize) -> Result<Vec<(&'static str, f64)>, BanditError> {
        let all = items.iter().map(|item| self.encode(item)).collect::<Result<Vec<_>, _>>()?;
        let own = all.get(place).ok_or(BanditError::UnknownArm { arm: place, arms: items.len() })?;
        let beside = if all.len() > 1 { 1.0 / all.len() as f64 } else { 0.0 };
        let weights = self.bandit.bank().coefficients(0);
        let moved = weights.enumerate().skip(1).map(|(at, weight)| {
            let mean: f64 = all.iter().map(|x| x[at]).sum::<f64>() * beside;
            (TIP_REGISTRY[at - 1].name, weight * (own[at] - mean))
        });
        let mut moved: Vec<_> = moved.collect();
        moved.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        Ok(moved)
    }

    /// Adds the share `keep` of what another of the same name has learnt.
    ///
    /// # Errors
    /// [`BanditError::Dimension`] where it is of another dimension.
    pub fn absorb(&mut self, other: &Self, keep: f64) -> Result<(), BanditError> {
        self.bandit.absorb(&other.bandit, keep)
    }

    /// Chooses one of the items. Same arguments, same choice.
    ///
    /// # Errors
    /// [`BanditError`] names the feature that cannot be, or that there is no item.
    pub fn choose(&self, items: &[TipContext], seed: u64) -> Result<TipDecision, BanditError> {
        let scores = items.iter().map(|item| self.score(item)).collect::<Result<Vec<f64>, _>>()?;
        let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
        let best = best.ok_or(BanditError::UnknownArm { arm: 0, arms: 0 })?;
        let epsilon = self.bandit.config().epsilon;
        let floor = epsilon / items.len() as f64;
        let mut propensities = vec![floor; items.len()];
        propensities[best] += 1.0 - epsilon;
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let chosen = if draw.random::<f64>() < epsilon { draw.random_range(0..items.len()) } else { best };
        Ok(TipDecision { chosen, propensities, explored: chosen != best, policy: self.id, seed })
    }

    /// Learns what showing an item brought, from 0 to 1. `weight` as in [`crate::ResponseModel::weight`].
    ///
    /// # Errors
    /// [`BanditError`] names what cannot be.
    pub fn learn(&mut self, item: &TipContext, reward: f64, weight: f64) -> Result<(), BanditError> {
        let x = self.encode(item)?;
        self.bandit.learn(&x, 0, reward, weight)
    }
}
