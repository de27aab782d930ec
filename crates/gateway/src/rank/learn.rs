//! A reaction becomes a reward: the row, what the policy learnt of it and the journal event are in the reaction's own commit.

use serde_json::json;
use wakeman_ranking::{
    LintsV1, PolicyId,
    bandit::BanditError,
    reward::{Outcome, Reaction},
};
use wakeman_store::{Commit, EntityRef, ListQuery, StoreError, Version, Versioned};
use wakeman_types::{
    ChoiceRecord, ErrorKind, FeedbackView, Finding, FindingId, GatewayError, Identity, OperatorId, Timestamp, Verdict,
};

use super::{
    mixture::{notice_of, restore},
    rows::{Given, PolicyRow, ReactionRecord, features_from},
};
use crate::{
    core::Core,
    desk::{not_found, settle_error},
    settle::{SettleError, Wanted, settle},
};

/// Reactions a state is fitted to anew, the newest ones.
const REPLAYED_MAX: usize = 1000;

/// Why nothing is learnt of an old finding.
const BEFORE: &str = "it was told before what is learnt of you was reset";

/// What a decision of a proposal says of the finding it was made for.
pub(crate) const fn reaction_to(verdict: Verdict) -> fn(i64) -> Reaction {
    match verdict {
        Verdict::Approve => |_| Reaction::Approved,
        Verdict::Reject => |_| Reaction::Rejected,
    }
}

/// Adds to `commit` what an operator did about `finding`: its reaction, and what `lints-v1` learns of it. `made` builds the reaction from the
/// milliseconds since the finding was told. A finding whose decision is past its retention teaches nothing.
///
/// # Errors
/// [`StoreError`] if the past could not be read. A learnt state that is broken is left alone and named in the journal.
pub(crate) async fn react(
    core: &Core,
    commit: Commit,
    by: &Identity,
    finding: FindingId,
    made: fn(i64) -> Reaction,
) -> Result<Commit, StoreError> {
    let operator = &by.operator;
    let told = core.store.list::<ChoiceRecord>(&ListQuery::newest(1).parent(finding.to_string())).await?;
    let Some(choice) = told.items.into_iter().next().map(|found| found.value) else { return Ok(commit) };
    let Some(fresh) = ReactionRecord::of(&choice, operator) else { return Ok(commit) };
    let held = core.store.get::<ReactionRecord>(&ReactionRecord::id(&choice.id, operator)).await?;
    let (mut record, version) = held.map_or((fresh, Version::ABSENT), |found| (found.value, found.version));
    let (before, known) = (record.outcome(), version != Version::ABSENT);
    let now = core.now();
    if !record.add(Given { reaction: made(now.since(choice.at)), at: now }) {
        return Ok(commit);
    }
    let learning = Learning { record: &record, before: known.then_some(before) };
    let (commit, note) = learning.land(core, commit.replace(&record, version)).await?;
    let event = core.event(
        "ranking.rewarded",
        operator,
        finding,
        json!({"principal": by.principal.to_string(), "decision": choice.id, "reaction": record.reactions.last().map(|given| given.reaction),
               "worth": record.worth, "policy": PolicyId::LintsV1.as_str(), "note": note}),
    );
    Ok(commit.event(event))
}

/// One outcome on its way into a policy.
pub(super) struct Learning<'a> {
    /// The reaction as it is now.
    pub record: &'a ReactionRecord,
    /// What was learnt of the same decision before; `None`: nothing.
    pub before: Option<Outcome>,
}

