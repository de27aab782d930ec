//! Wakeups: a schedule with a prompt, and the brief that is told at each due slot.
//!
//! Owns: the rows `wakeup` (how far each schedule is settled) and `occurrence`. Must not: call a model (that is behind
//! [`Briefer`]), word anything (that is `present`).
//! Guarantee: every slot that is due while its entry is in the file ends as exactly one row, `ran`, `skipped` or `missed`, with
//! the reason, whatever the clock or the process does. A claim and the step of the cursor are one commit; so are the end and
//! what is said.
//! Start at [`Wake::pass`]; [`schedule`] is pure.

mod brief;
mod facts;
mod pass;
pub mod schedule;
mod state;
mod view;

pub use brief::{Briefer, WakeAnswer, WakeAsk, WakeError, WakePrompt};
pub use pass::Wake;
pub(crate) use view::{next_wakeup, wakeup_views};
