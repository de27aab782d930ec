//! What each version of a prompt brought: tips, and notes on findings, by what people made of them.

use std::collections::BTreeMap;

use wakeman_ranking::ope::{ALPHA, BettingSequence, Bound};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{FindingId, PromptStat, PromptStatsView, Timestamp};

use super::{
    log::{DECISIONS_MAX, pages},
    rows::ReactionRecord,
    tip,
};
use crate::{brain::Explained, core::Core};

/// What the numbers are, in words.
pub(super) const INTERVAL: &str = "What nobody reacted to is not counted. The mean lies in the interval with a probability of 95 %, however \
                        often you look (Waudby-Smith and Ramdas 2024).";

/// How many were shown, and what was made of those that got a reaction.
#[derive(Default)]
pub(super) struct Brought {
    pub shown: u64,
    pub worth: Vec<(Timestamp, f64)>,
}

impl Brought {
    /// How many got a reaction, the mean of it, and the interval of that mean.
    pub fn summed(mut self) -> (u64, Option<f64>, Bound) {
        self.worth.sort_by_key(|(at, _)| *at);
        let mut sequence = BettingSequence::new(ALPHA);
        self.worth.iter().for_each(|(_, worth)| sequence.observe(*worth));
        let (rewards, sum) = (self.worth.len() as u64, self.worth.iter().map(|(_, worth)| worth).sum::<f64>());
        (rewards, (rewards > 0).then(|| sum / rewards as f64), sequence.bound())
    }
}

/// By prompt and version.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn prompt_stats(core: &Core) -> Result<PromptStatsView, StoreError> {
    let mut all: BTreeMap<String, Brought> = BTreeMap::new();
    for record in tip::log(core).await? {
        let Some(prompt) = record.tip.prompt_version else { continue };
        let brought = all.entry(prompt).or_default();
        brought.shown += 1;
        brought.worth.extend(record.tip.worth.map(|worth| (record.tip.at, worth)));
    }
    let query = ListQuery::newest(0);
    let mut made: BTreeMap<FindingId, Vec<(Timestamp, f64)>> = BTreeMap::new();
    for reaction in pages::<ReactionRecord>(core, query.clone(), DECISIONS_MAX).await? {
        made.entry(reaction.finding).or_default().extend(reaction.worth.map(|worth| (reaction.told_at, worth)));
    }
    for note in pages::<Explained>(core, query, DECISIONS_MAX).await? {
        let Some(prompt) = note.prompt else { continue };
        let brought = all.entry(prompt).or_default();
        brought.shown += 1;
        brought.worth.extend(made.get(&note.finding).into_iter().flatten());
    }
    let prompts = all.into_iter().map(|(label, brought)| stat(&label, brought)).collect();
    Ok(PromptStatsView { prompts, interval: INTERVAL.to_owned(), as_of: core.now() })
}

fn stat(label: &str, brought: Brought) -> PromptStat {
    let (id, version) = label.rsplit_once('/').unwrap_or((label, ""));
    let shown = brought.shown;
    let (rewards, mean, bound) = brought.summed();
    PromptStat {
        id: id.to_owned(),
        version: version.to_owned(),
        shown,
        rewards,
        mean,
        lower: bound.lower,
        upper: bound.upper,
    }
}
