//! What was committed, as it happens: a bounded ring that live views tail.

use tokio::sync::broadcast;
use wakeman_types::Timestamp;

use crate::commit::Seq;

/// One journal event that has just been committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedEvent {
    /// Its place in the journal.
    pub seq: Seq,
    /// When, by the committer's clock.
    pub at: Timestamp,
    /// Its type.
    pub event_type: String,
    /// What it is about.
    pub subject: String,
}

/// Why the feed gave no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedEnd {
    /// The reader was too slow; the next call continues with the oldest event still held.
    #[error("{missed} events were missed; read them from the journal")]
    Lagged {
        /// How many events are gone from the ring.
        missed: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Follows committed events from the moment it was made. Never holds the writer up.
#[derive(Debug)]
pub struct CommitFeed(pub(crate) broadcast::Receiver<CommittedEvent>);

impl CommitFeed {
    /// The next event; waits for it.
    pub async fn next(&mut self) -> Result<CommittedEvent, FeedEnd> {
        self.0.recv().await.map_err(|e| match e {
            broadcast::error::RecvError::Lagged(missed) => FeedEnd::Lagged { missed },
            broadcast::error::RecvError::Closed => FeedEnd::Closed,
        })
    }
}
