//! All estimates of one target policy at once.

use serde::Serialize;

use super::bounds::interval;
use super::estimators::{Estimator, effective_sample_size, mean, rounds};
use super::log::{LogError, LoggedRounds};
use super::sequence::{BettingSequence, Bound};
use super::slope::{LAMBDAS, slope};

/// Intervals miss with this probability.
const DELTA: f64 = 0.05;

/// The estimated mean reward, six times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimates {
    /// Importance weighting.
    pub ips: f64,
    /// Self-normalised.
    pub snips: f64,
    /// The reward model alone.
    pub dm: f64,
    /// Doubly robust.
    pub dr: f64,
    /// Switching to the model above λ.
    pub switch_dr: f64,
    /// Optimistic shrinkage.
    pub dros: f64,
}

/// 95 % intervals by Student's t at this number of rounds, lower end first; of what was logged itself, a betting sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Of `ips`.
    pub ips: (f64, f64),
    /// Of `snips`.
    pub snips: (f64, f64),
    /// Of `dm`, its model taken as given.
    pub dm: (f64, f64),
    /// Of `dr`.
    pub dr: (f64, f64),
    /// Of `switch_dr`.
    pub switch_dr: (f64, f64),
    /// Of `dros`.
    pub dros: (f64, f64),
    /// Of the logged policy's own mean reward, valid at all times; where that mean changed, of the one since.
    pub logged: Bound,
}

/// An evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The estimates.
    pub estimates: Estimates,
    /// How sure.
    pub intervals: Intervals,
    /// Effective sample size: how many rounds of the target's own the log is worth.
    pub ess: f64,
    /// λ of `switch_dr`.
    pub lambda: f64,
    /// λ of `dros`; the same unless SLOPE chose.
    pub lambda_dros: f64,
    /// Mean reward of what was logged.
    pub logged: f64,
    /// Rounds.
    pub rounds: usize,
    /// Largest weight.
    pub largest_weight: f64,
}

/// Evaluates. `lambda` serves `switch_dr` and `dros`; without it SLOPE chooses one for each.
///
/// # Errors
/// [`LogError`] for a model or λ that cannot be.
pub fn evaluate(log: &LoggedRounds, model: &[f64], lambda: Option<f64>) -> Result<Evaluation, LogError> {
    log.check_model(model)?;
    if let Some(value) = lambda.filter(|l| l.is_nan() || *l < 0.0) {
        return Err(LogError::Parameter { name: "lambda", value, allowed: "a number from 0" });
    }
    // Infinite is no number of JSON, and the largest one does the same.
    let lambda = lambda.map(|lambda| lambda.min(f64::MAX));
    let switch = |lambda| Estimator::SwitchDr { lambda };
    let shrink = |lambda| Estimator::DrOs { lambda };
    let lambda_switch = lambda.unwrap_or_else(|| slope(&LAMBDAS, switch, log, model));
    let lambda_dros = lambda.unwrap_or_else(|| slope(&LAMBDAS, shrink, log, model));
    let of = |estimator| {
        let values = rounds(estimator, log, model);
        (mean(&values), interval(&values, DELTA))
    };
    let unclipped = f64::INFINITY;
    let (ips, snips) = (of(Estimator::Ips { clip: unclipped }), of(Estimator::Snips));
    let (dm, dr) = (of(Estimator::Direct), of(Estimator::DoublyRobust { clip: unclipped }));
    let (switch_dr, dros) = (of(switch(lambda_switch)), of(shrink(lambda_dros)));
    let mut logged = BettingSequence::new(DELTA);
    log.rewards().iter().for_each(|reward| logged.observe(*reward));
    Ok(Evaluation {
        estimates: Estimates { ips: ips.0, snips: snips.0, dm: dm.0, dr: dr.0, switch_dr: switch_dr.0, dros: dros.0 },
        intervals: Intervals {
            ips: ips.1,
            snips: snips.1,
            dm: dm.1,
            dr: dr.1,
            switch_dr: switch_dr.1,
            dros: dros.1,
            logged: logged.bound(),
        },
        ess: effective_sample_size(log),
        lambda: lambda_switch,
        lambda_dros,
        logged: mean(log.rewards()),
        rounds: log.rounds(),
        largest_weight: log.weights().into_iter().fold(0.0, f64::max),
    })
}
