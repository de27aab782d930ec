//! How long what is stored is kept: each class of data has its time, and goes when that is over.
//!
//! Owns: the table below. Must not: touch what is still under way, the journal (it is erased payload by payload, see
//! `rank::forget`), conversations, proposals and what is learnt: those are kept.

use wakeman_store::{Purge, StoreError};
use wakeman_types::DAY_MS;

use crate::core::Core;

/// Rows that go in one step, so that nobody waits long behind it.
const STEP: usize = 500;

/// A class of data and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its kind in the store.
    pub kind: &'static str,
    /// Only rows in this state; `None`: whatever their state.
    pub state: Option<&'static str>,
    /// Days after which it goes.
    pub days: i64,
    /// What its sort key counts, as parts of a millisecond.
    per_ms: i64,
}

/// A month: what was said in a chat, once it is in its conversation.
const MONTH: i64 = 30;
/// A quarter: what a brief, a cause or a look back needs.
const QUARTER: i64 = 90;
/// A year and a month: what is judged by the season.
const YEAR: i64 = 400;
/// How long it is known why a finding was told as it was.
pub(crate) const DECISION_DAYS: i64 = YEAR;

const fn kept(kind: &'static str, state: Option<&'static str>, days: i64) -> Kept {
    Kept { kind, state, days, per_ms: 1 }
}

/// What came in from a chat and has its end. Its order counts microseconds.
const fn came_in(state: &'static str) -> Kept {
    Kept { kind: "inbound", state: Some(state), days: MONTH, per_ms: 1_000 }
}

/// Every class that goes by itself.
pub const CLASSES: [Kept; 23] = [
    kept("change", None, QUARTER),
    kept("occurrence", None, QUARTER),
    kept("calendar", None, QUARTER),
    kept("explained", None, QUARTER),
    kept("spent", None, QUARTER),
    kept("storm", None, QUARTER),
    kept("unanswered", None, QUARTER),
    kept("place", None, QUARTER),
    kept("sent", None, QUARTER),
    kept("button", None, QUARTER),
    kept("turn", Some("answered"), YEAR),
    kept("turn", Some("failed"), YEAR),
    kept("turn", Some("stopped"), YEAR),
    kept("turn", Some("interrupted"), YEAR),
    kept("choice", None, DECISION_DAYS),
    kept("reaction", None, YEAR),
    kept("tip", None, YEAR),
    came_in("answered"),
    came_in("done"),
    came_in("refused"),
    came_in("ignored"),
    came_in("failed"),
    came_in("interrupted"),
];
/// Messages that went out, or never will.
pub const OUTBOX_DAYS: i64 = MONTH;

/// Removes what is past its time; how many rows that were.
///
/// # Errors
/// [`StoreError`]: what is left goes the next time.
pub async fn pass(core: &Core) -> Result<u64, StoreError> {
    let now = core.now();
    let before = |days: i64| now.plus_ms(-days * DAY_MS).ms();
    let rows = CLASSES.iter().map(|class| Purge::Rows {
        kind: class.kind.into(),
        state: class.state.map(Into::into),
        sort_key_below: before(class.days).saturating_mul(class.per_ms),
    });
    let mut gone = 0;
    for purge in rows.chain([Purge::Outbox { updated_before_ms: before(OUTBOX_DAYS) }]) {
        loop {
            let step = core.store.purge(purge.clone(), STEP).await?;
            gone += step;
            if step < STEP as u64 {
                break;
            }
        }
    }
    if gone > 0 {
        tracing::info!(retention.rows = gone, "retention.purged");
    }
    Ok(gone)
}
