//! Tips: the one thing worth doing next, chosen by a policy, learnt from what its operator says.
//!
//! Owns: what can be a tip, the batch of a model's ideas, the log of tips. Must not: do anything about an item, ask a model twice
//! about the same facts, show what its operator called noise.
//! Start at [`recommend`], or at [`pick`] where the words go out in a commit of their own.

mod candidates;
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
    PolicyId,
    bandit::BanditError,
    tip::{TIP_FEATURES_VERSION, TipContext, TipLearner},
};
use wakeman_store::{Commit, StoreError};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Tip, TipId, TipView};

use self::{candidates::Candidate, rows::TipItem};
use crate::{brain::Brain, core::Core, desk::storage_error};

pub(super) use judged::filled;
pub(crate) use learn::{erase, feedback, fitted_anew, reset, silence};
pub use rows::{TipBatch, TipOpinion, TipRecord};
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
    let mut found = candidates::gather(core, &mut notices).await.map_err(|error| storage_error(&error))?;
    if let Some(brain) = brain {
        let ideas = generate::ideas(core, brain, &found, &mut notices).await.map_err(|error| storage_error(&error))?;
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
    let (chosen, explored, opinions) = decide(&learners, &contexts, seed).map_err(|error| cannot(&error))?;
    let item = &found[chosen];
    let propensities = &opinions[0].propensities;
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
        policy: POLICIES[0].to_string(),
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
        features_version: TIP_FEATURES_VERSION,
    })
}

/// The place of what the active policy chooses, whether by chance, and what every policy makes of the items.
fn decide(
    learners: &[TipLearner],
    contexts: &[TipContext],
    seed: u64,
) -> Result<(usize, bool, Vec<TipOpinion>), BanditError> {
    let mut opinions = Vec::with_capacity(learners.len());
    let mut chosen = (0, false);
    for (place, (id, learner)) in POLICIES.into_iter().zip(learners).enumerate() {
        let decision = learner.policy().choose(contexts, seed)?;
        let best = |p: &[f64]| (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b]).then(b.cmp(a))).unwrap_or(0);
        if place == 0 {
            chosen = (decision.chosen, decision.explored);
        }
        let preferred = best(&decision.propensities);
        opinions.push(TipOpinion { policy: id.to_string(), preferred, propensities: decision.propensities });
    }
    Ok((chosen.0, chosen.1, opinions))
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
