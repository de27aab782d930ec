//! What the tip policies' choices brought, by the log.

use wakeman_ranking::PolicyId;
use wakeman_types::PolicyView;

use super::{POLICIES, rows::TipRecord};

/// Adds to the view of a tip policy what the log says of it. `log` is newest first. What another item would have brought is not
/// known, so there is no regret; a shadow's mean is that of the tips shown, each weighted by how much more probable the shadow
/// makes it (self-normalised).
pub(in crate::rank) fn filled(mut view: PolicyView, log: &[TipRecord], history: fn(&[f64]) -> Vec<f64>) -> PolicyView {
    let Some(place) = POLICIES.iter().position(|id: &PolicyId| id.as_str() == view.id) else { return view };
    let (mut weighted, mut weights, mut squares) = (0.0, 0.0, 0.0);
    let (mut brought, mut same) = (Vec::new(), Vec::new());
    for record in log.iter().rev() {
        let (Some(active), Some(own)) = (record.opinions.first(), record.opinions.get(place)) else { continue };
        let chance = |p: &[f64]| p.get(record.chosen).copied().unwrap_or(0.0);
        let logged = chance(&active.propensities);
        if logged <= 0.0 {
            continue;
        }
        same.push(f64::from(u8::from(own.preferred == active.preferred)));
        view.scored += 1;
        view.decisions += u64::from(record.tip.policy == view.id);
        let Some(worth) = record.tip.worth else { continue };
        let weight = chance(&own.propensities) / logged;
        weighted += weight * worth;
        weights += weight;
        squares += weight * weight;
        view.rewards += 1;
        brought.push(worth);
    }
    let known = weights > 0.0;
    view.mean_reward = known.then(|| weighted / weights);
    view.ess = known.then(|| weights * weights / squares);
    view.agreement = (!same.is_empty()).then(|| same.iter().sum::<f64>() / same.len() as f64);
    // Only what was shown has a history; a shadow showed nothing.
    view.reward_history = if place == 0 { history(&brought) } else { Vec::new() };
    view.agreement_history = history(&same);
    view
}
