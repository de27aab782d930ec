//! Who decides: promotion by share of decisions, the next stage, the way back, and beginning anew. All of it by an owner or by the bound.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_ranking::{
    LintsV1, PolicyId, Problem,
    bandit::BanditError,
    promotion::{Judged, Move, Requirements, Stage, judge, next_move},
};
use wakeman_store::{Commit, EntityRef, ListQuery, StoreError, Versioned};
use wakeman_types::{
    Entity, ErrorKind, GatewayError, HOUR_MS, Identity, OperatorId, PromoteRequest, PromotionView, Role, Timestamp,
};

use super::{
    judge::{difference, evidence},
    log::rounds,
    rows::PolicyRow,
    tip,
};
use crate::{
    core::Core,
    desk::{settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// The one row there is.
const ID: &str = "interrupt";
/// When the promoted policy was last compared.
const CHECKPOINT: &str = "ranking.judged";
/// Comparing reads the whole log of a stage; reactions come by the hour.
const EVERY_MS: i64 = HOUR_MS;

/// The policy that was promoted, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromotionRow {
    /// Which.
    pub policy: String,
    /// Its share of decisions.
    pub stage: Stage,
    /// When the stage began.
    pub since: Timestamp,
    /// Who promoted it.
    pub by: OperatorId,
}

impl Entity for PromotionRow {
    const KIND: &'static str = "promotion";

    fn entity_id(&self) -> String {
        ID.to_owned()
    }

    fn sort_key(&self) -> i64 {
        self.since.ms()
    }
}

/// The promotion that holds. One that cannot be read is none: `rule-v1` decides.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn promoted(core: &Core) -> Result<Option<Versioned<PromotionRow>>, StoreError> {
    match core.store.get::<PromotionRow>(ID).await {
        Err(StoreError::Decode { what, .. }) => {
            tracing::error!(%what, "ranking.promotion_broken");
            Ok(None)
        }
        other => other,
    }
}

/// Refuses who is not an owner.
pub(super) fn needs_owner(who: &Identity, what: &str) -> Result<(), GatewayError> {
    if who.role == Role::Owner {
        return Ok(());
    }
    let message = format!("Only an owner can {what}. You are {} ({}).", who.operator, who.role);
    Err(GatewayError::new(ErrorKind::Forbidden, message))
}

fn unjudged(error: &BanditError) -> GatewayError {
    GatewayError::new(ErrorKind::Refused, format!("the decision log cannot be evaluated: {error}"))
}

/// The policy's name, if it is one that can be promoted.
fn promotable(name: &str) -> Result<PolicyId, GatewayError> {
    let id: PolicyId = name.parse().map_err(|error| GatewayError::new(ErrorKind::Invalid, format!("{error}")))?;
    match id {
        PolicyId::LintsV1 => Ok(id),
        PolicyId::RuleV1 => Err(GatewayError::new(
            ErrorKind::Invalid,
            "rule-v1 is what others are promoted over; `ranking rollback` goes back to it",
        )),
        _ => {
            let what = if id.card().problem == Problem::Tip { "chooses tips" } else { "is for replay on files" };
            Err(GatewayError::new(ErrorKind::Invalid, format!("{id} {what}; only lints-v1 can be promoted")))
        }
    }
}

/// Judges a promotion by the log, and begins it where the owner has confirmed. Nothing is begun while a condition fails.
///
/// # Errors
/// Not an owner, no such policy, promoted already; or the conditions that fail, each with by how much.
pub(crate) async fn promote(
    core: &Core,
    who: &Identity,
    request: &PromoteRequest,
) -> Result<PromotionView, GatewayError> {
    needs_owner(who, "promote a policy")?;
    let policy = promotable(&request.policy)?;
    if let Some(row) = promoted(core).await.map_err(|error| storage_error(&error))? {
        let message = format!("{policy} is promoted already, at stage {}", name(row.value.stage));
        return Err(GatewayError::new(ErrorKind::AlreadyDecided, message));
    }
    let judged = judged(core).await?;
    let failing: Vec<String> = judged.iter().filter(|one| !one.holds).map(ToString::to_string).collect();
    if !failing.is_empty() {
        let message = format!("{policy} is not promoted: {}", failing.join("; "));
        return Err(GatewayError::new(ErrorKind::Refused, message));
    }
    let conditions: Vec<String> = judged.iter().map(ToString::to_string).collect();
    let view = |begun| PromotionView {
        policy: policy.to_string(),
        conditions: conditions.clone(),
        share: Stage::Tenth.share(),
        begun,
    };
    if !request.confirmed {
        return Ok(view(false));
    }
    let row =
        PromotionRow { policy: policy.to_string(), stage: Stage::Tenth, since: core.now(), by: who.operator.clone() };
    let event = core.event(
        "ranking.promoted",
        &who.operator,
        policy,
        json!({"principal": who.principal.to_string(), "stage": row.stage, "conditions": conditions}),
    );
    let begun: Result<(), SettleError> = settle!(core, "the promotion", async {
        let commit = Commit::durable(core.now()).put(&row).event(event.clone());
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    });
    begun.map_err(|error| settle_error(&error))?;
    Ok(view(true))
}

