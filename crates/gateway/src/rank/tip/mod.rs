//! Tips: the one thing worth doing next, chosen by a policy, learnt from what its operator says.
//!
//! Owns: what can be a tip, the batch of a model's ideas, the log of tips. Must not: do anything about an item, ask a model twice
//! about the same facts, show what its operator called noise.
//! Start at [`recommend`], or at [`pick`] where the words go out in a commit of their own.

mod candidates;
mod compare;
mod dedupe;
mod generate;
mod history;
mod judged;
mod learn;
mod rows;
mod score;
mod why;

use std::sync::Arc;

use serde_json::json;
use wakeman_ranking::{
    PolicyId, Problem,
    bandit::BanditError,
    promotion::Stage,
    tip::{TIP_FEATURES_VERSION, TipContext, TipDecision, TipLearner},
};
use wakeman_store::{Commit, StoreError};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Tip, TipId, TipView};

use self::candidates::Candidate;
use super::promote::promoted;
use crate::{brain::Brain, core::Core, desk::storage_error};

pub(super) use compare::{difference, evidence};
pub(super) use judged::filled;
pub(crate) use learn::{erase, feedback, fitted_anew, reset, silence};
pub use rows::{TipBatch, TipItem, TipOpinion, TipRecord};
pub(super) use score::scores;
pub(crate) use why::why;

/// Who chooses, then who would have: their probabilities are logged with each choice.
pub(super) const POLICIES: [PolicyId; 3] = [PolicyId::EgreedyV1, PolicyId::LinucbV1, PolicyId::EgreedyV2];

/// So long a request waits for a model; in its chat everything else waits meanwhile.
const WAIT_MS: i64 = 4_000;

/// What was chosen, not in the log yet.
pub(crate) struct Picked {
    /// The answer.
    pub view: TipView,
    record: Option<TipRecord>,
}

impl Picked {
    /// Adds to `commit` that it was shown.
    pub fn shown(&self, core: &Core, commit: Commit) -> Commit {
        let Some(record) = &self.record else { return commit };
        let tip = &record.tip;
        let payload = json!({
            "principal": "system:ranking", "about": tip.about, "policy": tip.policy, "propensity": tip.propensity, "prompt": tip.prompt_version,
        });
        commit.put(record).event(core.event("tip.shown", &record.operator, tip.id, payload))
    }
}

/// The one thing worth doing next for `who`, if there is one; it goes into the log.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn recommend(core: &Core, brain: &Arc<Brain>, who: &Identity) -> Result<TipView, GatewayError> {
    let picked = pick(core, Some((brain, WAIT_MS)), &who.operator).await?;
    if picked.record.is_some() {
        let commit = picked.shown(core, Commit::new(core.now()));
        let _ = core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    }
    Ok(picked.view)
}

/// Chooses one; who shows it puts it into the log with the words. New ideas of a model are waited for so many milliseconds; without a
/// brain there are none.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn pick(
    core: &Core,
    brain: Option<(&Arc<Brain>, i64)>,
    operator: &OperatorId,
) -> Result<Picked, GatewayError> {
    let mut notices = Vec::new();
    let zone = core.settings.timezone_of(operator);
    let mut found = candidates::gather(core, zone, &mut notices).await.map_err(|error| storage_error(&error))?;
    if let Some(brain) = brain {
        let ideas =
            generate::ideas(core, brain, (&found, zone), &mut notices).await.map_err(|error| storage_error(&error))?;
        found.extend(ideas);
    }
    let past = history::of(core, operator, &found).await.map_err(|error| storage_error(&error))?;
    found.retain(|item| past.wants(item, core.now()));
    let considered = u32::try_from(found.len()).unwrap_or(u32::MAX);
    let record = match found.is_empty() {
        true => None,
        false => Some(choose(core, operator, &found, &past, &mut notices).await?),
    };
    let notice = (!notices.is_empty()).then(|| notices.join("; "));
    let tip = record.as_ref().map(|record| record.tip.clone());
    Ok(Picked { view: TipView { tip, considered, notice, as_of: core.now() }, record })
}

async fn choose(
    core: &Core,
    operator: &OperatorId,
    found: &[Candidate],
    past: &history::Past,
    notices: &mut Vec<String>,
) -> Result<TipRecord, GatewayError> {
    let contexts: Vec<TipContext> = found.iter().map(|item| past.context(core, operator, item, found.len())).collect();
    let learners = learn::learners(core, operator, notices).await.map_err(|error| storage_error(&error))?;
    let seed = core.random.number();
    let held = promoted(core, Problem::Tip).await.map_err(|error| storage_error(&error))?;
    let shared = held.and_then(|held| Some((place_of(&held.value.policy)?, held.value.stage)));
    let decided = decide(&learners, &contexts, seed, shared).map_err(|error| cannot(&error))?;
    let Decided { chosen, explored, by, propensities, opinions } = decided;
    let item = &found[chosen];
    let id = core.store.next_number("tip").await.map_err(|error| storage_error(&error))?;
    let tip = Tip {
        id: TipId::new(id),
        kind: item.kind,
        about: item.about.clone(),
        title: item.title.clone(),
        body: item.body.clone(),
        finding: item.finding,
        proposal: item.proposal,
        url: item.url.clone(),
        prompt_version: item.prompt.clone(),
        policy: POLICIES[by].to_string(),
        propensity: propensities[chosen],
        explored,
        at: core.now(),
        worth: None,
    };
    let items = found.iter().zip(contexts);
    Ok(TipRecord {
        tip,
        operator: operator.clone(),
        items: items.map(|(item, context)| TipItem { about: item.about.clone(), context }).collect(),
        chosen,
        opinions,
        seed,
        reactions: Vec::new(),
        silent: false,
        propensities: if shared.is_some() { propensities } else { Vec::new() },
        features_version: TIP_FEATURES_VERSION,
    })
}

