//! `forget OPERATOR`: what was learnt of them, their reactions, and what the journal says of these, are erased. A tenth of it went
//! into the states of others, so these are fitted anew.

use std::collections::BTreeSet;

use serde_json::json;
use wakeman_ranking::PolicyId;
use wakeman_store::{Commit, EntityRef, Erase, JournalEntry, LANE, ListQuery, Seq, StoreError};
use wakeman_types::{ErrorKind, ForgottenView, GatewayError, Identity, OperatorId, Role};

use super::{
    learn,
    reset::learnt_of,
    rows::{PolicyRow, ReactionRecord},
    tip,
};
use crate::{
    core::Core,
    desk::{settle_error, storage_error},
    modes::needs,
    settle::{SettleError, Wanted, settle},
};

/// Reactions erased in one commit.
const AT_ONCE: usize = 500;

/// Erases an operator's learnt state and reactions. The journal's chain stays whole: entries keep their digests, without their payloads.
///
/// # Errors
/// Not an owner; or nothing is known of that operator.
pub(crate) async fn forget(core: &Core, who: &Identity, operator: &OperatorId) -> Result<ForgottenView, GatewayError> {
    needs(who, Role::Owner, "erase what was learnt of somebody")?;
    let reactions = erase(core, who, operator).await.map_err(|error| storage_error(&error))?;
    let forgotten = finish(core, who, operator, reactions).await.map_err(|error| settle_error(&error))?;
    forgotten.ok_or_else(|| {
        GatewayError::new(
            ErrorKind::NotFound,
            format!("nothing was learnt of {operator}; `ranking status` lists who was"),
        )
    })
}

/// Erases their reactions and tips; how many that were.
async fn erase(core: &Core, who: &Identity, operator: &OperatorId) -> Result<u64, StoreError> {
    let mut reactions = 0;
    loop {
        let query = ListQuery::oldest(AT_ONCE).state(operator.as_str());
        let found = core.store.list::<ReactionRecord>(&query).await?.items;
        if found.is_empty() {
            break;
        }
        let (mut commit, mut entries) = (Commit::durable(core.now()), Vec::new());
        for record in found.iter().map(|found| &found.value) {
            let about = core.store.journal_of(&record.finding.to_string(), LANE, Seq(0), 1000).await?;
            let theirs =
                |entry: &JournalEntry| entry.event_type == "ranking.rewarded" && entry.actor == operator.as_str();
            entries.extend(about.into_iter().filter(theirs));
            commit = commit.delete(EntityRef::of(record));
        }
        erase_entries(core, who, operator, &entries).await?;
        reactions += found.len() as u64;
        let _ = core.store.commit(commit).await?;
    }
    Ok(reactions + tip::erase(core, who, operator).await?)
}

/// Deletes their states and fits those of the others anew, in one commit: killed before it, `forget` finds them still and goes on.
async fn finish(
    core: &Core,
    who: &Identity,
    operator: &OperatorId,
    reactions: u64,
) -> Result<Option<ForgottenView>, SettleError> {
    settle!(core, "what was learnt", async {
        let (mut commit, mut states) = (Commit::durable(core.now()), 0);
        for policy in tip::POLICIES.into_iter().chain([PolicyId::LintsV1]) {
            let row = PolicyRow::id(policy.as_str(), operator);
            // One that cannot be read is erased as well.
            if !matches!(core.store.get::<PolicyRow>(&row).await, Ok(None)) {
                commit = commit.delete(EntityRef::to::<PolicyRow>(row));
                states += 1;
            }
        }
        if states == 0 && reactions == 0 {
            return Ok(Wanted::Nothing(None));
        }
        let others: Vec<OperatorId> = learnt_of(core).await.into_iter().filter(|other| other != operator).collect();
        commit = learn::fitted_anew(core, commit, &others).await?;
        commit = tip::fitted_anew(core, commit, &others).await?;
        let payload = json!({"principal": who.principal.to_string(), "reactions": reactions, "named": true});
        let commit = commit.event(core.event("operator.forgotten", &who.operator, operator, payload));
        let view = ForgottenView { operator: operator.clone(), reactions, states };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Some(view)))
    })
}

/// Erases what these entries say of `operator`. That it will is in the journal first, with the place of each: `audit verify` tells by
/// that what `forget` erased from what somebody else did. What was erased already is not named: this is not who erased it.
///
/// # Errors
/// [`StoreError`] if the database does not answer; a later `forget` goes on.
pub(super) async fn erase_entries(
    core: &Core,
    who: &Identity,
    operator: &OperatorId,
    entries: &[JournalEntry],
) -> Result<(), StoreError> {
    let there = entries.iter().filter(|entry| entry.payload.is_some());
    let seqs: BTreeSet<u64> = there.map(|entry| entry.seq.0).collect();
    if seqs.is_empty() {
        return Ok(());
    }
    let payload = json!({"principal": who.principal.to_string(), "entries": seqs});
    let event = core.event("operator.forgetting", &who.operator, operator, payload);
    let _ = core.store.commit(Commit::durable(core.now()).event(event)).await?;
    core.store.erase_payloads(Erase::Seqs(seqs.into_iter().map(Seq).collect())).await?;
    Ok(())
}
