//! What the policies make of what could be the next tip.

use wakeman_ranking::tip::TipContext;
use wakeman_types::{GatewayError, OperatorId, ScoreRow};

use super::{POLICIES, candidates, cannot, history, learn};
use crate::{core::Core, desk::storage_error};

/// By policy, the best item first. Nothing is shown and no model is asked.
///
/// # Errors
/// The database does not answer.
pub(in crate::rank) async fn scores(
    core: &Core,
    operator: &OperatorId,
    notices: &mut Vec<String>,
) -> Result<Vec<ScoreRow>, GatewayError> {
    let zone = core.settings.timezone_of(operator);
    let mut found = candidates::gather(core, zone, notices).await.map_err(|error| storage_error(&error))?;
    let past = history::of(core, operator, &found).await.map_err(|error| storage_error(&error))?;
    found.retain(|item| past.wants(item, core.now()));
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let contexts: Vec<TipContext> = found.iter().map(|item| past.context(core, operator, item, found.len())).collect();
    let learners = learn::learners(core, operator, notices).await.map_err(|error| storage_error(&error))?;
    let mut all = Vec::new();
    for (id, learner) in POLICIES.into_iter().zip(&learners) {
        let policy = learner.policy();
        // The probabilities are those of every seed.
        let chances = policy.choose(&contexts, 0).map_err(|error| cannot(&error))?.propensities;
        let mut rows = Vec::with_capacity(found.len());
        for ((item, context), propensity) in found.iter().zip(&contexts).zip(chances) {
            rows.push(ScoreRow {
                policy: id.to_string(),
                about: item.about.clone(),
                title: item.title.clone(),
                score: policy.score(context).map_err(|error| cannot(&error))?,
                propensity,
            });
        }
        rows.sort_by(|a, b| b.score.total_cmp(&a.score));
        all.append(&mut rows);
    }
    Ok(all)
}
