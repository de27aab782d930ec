//! The outbox part of deciding a batch: what an update needs to find, and what it leaves behind.

use crate::outbox::{OutboxUpdate, Outcome};

use super::{Book, Conflict, Ledger, OutboxState, Prepared, text_of};

/// A message as the batch has left it so far.
#[derive(Debug, Clone)]
pub(crate) struct OutboxSlot {
    pub state: OutboxState,
    pub attempts: u32,
    pub epoch: u64,
    pub not_before_ms: i64,
    pub updated_ms: i64,
    pub receipt: Option<String>,
    pub reason: Option<String>,
    /// Whether the batch changed it after it was stored or sent.
    pub changed: bool,
}

impl<'a> Ledger<'a> {
    pub(super) fn draft_outbox(&self, draft: &mut Book<'a>, commit: &'a Prepared) -> Result<(), Conflict> {
        for send in &commit.sends {
            if self.message(draft, &send.id).is_some() {
                return Err(Conflict::OutboxTaken { id: send.id.clone() });
            }
            draft.messages.insert(&send.id, OutboxSlot::pending(send.not_before_ms, commit.at_ms));
        }
        for update in &commit.updates {
            let id = update.id();
            let conflict = |found: String| Conflict::Outbox { id: id.to_owned(), found };
            let slot = self.message(draft, id).ok_or_else(|| conflict("does not exist".into()))?;
            let mut slot = slot.clone();
            slot.apply(update).map_err(conflict)?;
            (slot.updated_ms, slot.changed) = (commit.at_ms, true);
            draft.messages.insert(id, slot);
        }
        Ok(())
    }

    fn message<'b>(&'b self, draft: &'b Book<'a>, id: &str) -> Option<&'b OutboxSlot> {
        draft.messages.get(id).or_else(|| self.book.messages.get(id)).or_else(|| self.known.messages.get(id))
    }
}

impl OutboxSlot {
    fn pending(not_before_ms: i64, at_ms: i64) -> Self {
        Self {
            state: OutboxState::Pending,
            attempts: 0,
            epoch: 0,
            not_before_ms,
            updated_ms: at_ms,
            receipt: None,
            reason: None,
            changed: false,
        }
    }

    /// Makes the change, or says what is so instead.
    fn apply(&mut self, update: &OutboxUpdate) -> Result<(), String> {
        use OutboxState::{Failed, Leased, Pending, Revoked};
        let found = format!("is {}", self.state);
        match update {
            OutboxUpdate::Confirm { epoch, .. } if *epoch != self.epoch => {
                Err(format!("was claimed again: epoch {}, not {epoch}", self.epoch))
            }
            OutboxUpdate::Confirm { outcome, .. } if self.state == Leased => {
                self.settle(outcome);
                Ok(())
            }
            OutboxUpdate::Revoke { reason, .. } if self.state == Pending => {
                (self.state, self.reason) = (Revoked, Some(reason.clone()));
                Ok(())
            }
            OutboxUpdate::Requeue { not_before, .. } if matches!(self.state, Failed | Revoked) => {
                (self.state, self.attempts, self.not_before_ms) = (Pending, 0, not_before.ms());
                Ok(())
            }
            _ => Err(found),
        }
    }

    fn settle(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Sent { receipt } => {
                (self.state, self.receipt, self.reason) = (OutboxState::Sent, Some(text_of(receipt)), None);
            }
            Outcome::Retry { not_before, reason } => self.wait(not_before.ms(), reason),
            Outcome::Failed { reason } => (self.state, self.reason) = (OutboxState::Failed, Some(reason.clone())),
            Outcome::Unavailable { not_before, reason } => {
                self.attempts = self.attempts.saturating_sub(1);
                self.wait(not_before.ms(), reason);
            }
        }
    }

    fn wait(&mut self, not_before_ms: i64, reason: &str) {
        (self.state, self.not_before_ms, self.reason) = (OutboxState::Pending, not_before_ms, Some(reason.to_owned()));
    }
}
