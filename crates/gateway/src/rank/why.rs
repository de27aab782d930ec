//! "Why was I told this?": what moved the score, what every policy would have done, what was made of it.

use wakeman_ranking::reward::{Reaction, reward};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{ChoiceRecord, RankingWhy, ReactionView};

use super::{
    mixture::learnt,
    rows::{ReactionRecord, features_of},
};
use crate::core::Core;

/// What stands behind a decision.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn behind(core: &Core, choice: &ChoiceRecord) -> Result<RankingWhy, StoreError> {
    let learnt = learnt(core).await?;
    let moved = match (&learnt.lints, features_of(choice)) {
        (Some(lints), Some(features)) => lints.contributions(&features),
        _ => Vec::new(),
    };
    let query = ListQuery::oldest(50).parent(choice.finding.to_string());
    let found = core.store.list::<ReactionRecord>(&query).await?.items;
    let of_this = found.into_iter().map(|found| found.value).filter(|record| record.decision == choice.id);
    Ok(RankingWhy {
        moved,
        opinions: choice.opinions.clone(),
        reactions: of_this.map(view).collect(),
        seed: choice.seed,
        explored: choice.explored,
        fallback: choice.fallback.clone(),
    })
}

fn view(record: ReactionRecord) -> ReactionView {
    ReactionView {
        reactions: record.reactions.iter().map(|given| word(given.reaction).to_owned()).collect(),
        reward: record.worth.map(|worth| reward(record.chosen, worth)),
        worth: record.worth,
        operator: record.operator,
    }
}

pub(super) const fn word(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Useful => "useful",
        Reaction::Noise => "noise",
        Reaction::Approved => "approved",
        Reaction::Rejected => "rejected",
        Reaction::Acknowledged { .. } => "acknowledged",
        Reaction::Snoozed => "snoozed",
        Reaction::Muted => "muted",
    }
}
