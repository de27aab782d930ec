//! What the tip policies' choices brought, by the log.

use wakeman_types::{BoundView, PolicyView, Timestamp};

use super::{POLICIES, compare::difference, place_of, rows::TipRecord};

/// What the log says of one policy.
#[derive(Default)]
pub(super) struct JudgedTips {
    scored: u64,
    decisions: u64,
    rewards: u64,
    /// What it would bring: the mean of the tips shown, each weighted by how much more probable it makes them (self-normalised).
    mean: Option<f64>,
    /// How many tips with a reaction the log is worth to it.
    pub ess: Option<f64>,
    /// Share of tips where it prefers what the active one does.
    pub agreement: Option<f64>,
    /// What its own choices brought, oldest first.
    brought: Vec<f64>,
    /// Whether it agreed, oldest first.
    same: Vec<f64>,
}

/// Of the policy at `place`. `log` is newest first.
pub(super) fn judged(log: &[TipRecord], place: usize) -> JudgedTips {
    let mut all = JudgedTips::default();
    let (mut weighted, mut weights, mut squares) = (0.0, 0.0, 0.0);
    for record in log.iter().rev() {
        let (Some(active), Some(own)) = (record.opinions.first(), record.opinions.get(place)) else { continue };
        let chance = |p: &[f64]| p.get(record.chosen).copied().unwrap_or(0.0);
        let logged = chance(record.logging());
        if logged <= 0.0 {
            continue;
        }
        let is_own = record.tip.policy == POLICIES[place].as_str();
        all.same.push(f64::from(u8::from(own.preferred == active.preferred)));
        all.scored += 1;
        all.decisions += u64::from(is_own);
        let Some(worth) = record.tip.worth else { continue };
        let weight = chance(&own.propensities) / logged;
        weighted += weight * worth;
        weights += weight;
        squares += weight * weight;
        all.rewards += 1;
        if is_own {
            all.brought.push(worth);
        }
    }
    let known = weights > 0.0;
    all.mean = known.then(|| weighted / weights);
    all.ess = known.then(|| weights * weights / squares);
    all.agreement = (!all.same.is_empty()).then(|| all.same.iter().sum::<f64>() / all.same.len() as f64);
    all
}

/// How the values of the log become the few of a history.
type History = fn(&[f64]) -> Vec<f64>;

/// Adds to the view of a tip policy what the log says of it. What another item would have brought is not known, so there is no regret.
/// The bound is of the tips from `from` on.
pub(in crate::rank) fn filled(
    mut view: PolicyView,
    log: &[TipRecord],
    (history, from): (History, Timestamp),
) -> PolicyView {
    let Some(place) = place_of(&view.id) else { return view };
    let judged = judged(log, place);
    (view.scored, view.decisions, view.rewards) = (judged.scored, judged.decisions, judged.rewards);
    (view.mean_reward, view.ess, view.agreement) = (judged.mean, judged.ess, judged.agreement);
    // Only what was shown has a history; a shadow showed nothing.
    view.reward_history = history(&judged.brought);
    view.agreement_history = history(&judged.same);
    if place > 0 && judged.rewards > 0 {
        let found = difference(log, &view.id, from).ok().filter(|found| found.rounds > 0);
        view.bound = found.map(|found| BoundView {
            against: POLICIES[0].to_string(),
            estimate: found.estimate,
            lower: found.bound.lower,
            upper: found.bound.upper,
            rounds: found.rounds,
        });
    }
    view
}
