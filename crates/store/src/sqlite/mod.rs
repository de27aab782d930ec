//! The store on SQLite: one writing connection, a few reading ones, all SQL there is.

mod errors;
pub(crate) mod faults;
mod flush;
pub(crate) mod jobs;
mod load;
mod multi;
mod open;
pub(crate) mod read;
pub(crate) mod read_journal;
pub(crate) mod read_outbox;
mod reserve;
mod writer;

pub(crate) use errors::classify;
pub(crate) use jobs::{Job, Op, Ticket};
pub(crate) use open::{Opened, backup, check_whole, open};
pub(crate) use writer::Request;