impl Learning<'_> {
    /// Adds the policy's new row to `commit`. A broken row stays as it is: the second value says so.
    pub async fn land(&self, core: &Core, commit: Commit) -> Result<(Commit, Option<String>), StoreError> {
        let (outcome, operator) = (self.record.outcome(), &self.record.operator);
        if self.before == Some(outcome) {
            return Ok((commit, None));
        }
        let policy = PolicyId::LintsV1.as_str();
        let id = PolicyRow::id(policy, operator);
        let held = match core.store.get::<PolicyRow>(&id).await {
            Ok(held) => held,
            Err(StoreError::Decode { what, .. }) => return Ok((commit, Some(format!("stored {what} cannot be read")))),
            Err(error) => return Err(error),
        };
        let version = held.as_ref().map_or(Version::ABSENT, |found| found.version);
        let from = held.as_ref().map_or(Timestamp::default(), |found| found.value.from);
        if self.record.told_at < from {
            return Ok((commit, Some(BEFORE.to_owned())));
        }
        match self.learnt(core, held).await? {
            Ok((state, rewards)) => {
                let row = PolicyRow {
                    policy: policy.to_owned(),
                    operator: operator.clone(),
                    state: serde_json::to_value(state.state()).unwrap_or_default(),
                    rewards,
                    from,
                    updated_at: core.now(),
                };
                Ok((commit.replace(&row, version), None))
            }
            Err(note) => {
                tracing::error!(%note, "ranking.cannot_learn");
                Ok((commit.expect(&EntityRef::to::<PolicyRow>(id), version), Some(note)))
            }
        }
    }

    /// Adds what a policy learns of several silences at once. Who never reacted has no state: their first reaction brings these along.
    pub async fn silences(
        core: &Core,
        commit: Commit,
        operator: &OperatorId,
        silent: &[ReactionRecord],
    ) -> Result<Commit, StoreError> {
        let held = match core.store.get::<PolicyRow>(&PolicyRow::id(PolicyId::LintsV1.as_str(), operator)).await {
            Ok(Some(held)) => held,
            Ok(None) | Err(StoreError::Decode { .. }) => return Ok(commit),
            Err(error) => return Err(error),
        };
        let Ok(mut policy) = restore(&held.value) else { return Ok(commit) };
        let from = held.value.from;
        if let Err(error) =
            silent.iter().filter(|record| record.told_at >= from).try_for_each(|record| teach(&mut policy, record))
        {
            tracing::error!(%error, %operator, "ranking.cannot_learn");
            return Ok(commit);
        }
        let state = serde_json::to_value(policy.state()).unwrap_or_default();
        Ok(commit.replace(&PolicyRow { state, updated_at: core.now(), ..held.value }, held.version))
    }

    /// The policy after this outcome, and how many reactions it stands on.
    async fn learnt(
        &self,
        core: &Core,
        held: Option<Versioned<PolicyRow>>,
    ) -> Result<Result<(LintsV1, u64), String>, StoreError> {
        let known = u64::from(self.record.worth.is_some());
        if let Some(found) = &held {
            let mut policy = match restore(&found.value) {
                Ok(policy) => policy,
                Err(error) => return Ok(Err(notice_of(&found.value, &error))),
            };
            if self.before.is_none() {
                let learnt = teach(&mut policy, self.record).map_err(|error| error.to_string());
                return Ok(learnt.map(|()| (policy, found.value.rewards + known)));
            }
        }
        // The first word, or one that takes an earlier one back: fitted anew, which no policy can do backwards.
        let mut records = records_of(core, &self.record.operator).await?;
        let from = held.map_or(Timestamp::default(), |found| found.value.from);
        records.retain(|record| record.decision != self.record.decision && record.told_at >= from);
        let at = records.partition_point(|record| record.told_at <= self.record.told_at);
        records.insert(at, self.record.clone());
        let others = others_than(core, &self.record.operator).await?;
        Ok(fitted(&others, &records).map_err(|error| error.to_string()))
    }
}

/// Everything an operator made of decisions, oldest first.
pub(super) async fn records_of(core: &Core, operator: &OperatorId) -> Result<Vec<ReactionRecord>, StoreError> {
    let query = ListQuery::newest(REPLAYED_MAX).state(operator.as_str());
    let found = core.store.list::<ReactionRecord>(&query).await?.items;
    Ok(found.into_iter().rev().map(|found| found.value).collect())
}

/// The sound policies of all other operators.
async fn others_than(core: &Core, operator: &OperatorId) -> Result<Vec<LintsV1>, StoreError> {
    let query = ListQuery::newest(50).state(PolicyId::LintsV1.as_str());
    let rows = match core.store.list::<PolicyRow>(&query).await {
        Ok(page) => page.items,
        Err(StoreError::Decode { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let others = rows.into_iter().map(|found| found.value).filter(|row| row.operator != *operator);
    Ok(others.filter_map(|row| restore(&row).ok()).collect())
}

/// Adds to `commit` what `lints-v1` knows of these operators and of nobody else, fitted to their reactions anew. What cannot be read is
/// left for a person to look at.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn fitted_anew(core: &Core, mut commit: Commit, all: &[OperatorId]) -> Result<Commit, StoreError> {
    let mut held = Vec::new();
    for operator in all {
        let Some(found) = PolicyRow::held(core, PolicyId::LintsV1.as_str(), operator).await? else { continue };
        let mut records = records_of(core, operator).await?;
        records.retain(|record| record.told_at >= found.value.from);
        match fitted(&[], &records) {
            Ok((alone, _)) => held.push((found, records, alone)),
            Err(error) => tracing::error!(%error, %operator, "ranking.cannot_learn"),
        }
    }
    for (place, (found, records, alone)) in held.iter().enumerate() {
        let others = held.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, (.., alone))| alone.clone());
        // Who began anew and did nothing since knows nothing.
        let others = if records.is_empty() { Vec::new() } else { others.collect() };
        let (policy, rewards) = fitted(&others, records).unwrap_or_else(|_| (alone.clone(), found.value.rewards));
        let state = serde_json::to_value(policy.state()).unwrap_or_default();
        let row = PolicyRow { state, rewards, updated_at: core.now(), ..found.value.clone() };
        commit = commit.replace(&row, found.version);
    }
    Ok(commit)
}

