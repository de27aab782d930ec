//! Beginning anew with what was learnt.

use serde_json::json;
use wakeman_ranking::{LintsV1, PolicyId};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Role};

use super::{log::pages, promote::unjudged, rows::PolicyRow, tip};
use crate::{core::Core, desk::storage_error, modes::needs};

/// States that are looked through for whose they are.
const STATES_MAX: usize = 5_000;

/// Of whom something may have been learnt: who is listed, who is at this machine, and who has a state. States that cannot be read
/// name nobody else.
pub(super) async fn learnt_of(core: &Core) -> Vec<OperatorId> {
    let listed = core.settings.operators.iter().map(|operator| operator.id.clone());
    let mut all: Vec<OperatorId> = listed.chain([core.local_operator.clone()]).collect();
    if let Ok(rows) = pages::<PolicyRow>(core, ListQuery::newest(0), STATES_MAX).await {
        all.extend(rows.into_iter().map(|row| row.operator));
    }
    all.sort();
    all.dedup();
    all
}

/// Forgets what `lints-v1` learnt of one operator, or of all: reactions from now on count. How many states that were.
///
/// # Errors
/// Not an owner; or nothing was learnt of that operator.
pub(crate) async fn reset(core: &Core, who: &Identity, operator: Option<&OperatorId>) -> Result<u32, GatewayError> {
    needs(who, Role::Owner, "reset what was learnt")?;
    let policy = PolicyId::LintsV1.as_str();
    let all = match operator {
        Some(operator) => vec![operator.clone()],
        None => learnt_of(core).await,
    };
    let fresh = LintsV1::new().map_err(|error| unjudged(&error))?;
    let state = serde_json::to_value(fresh.state()).unwrap_or_default();
    let (now, mut commit, mut count) = (core.now(), Commit::durable(core.now()), 0);
    for operator in all {
        let reset = tip::reset(core, commit, who, &operator).await;
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
        let payload = json!({"principal": who.principal.to_string(), "policy": policy});
        commit = commit.put(&row).event(core.event("ranking.reset", &who.operator, operator, payload));
        count += 1;
    }
    if let (0, Some(operator)) = (count, operator) {
        return Err(GatewayError::new(ErrorKind::NotFound, format!("nothing was learnt of {operator}")));
    }
    let _ = core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    Ok(count)
}
