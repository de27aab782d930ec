//! "Why was I told this?": what moved the score, what every policy would have done, what was made of it.

use std::{cmp::Reverse, collections::BTreeMap};

use wakeman_ranking::reward::{Reaction, reward};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{ChoiceRecord, RankingWhy, ReactionView};

use super::{
    mixture::learnt,
    rate::of_source,
    rows::{ReactionRecord, features_of},
};
use crate::core::Core;

/// What stands behind a decision.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn behind(core: &Core, choice: &ChoiceRecord) -> Result<RankingWhy, StoreError> {
    let learnt = learnt(core).await?;
    let features = features_of(choice);
    let moved = match (&learnt.lints, &features) {
        (Some(lints), Some(features)) => lints.contributions(features),
        _ => Vec::new(),
    };
    let history = match features.and_then(|features| features.get("source")) {
        Some(source) => counted(&of_source(core, source).await?),
        None => Vec::new(),
    };
    let query = ListQuery::oldest(50).parent(choice.finding.to_string());
    let found = core.store.list::<ReactionRecord>(&query).await?.items;
    let of_this = found.into_iter().map(|found| found.value).filter(|record| record.decision == choice.id);
    Ok(RankingWhy {
        moved,
        opinions: choice.opinions.clone(),
        reactions: of_this.map(view).collect(),
        rewards: learnt.rewards,
        history,
        seed: choice.seed,
        explored: choice.explored,
        fallback: choice.fallback.clone(),
    })
}

/// How often each word was said of these, the most frequent first.
fn counted(records: &[ReactionRecord]) -> Vec<(String, u64)> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records {
        *all.entry(record.decisive().map_or("without a reaction", word)).or_default() += 1;
    }
    let mut all: Vec<(String, u64)> = all.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    all.sort_by_key(|(_, count)| Reverse(*count));
    all
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
