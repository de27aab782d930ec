//! Beginning anew with what was learnt.

use serde_json::json;
use wakeman_ranking::{LintsV1, PolicyId};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId};

use super::{
    promote::{needs_owner, unjudged},
    rows::PolicyRow,
    tip,
};
use crate::{core::Core, desk::storage_error};

/// Forgets what `lints-v1` learnt of one operator, or of all: reactions from now on count. How many states that were.
///
/// # Errors
/// Not an owner; or nothing was learnt of that operator.
pub(crate) async fn reset(core: &Core, who: &Identity, operator: Option<&OperatorId>) -> Result<u32, GatewayError> {
    needs_owner(who, "reset what was learnt")?;
    let policy = PolicyId::LintsV1.as_str();
    let mut all: Vec<OperatorId> = match operator {
        Some(operator) => vec![operator.clone()],
        None => core.settings.operators.iter().map(|o| o.id.clone()).chain([core.local_operator.clone()]).collect(),
    };
    if operator.is_none()
        && let Ok(rows) = core.store.list::<PolicyRow>(&ListQuery::newest(200).state(policy)).await
    {
        all.extend(rows.items.into_iter().map(|found| found.value.operator));
    }
    all.sort();
    all.dedup();
    let fresh = LintsV1::new().map_err(|error| unjudged(&error))?;
    let state = serde_json::to_value(fresh.state()).unwrap_or_default();
    let (now, mut commit, mut count) = (core.now(), Commit::durable(core.now()), 0);
    for operator in all {
        let reset = tip::reset(core, commit, &who.operator, &operator).await;
        let (with_tips, tips) = reset.map_err(|error| storage_error(&error))?;
        (commit, count) = (with_tips, count + tips);
        let held = core.store.get::<PolicyRow>(&PolicyRow::id(policy, &operator)).await;
        if matches!(held, Ok(None)) {
            continue;
        }
        let row = PolicyRow {
            policy: policy.to_owned(),
            operator: operator.clone(),
            state: state.clone(),
            rewards: 0,
            from: now,
            updated_at: now,
        };
        commit =
            commit.put(&row).event(core.event("ranking.reset", &who.operator, operator, json!({"policy": policy})));
        count += 1;
    }
    if let (0, Some(operator)) = (count, operator) {
        return Err(GatewayError::new(ErrorKind::NotFound, format!("nothing was learnt of {operator}")));
    }
    let _ = core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    Ok(count)
}
