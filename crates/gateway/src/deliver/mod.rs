//! Deliveries: what is owed to whom, and the same words in the thread.
//!
//! Owns: destinations, the outbox rows, the messages of a thread.
//! Must not: send anything. Frontends claim what is owed and confirm it.

mod announce;
mod buttons;
mod frontend;
mod gap;
mod held;
mod instead;
mod keys;
mod place;
mod route;
mod scrub;
mod thread;

mod refresh;

pub(crate) use announce::in_no_thread;
pub use announce::{announce, announce_besides};
pub(crate) use buttons::{ButtonRow, button, has_forms};
pub use frontend::{claim, confirm, ready};
pub(crate) use held::release;
pub(crate) use instead::pass_on;
pub(crate) use keys::{details_key, finding_key, proposal_key};
pub use place::placed;
pub(crate) use place::{Place, SentMessage, reply_to_message, turn_key};
pub use refresh::{follow, refresh_card};
pub(crate) use route::{Matter, card_destinations, destinations, fallback, listeners, zone_at, zone_for};
pub use scrub::without_credentials;
pub(crate) use scrub::{cleaned, scrub};
pub(crate) use thread::{PROMPT_VERSION, outbox_row};
pub use thread::{Post, ThreadWriter};
