//! Who decides: promotion by share of decisions, the next stage, the way back. All of it by an owner or by the bound.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_ranking::{
    PolicyId, Problem,
    bandit::BanditError,
    promotion::{Judged, Move, Requirements, Stage, judge, next_move},
};
use wakeman_store::{Commit, EntityRef, JournalEntry, LANE, Seq, StoreError, Versioned};
use wakeman_types::{
    DeliveryClass, Entity, ErrorKind, GatewayError, HOUR_MS, Identity, OperatorId, PromoteRequest, PromotionView,
    Proposal, ProposalId, ProposalView, Role, Severity, Timestamp,
};

use super::{
    judge::{difference, evidence},
    log::rounds,
};
use crate::{
    act::asked::{Asked, Wish, WishKind, refusal, stage_apart},
    core::Core,
    deliver::announce,
    desk::{not_found, settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// The one row there is.
const ID: &str = "interrupt";
/// When the promoted policy was last compared.
const CHECKPOINT: &str = "ranking.judged";
/// Comparing reads the whole log of a stage; reactions come by the hour.
const EVERY_MS: i64 = HOUR_MS;
/// In the journal: it began.
const PROMOTED: &str = "ranking.promoted";
/// It ended.
const ROLLED_BACK: &str = "ranking.rolled_back";
/// Entries of the journal that are read at once.
const JOURNAL_PAGE: usize = 1000;

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
    /// When the first stage began.
    #[serde(default)]
    pub begun: Timestamp,
    /// The proposal that an owner approved.
    #[serde(default)]
    pub proposal: Option<ProposalId>,
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

async fn is_broken(core: &Core) -> bool {
    matches!(core.store.get::<PromotionRow>(ID).await, Err(StoreError::Decode { .. }))
}

/// Refuses who is not an owner.
pub(super) fn needs_owner(who: &Identity, what: &str) -> Result<(), GatewayError> {
    if who.role == Role::Owner {
        return Ok(());
    }
    let message = format!("Only an owner can {what}. You are {} ({}).", who.operator, who.role);
    Err(GatewayError::new(ErrorKind::Forbidden, message))
}

pub(super) fn unjudged(error: &BanditError) -> GatewayError {
    GatewayError::new(ErrorKind::Refused, format!("the decision log cannot be evaluated: {error}"))
}

/// The policy's name, if it is one that can be promoted.
pub(crate) fn promotable(name: &str) -> Result<PolicyId, GatewayError> {
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

/// Puts the promotion of a policy before an owner, as a card. What fails refuses it, with by how much.
///
/// # Errors
/// A viewer, no such policy, promoted already; or the conditions that fail, each with by how much.
pub(crate) async fn promote(
    core: &Core,
    who: &Identity,
    request: &PromoteRequest,
) -> Result<ProposalView, GatewayError> {
    if who.role < Role::Approver {
        let message =
            format!("Only an approver or owner can propose a promotion. You are {} ({}).", who.operator, who.role);
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let policy = promotable(&request.policy)?;
    if let Some(row) = promoted(core).await.map_err(|error| storage_error(&error))? {
        return Err(GatewayError::new(ErrorKind::AlreadyDecided, already(&row.value)));
    }
    if let Some(reason) = refusal(core, WishKind::Promote) {
        return Err(GatewayError::new(ErrorKind::Refused, reason));
    }
    let (title, wish) = (format!("Promotion of {policy}"), Wish::Promote { policy: policy.to_string() });
    match stage_apart(core, who, title, wish).await.map_err(|error| settle_error(&error))? {
        Asked::Staged(id) | Asked::Waits(id) => {
            let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
            let found = found.ok_or_else(|| not_found(format!("there is no proposal {id}; `proposals` lists them")))?;
            Ok(ProposalView { proposal: found.value })
        }
        Asked::Refused(reason) | Asked::NotNow(reason) => Err(GatewayError::new(ErrorKind::Refused, reason)),
        Asked::Unknown { reason, .. } => Err(GatewayError::new(ErrorKind::Unavailable, reason)),
    }
}

/// What refuses a promotion where one holds.
pub(crate) fn already(row: &PromotionRow) -> String {
    format!("{} is promoted already, at stage {}", row.policy, name(row.stage))
}

/// The conditions of promoting `policy` as the log shows them now, which all hold.
///
/// # Errors
/// The conditions that fail, each with by how much; or the log could not be read.
pub(crate) async fn conditions(core: &Core, policy: &str) -> Result<Vec<Judged>, GatewayError> {
    let policy = promotable(policy)?;
    let log = rounds(core, None).await.map_err(|error| storage_error(&error))?;
    let budget = f64::from(core.settings.monitor.alarm_budget_per_week);
    let evidence = evidence(&log.rounds, budget).map_err(|error| unjudged(&error))?;
    let judged = judge(&evidence, &Requirements::DEFAULT);
    let failing: Vec<String> = judged.iter().filter(|one| !one.holds).map(ToString::to_string).collect();
    if !failing.is_empty() {
        let message = format!("{policy} is not promoted: {}", failing.join("; "));
        return Err(GatewayError::new(ErrorKind::Refused, message));
    }
    Ok(judged.into())
}

/// Lets `policy` decide its first share, because an owner approved `cause`. Begun for the same cause before, it is as it was.
///
/// # Errors
/// Not an owner; another promotion holds; or it could not be stored.
pub(crate) async fn begin(
    core: &Core,
    who: &Identity,
    policy: &str,
    judged: &[Judged],
    cause: ProposalId,
) -> Result<PromotionRow, GatewayError> {
    needs_owner(who, "promote a policy")?;
    let policy = promotable(policy)?;
    let conditions: Vec<String> = judged.iter().map(ToString::to_string).collect();
    let begun: Result<Result<PromotionRow, PromotionRow>, SettleError> = settle!(core, "the promotion", async {
        if let Some(held) = promoted(core).await? {
            let own = held.value.proposal == Some(cause);
            return Ok(Wanted::Nothing(if own { Ok(held.value) } else { Err(held.value) }));
        }
        let now = core.now();
        let row = PromotionRow {
            policy: policy.to_string(),
            stage: Stage::Tenth,
            since: now,
            by: who.operator.clone(),
            begun: now,
            proposal: Some(cause),
        };
        let principal = who.principal.to_string();
        let payload = json!({"principal": principal, "stage": row.stage, "conditions": conditions, "proposal": cause});
        let event = core.event(PROMOTED, &who.operator, policy, payload);
        let commit = Commit::durable(now).event(event);
        // One that cannot be read holds nothing, and must not keep this one from beginning.
        let commit = if is_broken(core).await { commit.put(&row) } else { commit.insert(&row) };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Ok(row)))
    });
    let held = begun.map_err(|error| settle_error(&error))?;
    held.map_err(|row| GatewayError::new(ErrorKind::AlreadyDecided, already(&row)))
}

/// The two ways a proposal can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It began a promotion.
    Begun,
    /// It took one back.
    TakenBack,
}

/// When `cause` did so, by the journal: it remembers what was rolled back since. `None`: it never did.
///
/// # Errors
/// [`StoreError`] if the journal does not answer.
pub(crate) async fn done_by(
    core: &Core,
    policy: &str,
    way: Way,
    cause: ProposalId,
) -> Result<Option<Timestamp>, StoreError> {
    let (wanted, named) = (if way == Way::Begun { PROMOTED } else { ROLLED_BACK }, json!(cause));
    let mut from = Seq(0);
    loop {
        let entries = core.store.journal_of(policy, LANE, from, JOURNAL_PAGE).await?;
        let of_cause = |entry: &&JournalEntry| {
            entry.event_type == wanted && entry.payload.as_ref().is_some_and(|payload| payload["proposal"] == named)
        };
        if let Some(entry) = entries.iter().find(of_cause) {
            return Ok(Some(entry.at));
        }
        match entries.last() {
            Some(last) if entries.len() == JOURNAL_PAGE => from = Seq(last.seq.0 + 1),
            _ => return Ok(None),
        }
    }
}

/// Back to `rule-v1`, at once.
///
/// # Errors
/// Not an owner, or nothing was promoted.
pub(crate) async fn rollback(core: &Core, who: &Identity) -> Result<PromotionView, GatewayError> {
    rollback_because(core, who, None).await
}

/// The same, because of a proposal that an owner approved; it is named in the journal.
pub(crate) async fn rollback_because(
    core: &Core,
    who: &Identity,
    cause: Option<ProposalId>,
) -> Result<PromotionView, GatewayError> {
    needs_owner(who, "roll a promotion back")?;
    let rolled: Result<Option<PromotionRow>, SettleError> = settle!(core, "the promotion", async {
        let Some(row) = promoted(core).await? else { return Ok(Wanted::Nothing(None)) };
        let principal = who.principal.to_string();
        let payload = json!({"by": "operator", "principal": principal, "stage": row.value.stage, "proposal": cause});
        let event = core.event(ROLLED_BACK, &who.operator, &row.value.policy, payload);
        let gone = EntityRef::to::<PromotionRow>(ID);
        let commit = Commit::durable(core.now()).expect(&gone, row.version).delete(gone).event(event).essential();
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Some(row.value)))
    });
    let row = rolled.map_err(|error| settle_error(&error))?;
    let row = row.ok_or_else(|| GatewayError::new(ErrorKind::Refused, "nothing is promoted; rule-v1 decides"))?;
    Ok(PromotionView { policy: row.policy, stage: name(row.stage).to_owned() })
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
                let commit = commit.expect(&gone, found.version).delete(gone).event(event(ROLLED_BACK, Stage::Shadow));
                announce(core, commit, DeliveryClass::Note, Severity::Warning, worse(&policy, since.bound.upper))
                    .essential()
            }
        };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// What everybody is told when the bound rolls a promotion back.
fn worse(policy: &str, upper: f64) -> String {
    format!("{policy} is rolled back: surely worse than rule-v1 by at least {:.3}. rule-v1 decides again.", upper.abs())
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
