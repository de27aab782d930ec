//! The story of one proposal: who saw what, who said yes, what ran, what came of it.

use serde::Serialize;
use serde_json::Value;
use wakeman_store::{JournalEntry, LANE, Seq, Store, StoreError};
use wakeman_types::{Proposal, ProposalId, Timestamp};

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoryLine {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What happened: `proposal.approved`.
    pub event: String,
    /// The details; `None` once they were erased.
    pub payload: Option<Value>,
    /// The entry's link, for who checks it against the chain.
    pub link: String,
}

/// Everything that is known of a proposal, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// The proposal as it stands: what was shown, who decided, what each step came to.
    pub proposal: Proposal,
    /// What happened, in order.
    pub lines: Vec<StoryLine>,
}

/// The story of `id`; `None`: there is no such proposal.
///
/// # Errors
/// [`StoreError`] if it could not be read.
pub async fn story(store: &Store, id: ProposalId) -> Result<Option<Story>, StoreError> {
    let Some(found) = store.get::<Proposal>(&id.to_string()).await? else { return Ok(None) };
    let mut lines = Vec::new();
    let mut from = Seq(1);
    loop {
        let entries = store.journal_of(&id.to_string(), LANE, from, 1000).await?;
        let Some(last) = entries.last() else { break };
        from = Seq(last.seq.0 + 1);
        lines.extend(entries.into_iter().map(line));
    }
    Ok(Some(Story { proposal: found.value, lines }))
}

fn line(entry: JournalEntry) -> StoryLine {
    StoryLine {
        seq: entry.seq.0,
        at: entry.at,
        actor: entry.actor,
        event: entry.event_type,
        payload: entry.payload,
        link: entry.link,
    }
}
