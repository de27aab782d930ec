//! Bounds of a mean at one fixed number of rounds. For looking again and again there is [`super::BettingSequence`].

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimators::mean;

/// Variance with divisor n.
fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / values.len() as f64
}

/// What to go below the mean for a bound that holds with probability 1 − `delta`, if the mean is about normal.
fn student_t_margin(values: &[f64], delta: f64) -> f64 {
    let freedom = values.len() as f64 - 1.0;
    let quantile = StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - delta));
    (variance(values) / freedom).sqrt() * quantile
}

/// Lower bound by Student's t, for means that are about normal. At least two values; 0 < `delta` < 1.
pub fn student_t_lower(values: &[f64], delta: f64) -> f64 {
    mean(values) - student_t_margin(values, delta)
}

/// Two-sided interval by Student's t that covers with probability 1 − `delta`.
pub fn interval(values: &[f64], delta: f64) -> (f64, f64) {
    let (centre, margin) = (mean(values), student_t_margin(values, delta / 2.0));
    (centre - margin, centre + margin)
}

/// Lower bound by the empirical Bernstein inequality. Maurer, Pontil (2009), as used by Thomas et al. (2015).
pub fn bernstein_lower(values: &[f64], largest: f64, delta: f64) -> f64 {
    let (freedom, nats) = (values.len() as f64 - 1.0, (2.0 / delta).ln());
    mean(values) - 7.0 * largest * nats / (3.0 * freedom) - (2.0 * nats * variance(values) / freedom).sqrt()
}

/// Lower bound by Hoeffding's inequality.
pub fn hoeffding_lower(values: &[f64], largest: f64, delta: f64) -> f64 {
    mean(values) - largest * ((1.0 / delta).ln() / (2.0 * values.len() as f64)).sqrt()
}
