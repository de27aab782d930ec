//! What operators make of tips, and what the policies learn of it. Every change of a word fits the policies anew: tips are few.

use serde_json::json;
use wakeman_ranking::{
    PolicyId,
    bandit::BanditError,
    reward::{Reaction, TIMEOUT_MS},
    tip::{TipLearner, TipState},
};
use wakeman_store::{Commit, EntityRef, LANE, ListQuery, Seq, StoreError, Version, Versioned};
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Timestamp, Tip, TipId};

use super::{POLICIES, rows::TipRecord};
use crate::{
    core::Core,
    desk::{not_found, settle_error},
    rank::{Given, PolicyRow, forget::erase_entries},
    settle::{SettleError, Wanted, settle},
};

/// Tips that the policies are fitted to, the newest.
const REPLAYED_MAX: usize = 1000;
/// Operators whose states a new one starts with.
const POOL_MAX: usize = 50;
/// Where the last pass over silent tips ended, by their time.
const CHECKPOINT: &str = "ranking.tips";
/// The most tips one pass takes.
const SILENT_MAX: usize = 50;

/// What every policy learnt of an operator, in the order of [`POLICIES`]. One that cannot be used begins anew and is named.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(super) async fn learners(
    core: &Core,
    operator: &OperatorId,
    notices: &mut Vec<String>,
) -> Result<Vec<TipLearner>, StoreError> {
    let mut all = Vec::with_capacity(POLICIES.len());
    for id in POLICIES {
        let restored = match core.store.get::<PolicyRow>(&PolicyRow::id(id.as_str(), operator)).await {
            Ok(None) => None,
            Ok(Some(row)) => Some(restore(id, &row.value)),
            Err(StoreError::Decode { what, .. }) => Some(Err(format!("stored {what} cannot be read"))),
            Err(error) => return Err(error),
        };
        let learner = match restored {
            Some(Ok(learner)) => Ok(learner),
            Some(Err(error)) => {
                notices.push(format!(
                    "what {id} learnt of {operator} cannot be used ({error}); it knows nothing until \
                     `wakeman ranking reset --operator {operator}`"
                ));
                TipLearner::new(id)
            }
            None => TipLearner::pooled(id, &others_than(core, id, operator).await?),
        };
        match learner {
            Ok(learner) => all.push(learner),
            Err(error) => tracing::error!(%error, "ranking.no_tip_policy"),
        }
    }
    Ok(all)
}

fn restore(id: PolicyId, row: &PolicyRow) -> Result<TipLearner, String> {
    let state: TipState = serde_json::from_value(row.state.clone()).map_err(|error| error.to_string())?;
    TipLearner::restore(id, state).map_err(|error| error.to_string())
}

