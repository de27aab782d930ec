//! λ by SLOPE: the most biased estimate that still agrees with all the noisier ones.

use super::bounds::student_t_lower;
use super::estimators::{Estimator, mean, rounds};
use super::log::LoggedRounds;

/// The λ that are tried.
pub const LAMBDAS: [f64; 5] = [1.0, 2.0, 5.0, 10.0, 50.0];

/// Chance that one of the intervals misses.
const DELTA: f64 = 0.05;

/// The λ of `candidates` to use with the estimator that `at` makes of it. `candidates` must not be empty.
///
/// Candidates are taken from the widest interval to the narrowest, for as long as each agrees with all before it.
///
/// # Source
/// Su, Srinath, Krishnamurthy (2020), "Adaptive estimator selection for off-policy evaluation"; Tucker, Lee (2021), "SLOPE++", for √6 − 1.
pub fn slope(candidates: &[f64], at: impl Fn(f64) -> Estimator, log: &LoggedRounds, model: &[f64]) -> f64 {
    let judged = candidates.iter().map(|&lambda| {
        let values = rounds(at(lambda), log, model);
        let centre = mean(&values);
        (lambda, centre, centre - student_t_lower(&values, DELTA))
    });
    // Of equal widths the later candidate is walked first, as in obp.
    let mut judged: Vec<(f64, f64, f64)> = judged.rev().collect();
    judged.sort_by(|a, b| b.2.total_cmp(&a.2));
    let reach = 6.0_f64.sqrt() - 1.0;
    let agrees = |i: usize| {
        let (_, centre, width) = judged[i];
        judged[..i].iter().all(|(_, other, wider)| (other - centre).abs() <= width + reach * wider)
    };
    let last = (1..judged.len()).take_while(|&i| agrees(i)).last().unwrap_or(0);
    judged[last].0
}
