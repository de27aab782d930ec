//! Where everything lasting lives.
//!
//! Owns: the database file, its migrations, the journal's hash chain, the outbox, leases, checkpoints, numbers.
//! Must not: know what a finding or a proposal means, send anything, read a clock or a random source, let SQL out.
//! Start at [`Store::commit`]: one [`Commit`] is rows, journal events, outbox and checkpoints together, or nothing.
//!
//! One task writes. It takes every commit that waits, checks them one after the other against what is stored (the pure
//! `plan` module), writes those that hold in one transaction, and answers all of them after the one fsync.
#![warn(missing_docs)]

mod audit;
pub mod canonical;
mod commit;
pub mod crash;
mod error;
mod feed;
mod journal;
mod lease;
mod outbox;
mod plan;
mod prepare;
mod query;
mod row;
mod sign;
mod sqlite;
mod store;

pub use audit::Audit;
pub use commit::{Checkpoint, Commit, Committed, Conflict, Durability, Seq};
pub use error::StoreError;
pub use feed::{CommitFeed, CommittedEvent, FeedEnd};
pub use journal::{
    BadEntry, ChainVerifier, Erase, FIRST_PREVIOUS_LINK, JournalEntry, JournalEvent, JournalHead, LANE, Verdict,
};
pub use lease::{Fence, Lease};
pub use outbox::{ClaimedDelivery, OutboxItem, OutboxRow, OutboxState, OutboxUpdate, Outcome};
pub use query::{Cursor, ListQuery, Order, Page, Purge};
pub use row::{EntityRef, Row, Version, Versioned};
pub use sign::{SignedHead, Signer, public_path};
#[cfg(any(test, feature = "failpoints"))]
pub use sqlite::faults::Fault;
pub use store::{Mode, Options, Store};
