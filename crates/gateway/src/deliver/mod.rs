//! Deliveries: what is owed to whom, and the same words in the thread.
//!
//! Owns: destinations, the outbox rows, the messages of a thread.
//! Must not: send anything. Frontends claim what is owed and confirm it.

mod announce;
mod buttons;
mod frontend;
mod gap;
mod keys;
mod place;
mod route;
mod scrub;
mod thread;

pub use announce::announce;
pub use frontend::{claim, confirm, ready};
pub use place::placed;
pub use thread::{Post, ThreadWriter};