/// What this policy learnt of all other operators, where it is sound.
async fn others_than(core: &Core, id: PolicyId, operator: &OperatorId) -> Result<Vec<TipLearner>, StoreError> {
    let rows = match core.store.list::<PolicyRow>(&ListQuery::newest(POOL_MAX).state(id.as_str())).await {
        Ok(page) => page.items,
        Err(StoreError::Decode { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let others = rows.iter().map(|found| &found.value).filter(|row| row.operator != *operator);
    Ok(others.filter_map(|row| restore(id, row).ok()).collect())
}

/// Adds to `commit` what the policies know after these tips of an operator were changed.
async fn refitted(
    core: &Core,
    mut commit: Commit,
    operator: &OperatorId,
    changed: &[TipRecord],
) -> Result<Commit, StoreError> {
    let mut records = records_of(core, operator).await?;
    for record in &mut records {
        if let Some(newer) = changed.iter().find(|newer| newer.tip.id == record.tip.id) {
            *record = newer.clone();
        }
    }
    for id in POLICIES {
        let held = match core.store.get::<PolicyRow>(&PolicyRow::id(id.as_str(), operator)).await {
            Ok(held) => held,
            Err(StoreError::Decode { .. }) => continue,
            Err(error) => return Err(error),
        };
        let (from, version) = held.map_or((Timestamp::default(), Version::ABSENT), |row| (row.value.from, row.version));
        let others = others_than(core, id, operator).await?;
        match row(core, id, operator, (&others, &records), from) {
            Ok(row) => commit = commit.replace(&row, version),
            Err(error) => tracing::error!(%error, policy = %id, "ranking.cannot_learn"),
        }
    }
    Ok(commit)
}

/// What was shown to an operator, oldest first.
async fn records_of(core: &Core, operator: &OperatorId) -> Result<Vec<TipRecord>, StoreError> {
    let query = ListQuery::newest(REPLAYED_MAX).state(operator.as_str());
    let found = core.store.list::<TipRecord>(&query).await?.items;
    Ok(found.into_iter().rev().map(|found| found.value).collect())
}

fn fitted(id: PolicyId, others: &[TipLearner], records: &[TipRecord]) -> Result<TipLearner, BanditError> {
    let outcomes = records.iter().filter_map(|record| Some((record.context()?, record.outcome())));
    TipLearner::fitted(id, others, outcomes)
}

fn row(
    core: &Core,
    id: PolicyId,
    operator: &OperatorId,
    (others, records): (&[TipLearner], &[TipRecord]),
    from: Timestamp,
) -> Result<PolicyRow, BanditError> {
    let counted: Vec<TipRecord> = records.iter().filter(|record| record.tip.at >= from).cloned().collect();
    let empty = PolicyRow {
        policy: id.to_string(),
        operator: operator.clone(),
        state: serde_json::Value::Null,
        rewards: 0,
        from,
        updated_at: from,
    };
    Ok(filled(core, empty, &fitted(id, others, &counted)?, &counted))
}

/// The row with what was learnt of these.
fn filled(core: &Core, row: PolicyRow, learner: &TipLearner, records: &[TipRecord]) -> PolicyRow {
    PolicyRow {
        state: serde_json::to_value(learner.state()).unwrap_or_default(),
        rewards: records.iter().filter(|record| record.tip.worth.is_some()).count() as u64,
        updated_at: core.now(),
        ..row
    }
}

/// Why a word was not taken.
#[derive(Debug, thiserror::Error)]
enum FeedbackError {
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Refused(#[from] GatewayError),
}

impl From<StoreError> for FeedbackError {
    fn from(error: StoreError) -> Self {
        Self::Settle(error.into())
    }
}

/// `feedback T-1 useful|noise`. Saying the same twice changes nothing; the last word counts.
///
/// # Errors
/// Not found, or shown to somebody else.
pub(crate) async fn feedback(core: &Core, who: &Identity, id: TipId, useful: bool) -> Result<Tip, GatewayError> {
    let reaction = if useful { Reaction::Useful } else { Reaction::Noise };
    let result: Result<Tip, FeedbackError> = settle!(core, "the tip", async {
        let found = core.store.get::<TipRecord>(&id.to_string()).await?;
        let Versioned { value: mut record, version } =
            found.ok_or_else(|| not_found(format!("there is no tip {id}; `tip` shows one")))?;
        if record.operator != who.operator {
            let shown_to = &record.operator;
            let message = format!("{id} was shown to {shown_to}, so only {shown_to} can rate it");
            return Err(GatewayError::new(ErrorKind::Forbidden, message).into());
        }
        if record.tip.worth == Some(reaction.worth()) {
            return Ok(Wanted::Nothing(record.tip));
        }
        record.tip.worth = Some(reaction.worth());
        record.silent = false;
        record.reactions.push(Given { reaction, at: core.now() });
        let event = core.event(
            "tip.rewarded",
            &who.operator,
            id,
            json!({"principal": who.principal.to_string(), "reaction": reaction, "about": record.tip.about, "prompt": record.tip.prompt_version}),
        );
        let commit = Commit::durable(core.now()).replace(&record, version).event(event);
        let commit = refitted(core, commit, &who.operator, std::slice::from_ref(&record)).await?;
        Ok::<_, FeedbackError>(Wanted::Commit(Box::new(commit), record.tip))
    });
    result.map_err(|error| match error {
        FeedbackError::Refused(error) => error,
        FeedbackError::Settle(error) => settle_error(&error),
    })
}

/// Records the silence about tips whose time for a reaction has passed.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass tries again.
pub(crate) async fn silence(core: &Core) -> Result<(), SettleError> {
    let due = core.now().ms().saturating_sub(TIMEOUT_MS);
    settle!(core, "the tips", async {
        let swept = core.store.checkpoint(CHECKPOINT).await?.and_then(|value| value.as_i64()).unwrap_or(i64::MIN);
        let query = ListQuery::oldest(SILENT_MAX).since(swept.saturating_add(1)).until(due.saturating_add(1));
        let found = core.store.list::<TipRecord>(&query).await?.items;
        let Some(last) = found.last().map(|found| found.value.tip.at.ms()) else { return Ok(Wanted::Nothing(())) };
        let mut commit = Commit::new(core.now()).checkpoint(CHECKPOINT, json!(last));
        let mut silent: Vec<TipRecord> = Vec::new();
        for Versioned { value, version } in found.into_iter().filter(|found| found.value.reactions.is_empty()) {
            let record = TipRecord { silent: true, ..value };
            commit = commit.replace(&record, version);
            silent.push(record);
        }
        let mut operators: Vec<OperatorId> = silent.iter().map(|record| record.operator.clone()).collect();
        operators.sort();
        operators.dedup();
        for operator in &operators {
            commit = refitted(core, commit, operator, &silent).await?;
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// Adds to `commit` that the tip policies begin anew with an operator, by whom. How many states that were.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn reset(
    core: &Core,
    mut commit: Commit,
    by: &Identity,
    operator: &OperatorId,
) -> Result<(Commit, u32), StoreError> {
    let mut count = 0;
    for id in POLICIES {
        let held = core.store.get::<PolicyRow>(&PolicyRow::id(id.as_str(), operator)).await;
        if matches!(held, Ok(None)) {
            continue;
        }
        if let Ok(row) = row(core, id, operator, (&[], &[]), core.now()) {
            let payload = json!({"principal": by.principal.to_string(), "policy": id.as_str()});
            let event = core.event("ranking.reset", &by.operator, operator, payload);
            commit = commit.put(&row).event(event);
            count += 1;
        }
    }
    Ok((commit, count))
}

/// Erases an operator's tips; how many that were. What was learnt of them is still there.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn erase(core: &Core, who: &Identity, operator: &OperatorId) -> Result<u64, StoreError> {
    let mut tips = 0;
    loop {
        let query = ListQuery::oldest(500).state(operator.as_str());
        let found = core.store.list::<TipRecord>(&query).await?.items;
        if found.is_empty() {
            return Ok(tips);
        }
        let (mut commit, mut entries) = (Commit::durable(core.now()), Vec::new());
        for record in found.iter().map(|found| &found.value) {
            entries.extend(core.store.journal_of(&record.tip.id.to_string(), LANE, Seq(0), 1000).await?);
            commit = commit.delete(EntityRef::of(record));
        }
        erase_entries(core, who, operator, &entries).await?;
        tips += found.len() as u64;
        let _ = core.store.commit(commit).await?;
    }
}

/// Adds to `commit` what the policies know of these operators and of nobody else, fitted to their tips anew. What cannot be read is left
/// for a person to look at.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn fitted_anew(core: &Core, mut commit: Commit, all: &[OperatorId]) -> Result<Commit, StoreError> {
    for id in POLICIES {
        let mut held = Vec::new();
        for operator in all {
            let Some(found) = PolicyRow::held(core, id.as_str(), operator).await? else { continue };
            let mut records = records_of(core, operator).await?;
            records.retain(|record| record.tip.at >= found.value.from);
            match fitted(id, &[], &records) {
                Ok(alone) => held.push((found, records, alone)),
                Err(error) => tracing::error!(%error, %operator, policy = %id, "ranking.cannot_learn"),
            }
        }
        for (place, (found, records, alone)) in held.iter().enumerate() {
            let others =
                held.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, (.., alone))| alone.clone());
            // Who began anew and was shown nothing since knows nothing.
            let others = if records.is_empty() { Vec::new() } else { others.collect() };
            let learner = fitted(id, &others, records).unwrap_or_else(|_| alone.clone());
            commit = commit.replace(&filled(core, found.value.clone(), &learner, records), found.version);
        }
    }
    Ok(commit)
}