/// A policy's place among [`POLICIES`].
pub(super) fn place_of(policy: &str) -> Option<usize> {
    POLICIES.iter().position(|id| id.as_str() == policy)
}

/// What is chosen, and what every policy makes of the items.
struct Decided {
    chosen: usize,
    explored: bool,
    /// The place of the policy whose turn it was.
    by: usize,
    /// The probability of each item, over the policies that share the choices.
    propensities: Vec<f64>,
    opinions: Vec<TipOpinion>,
}

/// Lets the active policy choose, or the promoted one where the seed says that it is its turn.
fn decide(
    learners: &[TipLearner],
    contexts: &[TipContext],
    seed: u64,
    shared: Option<(usize, Stage)>,
) -> Result<Decided, BanditError> {
    let best = |p: &[f64]| (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b]).then(b.cmp(a))).unwrap_or(0);
    let (mut opinions, mut choices) = (Vec::with_capacity(learners.len()), Vec::with_capacity(learners.len()));
    for (id, learner) in POLICIES.into_iter().zip(learners) {
        let TipDecision { chosen, explored, propensities, .. } = learner.policy().choose(contexts, seed)?;
        choices.push((chosen, explored));
        opinions.push(TipOpinion { policy: id.to_string(), preferred: best(&propensities), propensities });
    }
    let active = opinions.first().ok_or(BanditError::UnknownArm { arm: 0, arms: 0 })?;
    let shared = shared.and_then(|(place, stage)| Some((place, stage, opinions.get(place)?)));
    let propensities = match shared {
        Some((_, stage, other)) => {
            let (own, rest) = (stage.share(), 1.0 - stage.share());
            active.propensities.iter().zip(&other.propensities).map(|(a, o)| rest * a + own * o).collect()
        }
        None => active.propensities.clone(),
    };
    let by = shared.filter(|(_, stage, _)| stage.takes(seed)).map_or(0, |(place, ..)| place);
    let (chosen, explored) = choices[by];
    Ok(Decided { chosen, explored, by, propensities, opinions })
}

fn cannot(error: &BanditError) -> GatewayError {
    GatewayError::new(ErrorKind::Storage, format!("no tip can be chosen: {error}; `ranking reset` begins anew"))
}

/// All tips that are looked at for statistics, the newest first.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn log(core: &Core) -> Result<Vec<TipRecord>, StoreError> {
    super::log::pages(core, wakeman_store::ListQuery::newest(0), super::log::DECISIONS_MAX).await
}

#[cfg(test)]
mod tests {
    use wakeman_ranking::reward::Outcome;

    use super::*;

    fn item(priority: f64, age_days: f64) -> TipContext {
        TipContext {
            local_hour: 9.0,
            weekday: 1,
            overdue: false,
            age_days,
            priority,
            completion_rate: None,
            preferred_hour: None,
            open_items: 3,
            acceptance_rate: None,
            hours_to_react: None,
        }
    }

    #[test]
    fn while_two_share_the_tips_what_is_logged_is_the_probability_over_both() {
        let items = [item(1.0, 1.0), item(0.0, 90.0), item(0.5, 9.0)];
        let mut learners: Vec<TipLearner> = POLICIES.iter().map(|id| TipLearner::new(*id).unwrap()).collect();
        // The active one learnt that the first is worth it, the shadow that the second is.
        for (place, useful) in [(0, 0), (2, 1)] {
            for _ in 0..20 {
                for (at, item) in items.iter().enumerate() {
                    let worth = f64::from(u8::from(at == useful));
                    learners[place].learn(item, Outcome::Known { worth }).unwrap();
                }
            }
        }
        let alone = decide(&learners, &items, 7, None).unwrap();
        assert_eq!((alone.by, &alone.propensities), (0, &alone.opinions[0].propensities));
        for (stage, share) in [(Stage::Tenth, 0.1), (Stage::Half, 0.5), (Stage::Whole, 1.0)] {
            let (mut shown, mut own) = ([0.0; 3], 0.0);
            let mut logged = Vec::new();
            for seed in 0..4000 {
                let decided = decide(&learners, &items, seed, Some((2, stage))).unwrap();
                let opinions = &decided.opinions;
                assert_eq!((opinions[0].preferred, opinions[2].preferred), (0, 1));
                shown[decided.chosen] += 1.0 / 4000.0;
                own += f64::from(u8::from(decided.by == 2)) / 4000.0;
                logged = decided.propensities;
            }
            assert!((logged.iter().sum::<f64>() - 1.0).abs() < 1e-12 && (own - share).abs() < 0.03, "{own}");
            for (shown, logged) in shown.iter().zip(&logged) {
                // Four deviations of 4,000 draws are 0.032 at most.
                assert!((shown - logged).abs() < 0.032, "{shown} of {logged}");
            }
        }
    }
}
