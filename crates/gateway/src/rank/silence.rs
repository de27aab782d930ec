//! Silence: once the time for a reaction has passed, it teaches how probable a reaction is, and nothing else.

use serde_json::json;
use wakeman_ranking::{PolicyId, reward::TIMEOUT_MS};
use wakeman_store::{Commit, ListQuery, StoreError, Version};
use wakeman_types::{ChoiceRecord, Interruption, OperatorId};

use super::{
    learn::Learning,
    rows::{PolicyRow, ReactionRecord},
};
use crate::{
    core::Core,
    settle::{SettleError, Wanted, settle},
};

/// Where the last pass ended, by the decisions' time.
const CHECKPOINT: &str = "ranking.silence";
/// The most decisions one pass takes.
const DECISIONS_MAX: usize = 20;

/// Records the silence of every operator about decisions whose time for a reaction has passed.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass tries again.
pub(crate) async fn silence(core: &Core) -> Result<(), SettleError> {
    let due = core.now().ms().saturating_sub(TIMEOUT_MS);
    settle!(core, "the ranking", async {
        let swept = core.store.checkpoint(CHECKPOINT).await?.and_then(|value| value.as_i64()).unwrap_or(i64::MIN);
        let query = ListQuery::oldest(DECISIONS_MAX).since(swept.saturating_add(1)).until(due.saturating_add(1));
        let decisions = core.store.list::<ChoiceRecord>(&query).await?.items;
        let Some(last) = decisions.last().map(|found| found.value.at.ms()) else { return Ok(Wanted::Nothing(())) };
        let audience = audience(core).await?;
        let mut commit = Commit::new(core.now()).checkpoint(CHECKPOINT, json!(last));
        for operator in &audience {
            commit = silent_about(core, commit, operator, decisions.iter().map(|found| &found.value)).await?;
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// One operator's silences among `decisions`.
async fn silent_about(
    core: &Core,
    mut commit: Commit,
    operator: &OperatorId,
    decisions: impl Iterator<Item = &ChoiceRecord>,
) -> Result<Commit, StoreError> {
    let mut silent = Vec::new();
    for choice in decisions.filter(|choice| choice.chosen != Interruption::Silent) {
        let reacted = core.store.get::<ReactionRecord>(&ReactionRecord::id(&choice.id, operator)).await?;
        let record = ReactionRecord::of(choice, operator).filter(|_| reacted.is_none());
        silent.extend(record);
    }
    for record in &silent {
        commit = commit.replace(record, Version::ABSENT);
    }
    if silent.is_empty() { Ok(commit) } else { Learning::silences(core, commit, operator, &silent).await }
}

/// Who is told: the listed operators, the local one where none is listed, and whoever reacted before.
async fn audience(core: &Core) -> Result<Vec<OperatorId>, StoreError> {
    let mut all: Vec<OperatorId> = core.settings.operators.iter().map(|operator| operator.id.clone()).collect();
    if all.is_empty() {
        all.push(core.local_operator.clone());
    }
    match core.store.list::<PolicyRow>(&ListQuery::newest(50).state(PolicyId::LintsV1.as_str())).await {
        Ok(rows) => all.extend(rows.items.into_iter().map(|found| found.value.operator)),
        Err(StoreError::Decode { .. }) => {}
        Err(error) => return Err(error),
    }
    all.sort();
    all.dedup();
    Ok(all)
}
