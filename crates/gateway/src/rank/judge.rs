//! Is one policy better than the other, by the log? Pure.

use wakeman_ranking::{
    ResponseModel,
    bandit::BanditError,
    encoded,
    linear::RidgeBank,
    ope::{DifferenceBound, LoggedRounds, difference_bound, effective_sample_size},
    promotion::Evidence,
    reward::reward,
};
use wakeman_types::DAY_MS;

use super::{log::Round, rows::ARMS};

/// A round moves the difference by at most this beside what the model says: weight over response propensity, clipped.
const CLIP: f64 = 4.0;
/// What findings are taken to be worth before anybody reacted, held as lightly as two reactions.
const PRIOR: (f64, f64) = (0.7, 2.0);

/// One round as two policies are compared by it.
pub(super) struct Compared {
    /// The probabilities of every arm by the policy that is judged.
    pub target: Vec<f64>,
    /// By the one it is compared with.
    pub base: Vec<f64>,
    /// The place of what was chosen.
    pub chosen: usize,
    /// The probability it was drawn with.
    pub logged: f64,
    /// What the model of worth sees of each arm.
    pub arms: Vec<Vec<f64>>,
    /// What a reaction may depend on.
    pub shown: Vec<f64>,
    /// What it was worth to whoever reacted.
    pub worth: Option<f64>,
}

/// One number per round whose mean is V(target) − V(base), doubly robust. `pays` is the reward of an arm at some worth.
///
/// The model of worth and the response propensity of a round are fitted to the rounds before it alone. Rounds in silence count by the model;
/// those with a reaction are corrected by what came, divided by how probable a reaction was. So silence is never a reward of zero.
///
/// # Errors
/// [`BanditError`] names the feature that cannot be.
fn differences(rounds: impl Iterator<Item = Compared>, pays: fn(usize, f64) -> f64) -> Result<Vec<f64>, BanditError> {
    let mut rounds = rounds.peekable();
    let dimensions = rounds.peek().and_then(|first| Some((first.arms.first()?.len(), first.shown.len())));
    let Some((dimension, of_shown)) = dimensions else { return Ok(Vec::new()) };
    let mut worth = RidgeBank::new(1, dimension, 1.0, 1.0);
    let mut constant = vec![0.0; dimension];
    constant[0] = 1.0;
    worth.update(0, &constant, PRIOR.0, PRIOR.1);
    let mut response = ResponseModel::new(of_shown);
    let mut all = Vec::new();
    for round in rounds {
        let answering = response.propensity(&round.shown)?;
        let paid = |(arm, x): (usize, &Vec<f64>)| pays(arm, worth.score_one(0, x).0.clamp(0.0, 1.0));
        let modelled: Vec<f64> = round.arms.iter().enumerate().map(paid).collect();
        let more = round.target.iter().zip(&round.base).map(|(t, b)| t - b);
        let shift: f64 = more.clone().zip(&modelled).map(|(more, pays)| more * pays).sum();
        let own = more.clone().nth(round.chosen).unwrap_or_default();
        let residual = round.worth.map_or(0.0, |worth| {
            let weight = own / round.logged / answering;
            weight.clamp(-CLIP, CLIP) * (pays(round.chosen, worth) - modelled[round.chosen])
        });
        all.push(shift + residual);
        response.learn(&round.shown, round.worth.is_some())?;
        if let Some(known) = round.worth {
            worth.update(0, &round.arms[round.chosen], known, 1.0 / answering);
        }
    }
    Ok(all)
}

/// V(target) − V(base) by these rounds, with the interval that holds whenever it is looked at.
///
/// # Errors
/// [`BanditError`] names the feature that cannot be.
pub(super) fn compared(
    rounds: impl Iterator<Item = Compared>,
    pays: fn(usize, f64) -> f64,
) -> Result<DifferenceBound, BanditError> {
    Ok(difference_bound(&differences(rounds, pays)?, 1.0 + CLIP))
}

fn with_arm(x: &[f64], chosen: usize) -> Vec<f64> {
    let arm = |place| f64::from(u8::from(chosen == place));
    x.iter().copied().chain([arm(0), arm(1)]).collect()
}

/// Whose probabilities of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Rule,
    Lints,
}

impl Side {
    pub const fn of(self, round: &Round) -> &[f64; 3] {
        match self {
            Self::Rule => &round.rule,
            Self::Lints => &round.lints,
        }
    }
}

/// V(lints-v1) − V(rule-v1) over these rounds.
///
/// # Errors
/// As [`compared`].
pub(super) fn difference(rounds: &[Round]) -> Result<DifferenceBound, BanditError> {
    let of = |round: &Round| {
        let x = encoded(&round.features);
        Compared {
            target: round.lints.into(),
            base: round.rule.into(),
            chosen: round.chosen,
            logged: round.logging[round.chosen],
            shown: with_arm(&x, round.chosen),
            arms: vec![x; 3],
            worth: round.worth,
        }
    };
    compared(rounds.iter().filter(|round| !round.censored).map(of), |arm, worth| reward(ARMS[arm], worth))
}

/// How many rounds with a reaction the log is worth to this policy; 0 while there are too few to say.
pub(super) fn sample_size(rounds: &[Round], side: Side) -> f64 {
    let known: Vec<&Round> = rounds.iter().filter(|round| round.worth.is_some()).collect();
    let log = LoggedRounds::new(
        3,
        known.iter().map(|round| round.chosen).collect(),
        known.iter().map(|round| round.logging[round.chosen]).collect(),
        known.iter().filter_map(|round| round.worth.map(|worth| reward(ARMS[round.chosen], worth))).collect(),
        known.iter().flat_map(|round| *side.of(round)).collect(),
    );
    log.map_or(0.0, |log| effective_sample_size(&log))
}

/// Share of rounds in which both prefer the same; `None` without rounds.
pub(super) fn agreement(rounds: &[Round]) -> Option<f64> {
    let same = rounds.iter().filter(|round| agrees(round)).count();
    (!rounds.is_empty()).then(|| same as f64 / rounds.len() as f64)
}

/// Whether both prefer the same.
pub(super) fn agrees(round: &Round) -> bool {
    let best = |p: &[f64; 3]| (0..3).max_by(|a, b| p[*a].total_cmp(&p[*b]).then(b.cmp(a)));
    best(&round.rule) == best(&round.lints)
}

/// Everything a promotion of `lints-v1` is judged by.
///
/// # Errors
/// As [`compared`].
pub(super) fn evidence(rounds: &[Round], budget_per_week: f64) -> Result<Evidence, BanditError> {
    let span = rounds.first().zip(rounds.last()).map_or(0, |(first, last)| last.at.since(first.at));
    let weeks = (span as f64 / (7 * DAY_MS) as f64).max(1.0);
    Ok(Evidence {
        difference: difference(rounds)?,
        ess: sample_size(rounds, Side::Lints),
        agreement: agreement(rounds).unwrap_or(0.0),
        interruptions_per_week: rounds.iter().map(|round| round.lints[0]).sum::<f64>() / weeks,
        budget_per_week,
    })
}
