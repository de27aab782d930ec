//! When people are told, beside what: quiet hours, the digest of what could wait, what nobody reacted to, and storms.
//!
//! Owns: the rows `storm` and `unanswered`, the checkpoints `digest.*`. Must not: word anything but its own plain lines, send anything.
//! Critical findings are told in quiet hours too; in a storm they are counted in the one message that says so.

mod digest;
mod quiet;
mod storm;
mod unanswered;

use wakeman_store::Commit;
use wakeman_types::{Channel, DeliveryClass, Severity, View};

use crate::{
    core::Core,
    deliver::{in_no_thread, outbox_row, release},
    settle::SettleError,
};

pub(crate) use quiet::{everybody_quiet, is_quiet};
pub(crate) use storm::{foreseen, joined, settled};

/// How many findings within [`STORM_MS`] are told one by one.
const STORM_FROM: usize = 5;
/// What comes within this time belongs together.
const STORM_MS: i64 = 10 * wakeman_types::MINUTE_MS;

/// One look: what waited for the end of quiet hours, digests that are due, findings nobody reacted to, storms that are over.
///
/// # Errors
/// [`SettleError`] if something could not be stored; the next look tries again.
pub async fn pass(core: &Core) -> Result<(), SettleError> {
    release(core).await?;
    digest::pass(core).await?;
    unanswered::pass(core).await?;
    storm::pass(core).await
}

/// Owes `view` to a chat, with `commit`. `key`: the message it is, also when it is told again.
fn owe(
    core: &Core,
    commit: Commit,
    chat: (Channel, String),
    what: (DeliveryClass, Severity),
    said: (View, Option<String>),
) -> Commit {
    commit.send(outbox_row(core, &in_no_thread(core, chat, what, said)))
}
