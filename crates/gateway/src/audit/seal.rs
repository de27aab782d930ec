//! Signing the head of the journal's lane, again and again and at the end.

use std::sync::Arc;

use wakeman_store::{Commit, EntityRef, LANE, ListQuery, Seq, SignedHead, Signer, StoreError};

use crate::core::Core;

/// The line of the session log that keeps a signed head outside the database.
pub const SEALED: &str = "audit.sealed";
/// Signed heads kept in the database; older ones prove nothing that the newest does not.
const KEPT: usize = 100;

/// Signs what the journal came to since the last time.
pub struct Seal {
    core: Arc<Core>,
    signer: Signer,
    last: Option<Seq>,
}

impl Seal {
    /// A seal with the instance's key.
    pub fn new(core: Arc<Core>, signer: Signer) -> Self {
        Self { core, signer, last: None }
    }

    /// Signs the head if it moved; it goes into the database and into the session log. True if it did.
    ///
    /// # Errors
    /// [`StoreError`] if the journal could not be read or the head not be stored; the next pass tries again.
    pub async fn pass(&mut self) -> Result<bool, StoreError> {
        let store = &self.core.store;
        let head = store.journal_head(LANE).await?;
        if head.seq == Seq(0) || self.last == Some(head.seq) {
            return Ok(false);
        }
        let signed = self.signer.sign(&head, self.core.now());
        let mut commit = Commit::durable(self.core.now()).put(&signed);
        let old = ListQuery::newest(200).parent(format!("lane-{LANE}"));
        for found in store.list::<SignedHead>(&old).await?.items.iter().skip(KEPT) {
            commit = commit.delete(EntityRef::of(&found.value));
        }
        let _ = store.commit(commit).await?;
        // After the commit: a head in the log that the database never had would look like a truncation.
        tracing::info!(
            journal.lane = signed.lane,
            journal.seq = signed.seq,
            journal.link = signed.link,
            journal.at_ms = signed.at.ms(),
            journal.key = signed.key,
            journal.signature = signed.signature,
            "{SEALED}"
        );
        self.last = Some(head.seq);
        Ok(true)
    }
}
