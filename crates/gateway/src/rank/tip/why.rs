//! "Why T-1?": what moved its score beside the other items, what every policy would have shown, what was made of it.

use wakeman_store::StoreError;
use wakeman_types::{ErrorKind, GatewayError, Identity, OperatorId, Role, TipId, TipPreference, TipWhyView};

use super::{POLICIES, learn, rows::TipRecord};
use crate::{
    core::Core,
    desk::{not_found, storage_error},
    rank::{PolicyRow, why::word},
};

/// Everything behind a tip.
///
/// # Errors
/// There is no such tip, or it was shown to somebody else and an owner does not ask.
pub(crate) async fn why(core: &Core, who: &Identity, id: TipId) -> Result<TipWhyView, GatewayError> {
    let found = core.store.get::<TipRecord>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
    let record = found.ok_or_else(|| not_found(format!("there is no tip {id}; `tip` shows one")))?.value;
    if record.operator != who.operator && who.role < Role::Owner {
        let shown_to = &record.operator;
        let message = format!("{id} was shown to {shown_to}, so only {shown_to} or an owner can ask why");
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let moved = moved(core, &record).await.map_err(|error| storage_error(&error))?;
    let rewards = rewards(core, &record.operator).await.map_err(|error| storage_error(&error))?;
    Ok(view(record, moved, rewards))
}

/// What the deciding policy's features add, by what it knows by now.
async fn moved(core: &Core, record: &TipRecord) -> Result<Vec<(String, f64)>, StoreError> {
    let learners = learn::learners(core, &record.operator, &mut Vec::new()).await?;
    let contexts: Vec<_> = record.items.iter().map(|item| item.context).collect();
    let place = POLICIES.iter().position(|id| id.as_str() == record.tip.policy).unwrap_or(0);
    let moved = learners.get(place).map(|learner| learner.policy().contributions(&contexts, record.chosen));
    let moved = moved.transpose().unwrap_or_default().unwrap_or_default();
    Ok(moved.into_iter().map(|(name, moved)| (name.to_owned(), moved)).collect())
}

async fn rewards(core: &Core, operator: &OperatorId) -> Result<u64, StoreError> {
    match core.store.get::<PolicyRow>(&PolicyRow::id(POLICIES[0].as_str(), operator)).await {
        Ok(found) => Ok(found.map_or(0, |found| found.value.rewards)),
        Err(StoreError::Decode { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

fn view(record: TipRecord, moved: Vec<(String, f64)>, rewards: u64) -> TipWhyView {
    let about = |place: usize| record.items.get(place).map(|item| item.about.clone()).unwrap_or_default();
    let opinions = record.opinions.iter().map(|opinion| TipPreference {
        policy: opinion.policy.clone(),
        about: about(opinion.preferred),
        propensity: opinion.propensities.get(opinion.preferred).copied().unwrap_or(0.0),
    });
    let others = (0..record.items.len()).filter(|place| *place != record.chosen).map(about);
    TipWhyView {
        opinions: opinions.collect(),
        others: others.collect(),
        moved,
        rewards,
        reactions: record.reactions.iter().map(|given| word(given.reaction).to_owned()).collect(),
        silent: record.silent,
        seed: record.seed,
        operator: record.operator.clone(),
        tip: record.tip,
    }
}
