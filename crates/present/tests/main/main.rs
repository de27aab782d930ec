//! What people read, and that nothing from outside can make them read something else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod briefs;
mod charts;
mod discord;
mod edges;
mod findings;
mod lists;
mod pictures;
mod proposals;
mod safe;
mod samples;
mod telegram;
mod tips;
mod verbs;

use wakeman_present::{doc, plain};
use wakeman_types::View;

/// The stored text of a view at the samples' time.
fn text(view: View) -> String {
    plain(&doc(&view, &samples::ctx()))
}
