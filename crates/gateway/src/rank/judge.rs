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

/// One number per round that is over whose mean is V(`target`) − V(`base`), doubly robust.
///
/// The model of worth and the response propensity of a round are fitted to the rounds before it alone. Rounds in silence count by the model;
/// those with a reaction are corrected by what came, divided by how probable a reaction was. So silence is never a reward of zero.
///
/// # Errors
/// [`BanditError`] names the feature that cannot be.
fn differences(rounds: &[Round], target: Side, base: Side) -> Result<Vec<f64>, BanditError> {
    let Some(first) = rounds.first() else { return Ok(Vec::new()) };
    let dimension = encoded(&first.features).len();
    let mut worth = RidgeBank::new(1, dimension, 1.0, 1.0);
    let mut constant = vec![0.0; dimension];
    constant[0] = 1.0;
    worth.update(0, &constant, PRIOR.0, PRIOR.1);
    let mut response = ResponseModel::new(dimension + 2);
    let mut all = Vec::with_capacity(rounds.len());
    for round in rounds.iter().filter(|round| !round.censored) {
        let x = encoded(&round.features);
        let with_arm = with_arm(&x, round.chosen);
        let (modelled, answering) = (worth.score_one(0, &x).0.clamp(0.0, 1.0), response.propensity(&with_arm)?);
        let (t, b, p) = (target.of(round), base.of(round), round.logging[round.chosen]);
        let shift: f64 = (0..3).map(|arm| (t[arm] - b[arm]) * reward(ARMS[arm], modelled)).sum();
        let residual = round.worth.map_or(0.0, |worth| {
            let weight = (t[round.chosen] - b[round.chosen]) / p / answering;
            weight.clamp(-CLIP, CLIP) * (reward(ARMS[round.chosen], worth) - reward(ARMS[round.chosen], modelled))
        });
        all.push(shift + residual);
        response.learn(&with_arm, round.worth.is_some())?;
        if let Some(known) = round.worth {
            worth.update(0, &x, known, 1.0 / answering);
        }
    }
    Ok(all)
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
/// As [`differences`].
pub(super) fn difference(rounds: &[Round]) -> Result<DifferenceBound, BanditError> {
    Ok(difference_bound(&differences(rounds, Side::Lints, Side::Rule)?, 1.0 + CLIP))
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
/// As [`differences`].
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
