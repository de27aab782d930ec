//! What people say in chats: taken once, answered in order, each with exactly one end.
//!
//! Owns: rows `inbound` and their outcomes. Must not: render anything, know a platform's API, decide what an identity may do.
//! Start at [`accept`] for what an adapter hands over.

mod accept;
mod row;

pub use accept::{accept, checkpoint};
pub use row::{InboundRow, InboundState};
