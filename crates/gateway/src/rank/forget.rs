//! `forget OPERATOR`: what was learnt of them, their reactions, and what the journal says of these, are erased.

use serde_json::json;
use wakeman_ranking::PolicyId;
use wakeman_store::{Commit, EntityRef, Erase, LANE, ListQuery, Seq, StoreError};
use wakeman_types::{ErrorKind, ForgottenView, GatewayError, Identity, OperatorId};

use super::{
    promote::needs_owner,
    rows::{PolicyRow, ReactionRecord},
    tip,
};
use crate::{core::Core, desk::storage_error};

/// Reactions erased in one commit.
const AT_ONCE: usize = 500;

/// Erases an operator's learnt state and reactions. The journal's chain stays whole: entries keep their digests, without their payloads.
///
/// # Errors
/// Not an owner; or nothing is known of that operator.
pub(crate) async fn forget(core: &Core, who: &Identity, operator: &OperatorId) -> Result<ForgottenView, GatewayError> {
    needs_owner(who, "erase what was learnt of somebody")?;
    erase(core, who, operator).await.map_err(|error| storage_error(&error))?.ok_or_else(|| {
        GatewayError::new(
            ErrorKind::NotFound,
            format!("nothing was learnt of {operator}; `ranking status` lists who was"),
        )
    })
}

async fn erase(core: &Core, who: &Identity, operator: &OperatorId) -> Result<Option<ForgottenView>, StoreError> {
    let row = PolicyRow::id(PolicyId::LintsV1.as_str(), operator);
    // One that cannot be read is erased as well.
    let known = !matches!(core.store.get::<PolicyRow>(&row).await, Ok(None));
    let mut reactions = 0;
    loop {
        let query = ListQuery::oldest(AT_ONCE).state(operator.as_str());
        let found = core.store.list::<ReactionRecord>(&query).await?.items;
        if found.is_empty() {
            break;
        }
        let mut commit = Commit::durable(core.now());
        for record in found.iter().map(|found| &found.value) {
            erase_payloads(core, record, operator).await?;
            commit = commit.delete(EntityRef::of(record));
        }
        reactions += found.len() as u64;
        let _ = core.store.commit(commit).await?;
    }
    let (tips, tip_states) = tip::erase(core, operator).await?;
    reactions += tips;
    let states = u32::from(known) + tip_states;
    if states == 0 && reactions == 0 {
        return Ok(None);
    }
    let payload = json!({"principal": who.principal.to_string(), "reactions": reactions});
    let event = core.event("operator.forgotten", &who.operator, operator, payload);
    let commit = Commit::durable(core.now()).delete(EntityRef::to::<PolicyRow>(row)).event(event);
    let _ = core.store.commit(commit).await?;
    Ok(Some(ForgottenView { operator: operator.clone(), reactions, states }))
}

async fn erase_payloads(core: &Core, record: &ReactionRecord, operator: &OperatorId) -> Result<(), StoreError> {
    let entries = core.store.journal_of(&record.finding.to_string(), LANE, Seq(0), 1000).await?;
    let theirs =
        entries.iter().filter(|entry| entry.event_type == "ranking.rewarded" && entry.actor == operator.as_str());
    let seqs: Vec<Seq> = theirs.map(|entry| entry.seq).collect();
    if !seqs.is_empty() {
        core.store.erase_payloads(Erase::Seqs(seqs)).await?;
    }
    Ok(())
}
