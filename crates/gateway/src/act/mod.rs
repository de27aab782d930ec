//! Acting: proposals, approvals, the executor, the action catalogue, verification.
//!
//! Owns: every path on which something outside is changed.
//! Must not: run anything without a durable approval of exactly its digest and a durable intent (I2, I3), or call again what is
//! in doubt without the remote's word (I5).
//! Start at [`decide::decide`] for the yes, at [`executor::Executor::pass`] for what follows from it.

mod again;
pub mod approved;
pub mod asked;
pub mod catalogue;
mod chains;
pub mod decide;
mod digest;
pub mod draft;
pub mod executor;
mod expire;
mod follow;
mod late;
pub mod lifecycle;
pub(crate) mod outbound;
mod outside_draft;
mod own_draft;
mod playbook;
mod record;
mod renew;
pub mod review;
mod supersede;
pub mod verify;
mod wish;
mod withdraw;

pub use again::announce_waiting;
pub use approved::Approved;
pub(crate) use decide::rule_of;
pub use decide::{DecideError, decide};
pub use digest::digest;
pub use executor::Executor;
pub use expire::expire;
pub(crate) use renew::renew_for;
pub use renew::{Renewed, renew};
pub(crate) use supersede::supersede;
pub(crate) use withdraw::{Gone, withdraw};
