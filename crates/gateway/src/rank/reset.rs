//! Beginning anew with what was learnt.

use serde_json::{Value, json};
use wakeman_ranking::{LintsV1, PolicyId, Problem};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Role};

use super::{
    log::pages,
    promote::{ended_by_reset, unjudged},
    rows::PolicyRow,
    tip,
};
use crate::{
    core::Core,
    desk::settle_error,
    modes::needs,
    settle::{SettleError, Wanted, settle},
};

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

/// Forgets what was learnt of one operator, or of all: reactions to what is told from now on count, and so does what proves a promotion. One
/// that stands on what is forgotten ends in the same commit. How many states that were.
///
/// # Errors
/// Not an owner; or nothing was learnt of that operator.
pub(crate) async fn reset(core: &Core, who: &Identity, operator: Option<&OperatorId>) -> Result<u32, GatewayError> {
    needs(who, Role::Owner, "reset what was learnt")?;
    let all = match operator {
        Some(operator) => vec![operator.clone()],
        None => learnt_of(core).await,
    };
    let fresh = LintsV1::new().map_err(|error| unjudged(&error))?;
    let state = serde_json::to_value(fresh.state()).unwrap_or_default();
    let count: Result<u32, SettleError> = settle!(core, "the ranking", async {
        let (mut commit, mut tips, mut findings) = (Commit::durable(core.now()), 0, 0);
        for operator in &all {
            let (with_tips, more) = tip::reset(core, commit, who, operator).await?;
            (tips, commit) = (tips + more, with_tips);
            let (with_findings, more) = of_findings(core, commit, who, operator, &state).await;
            (findings, commit) = (findings + more, with_findings);
        }
        for (problem, count) in [(Problem::Tip, tips), (Problem::Interrupt, findings)] {
            if count > 0 {
                commit = ended_by_reset(core, commit, who, problem).await?;
            }
        }
        if tips + findings == 0 {
            return Ok(Wanted::Nothing(0));
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), tips + findings))
    });
    match (count.map_err(|error| settle_error(&error))?, operator) {
        (0, Some(operator)) => Err(GatewayError::new(ErrorKind::NotFound, format!("nothing was learnt of {operator}"))),
        (count, _) => Ok(count),
    }
}

/// Adds an empty state of `lints-v1`, where the operator has one. How many that were.
async fn of_findings(
    core: &Core,
    commit: Commit,
    who: &Identity,
    operator: &OperatorId,
    empty: &Value,
) -> (Commit, u32) {
    let policy = PolicyId::LintsV1.as_str();
    // One that cannot be read is replaced as well: that is the way out of it.
    if matches!(core.store.get::<PolicyRow>(&PolicyRow::id(policy, operator)).await, Ok(None)) {
        return (commit, 0);
    }
    let now = core.now();
    let row = PolicyRow {
        policy: policy.to_owned(),
        operator: operator.clone(),
        state: empty.clone(),
        rewards: 0,
        from: now,
        updated_at: now,
    };
    let payload = json!({"principal": who.principal.to_string(), "policy": policy});
    (commit.put(&row).event(core.event("ranking.reset", &who.operator, operator, payload)), 1)
}