async fn judged(core: &Core) -> Result<[Judged; 4], GatewayError> {
    let log = rounds(core, None).await.map_err(|error| storage_error(&error))?;
    let budget = f64::from(core.settings.monitor.alarm_budget_per_week);
    let evidence = evidence(&log.rounds, budget).map_err(|error| unjudged(&error))?;
    Ok(judge(&evidence, &Requirements::DEFAULT))
}

/// Back to `rule-v1`, at once.
///
/// # Errors
/// Not an owner, or nothing was promoted.
pub(crate) async fn rollback(core: &Core, who: &Identity) -> Result<PromotionView, GatewayError> {
    needs_owner(who, "roll a promotion back")?;
    let Some(row) = promoted(core).await.map_err(|error| storage_error(&error))? else {
        return Err(GatewayError::new(ErrorKind::Refused, "nothing is promoted; rule-v1 decides"));
    };
    let payload = json!({"by": "operator", "principal": who.principal.to_string(), "stage": row.value.stage});
    let event = core.event("ranking.rolled_back", &who.operator, &row.value.policy, payload);
    let rolled: Result<(), SettleError> = settle!(core, "the promotion", async {
        let commit = Commit::durable(core.now()).delete(EntityRef::to::<PromotionRow>(ID)).event(event.clone());
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit.essential()), ()))
    });
    rolled.map_err(|error| settle_error(&error))?;
    Ok(PromotionView { policy: row.value.policy, conditions: Vec::new(), share: 0.0, begun: false })
}

/// Compares a promoted policy with the one before by the decisions since its stage began: on to the next stage, or back.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass tries again.
pub(crate) async fn follow(core: &Core) -> Result<(), SettleError> {
    settle!(core, "the promotion", async {
        let Some(found) = promoted(core).await? else { return Ok(Wanted::Nothing(())) };
        let now = core.now();
        let last = core.store.checkpoint(CHECKPOINT).await?.and_then(|value| value.as_i64());
        if last.is_some_and(|last| now.ms() - last < EVERY_MS) {
            return Ok(Wanted::Nothing(()));
        }
        let commit = Commit::durable(now).checkpoint(CHECKPOINT, json!(now.ms()));
        let log = rounds(core, Some(found.value.since)).await?;
        let since = match difference(&log.rounds) {
            Ok(since) => since,
            Err(error) => {
                tracing::error!(%error, "ranking.cannot_judge");
                return Ok(Wanted::Commit(Box::new(commit), ()));
            }
        };
        let row = found.value;
        let (from, policy) = (row.stage, row.policy.clone());
        let event = |kind: &str, to: Stage| {
            core.event(kind, "system:ranking", &policy, json!({"from": from, "to": to, "difference": since}))
        };
        let commit = match next_move(from, &since) {
            Move::Hold => commit,
            Move::Advance => {
                let next = PromotionRow { stage: from.next(), since: now, ..row };
                let event = event("ranking.advanced", next.stage);
                commit.replace(&next, found.version).event(event)
            }
            Move::Rollback => {
                let gone = EntityRef::to::<PromotionRow>(ID);
                commit
                    .expect(&gone, found.version)
                    .delete(gone)
                    .event(event("ranking.rolled_back", Stage::Shadow))
                    .essential()
            }
        };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

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

/// The stage in a word.
pub(super) const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Shadow => "shadow",
        Stage::Tenth => "tenth",
        Stage::Half => "half",
        Stage::Whole => "whole",
    }
}
