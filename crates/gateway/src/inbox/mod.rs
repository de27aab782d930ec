//! What people say in chats: taken once, answered in order, each with exactly one end.
//!
//! Owns: rows `inbound`, `chat` and `knock`, the order within a chat, what a message, a press and a reaction mean. Must not: render
//! anything, know a platform's API, decide what an identity may do: that is the desk's.
//! Start at [`accept`] for what an adapter hands over, at [`Inbox::run`] for who works on it.

mod accept;
mod ask;
mod chat;
mod door;
mod end;
mod feedback;
mod press;
mod reason;
mod row;
mod text;
mod verbs;
mod watchman;
mod work;

pub use accept::{accept, checkpoint};
pub use row::{InboundRow, InboundState};
pub use work::Inbox;