/// A policy that starts with a tenth of what the others taught and learns these.
pub(super) fn fitted(others: &[LintsV1], records: &[ReactionRecord]) -> Result<(LintsV1, u64), BanditError> {
    let mut policy = LintsV1::pooled(others)?;
    records.iter().try_for_each(|record| teach(&mut policy, record))?;
    Ok((policy, records.iter().filter(|record| record.worth.is_some()).count() as u64))
}

fn teach(policy: &mut LintsV1, record: &ReactionRecord) -> Result<(), BanditError> {
    match features_from(&record.features) {
        Some(features) => policy.learn(&features, record.chosen, record.outcome()),
        None => Ok(()),
    }
}

/// Why no word about this decision teaches anything; `None`: it does.
async fn not_learnt(core: &Core, choice: &ChoiceRecord, operator: &OperatorId) -> Result<Option<String>, StoreError> {
    if ReactionRecord::of(choice, operator).is_none() {
        return Ok(Some("it was told by an older version, which logged other features".to_owned()));
    }
    Ok(match core.store.get::<PolicyRow>(&PolicyRow::id(PolicyId::LintsV1.as_str(), operator)).await {
        Ok(None) => None,
        Ok(Some(found)) if choice.at < found.value.from => Some(BEFORE.to_owned()),
        Ok(Some(found)) => restore(&found.value).err().map(|error| notice_of(&found.value, &error)),
        Err(StoreError::Decode { what, .. }) => {
            Some(format!("stored {what} cannot be read until `wakeman ranking reset`"))
        }
        Err(error) => return Err(error),
    })
}

/// `feedback ID useful|noise`: what a finding was worth, in so many words. Saying the same twice changes nothing.
///
/// # Errors
/// Not found, or told so long ago that the decision is no longer on record.
pub(crate) async fn feedback(
    core: &Core,
    who: &Identity,
    id: FindingId,
    useful: bool,
) -> Result<FeedbackView, GatewayError> {
    let made: fn(i64) -> Reaction = if useful { |_| Reaction::Useful } else { |_| Reaction::Noise };
    let result: Result<FeedbackView, FeedbackError> = settle!(core, "the feedback", async {
        let found = core.store.get::<Finding>(&id.to_string()).await.map_err(SettleError::from)?;
        let found = found.ok_or_else(|| not_found(format!("there is no finding {id}; `findings` lists them")))?;
        let query = ListQuery::newest(1).parent(id.to_string());
        let told = core.store.list::<ChoiceRecord>(&query).await.map_err(SettleError::from)?.items;
        let Some(choice) = told.into_iter().next().map(|found| found.value) else {
            let message = format!("{id} was told too long ago to learn from; say it of a newer finding");
            return Err(GatewayError::new(ErrorKind::Expired, message).into());
        };
        let not_learnt = not_learnt(core, &choice, &who.operator).await.map_err(SettleError::from)?;
        let view = FeedbackView { finding: found.value, not_learnt };
        let commit = react(core, Commit::durable(core.now()), who, id, made).await;
        let commit = commit.map_err(SettleError::from)?;
        if commit.events.is_empty() {
            return Ok(Wanted::Nothing(view));
        }
        Ok::<_, FeedbackError>(Wanted::Commit(Box::new(commit), view))
    });
    result.map_err(|error| match error {
        FeedbackError::Refused(error) => error,
        FeedbackError::Settle(error) => settle_error(&error),
    })
}

/// Why feedback was not taken.
#[derive(Debug, thiserror::Error)]
enum FeedbackError {
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Refused(#[from] GatewayError),
}
