//! Writes that are more than a commit: they look first, inside the same transaction, and answer with what they did.

use futures::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::oneshot;

use crate::{commit::Durability, error::StoreError};

mod claim;
mod lease;
mod number;
mod remove;

pub(crate) use claim::{CLAIMABLE, Claim, HEADS, Lapse};
pub(crate) use lease::{Acquire, Release, Renew};
pub(crate) use number::NextNumber;
pub(crate) use remove::{ErasePayloads, PurgeRows, Scrub};

/// One such write.
pub(crate) trait Op: Send + 'static {
    /// What it answers.
    type Reply: Send + 'static;
    /// What must have happened before it is answered.
    const DURABILITY: Durability = Durability::Normal;
    /// Whether what it removed must not linger in the write-ahead log.
    const SCRUBS: bool = false;

    /// Does it. May be run again from the start if the transaction did not land.
    fn run(&self, conn: &mut SqliteConnection) -> impl Future<Output = Result<Self::Reply, sqlx::Error>> + Send;
}

/// An [`Op`] on its way through the writer, whatever it answers.
pub(crate) trait Job: Send {
    fn durability(&self) -> Durability;
    fn scrubs(&self) -> bool;
    fn run<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), sqlx::Error>>;
    /// Called once, after the transaction landed or failed.
    fn answer(&mut self, landed: Result<(), StoreError>);
}

/// An [`Op`] with the one who waits for its answer.
pub(crate) struct Ticket<O: Op> {
    op: O,
    reply: Option<oneshot::Sender<Result<O::Reply, StoreError>>>,
    done: Option<O::Reply>,
}

impl<O: Op> Ticket<O> {
    pub fn new(op: O) -> (Self, oneshot::Receiver<Result<O::Reply, StoreError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { op, reply: Some(sender), done: None }, receiver)
    }
}

impl<O: Op + Sync> Job for Ticket<O> {
    fn durability(&self) -> Durability {
        O::DURABILITY
    }

    fn scrubs(&self) -> bool {
        O::SCRUBS
    }

    fn run<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            self.done = Some(self.op.run(conn).await?);
            Ok(())
        })
    }

    fn answer(&mut self, landed: Result<(), StoreError>) {
        let outcome = landed.and_then(|()| self.done.take().ok_or(StoreError::Closed));
        if let Some(reply) = self.reply.take() {
            // Nobody may be waiting any more.
            drop(reply.send(outcome));
        }
    }
}
