//! Wakeups: a schedule with a prompt, and the brief that is told at each due slot.
//!
//! Owns: the rows `wakeup` (how far each schedule is settled), `occurrence` and `wakeup_overlay` (what was set at run time over the
//! file, which is never rewritten). Must not: call a model (that is behind
//! [`Briefer`]), word anything (that is `present`).
//! Guarantee: every slot that is due while its entry is in the file ends as exactly one row, `ran`, `skipped` or `missed`, with
//! the reason, whatever the clock or the process does. A claim and the step of the cursor are one commit; so are the end and
//! what is said.
//! Start at [`Wake::pass`]; [`schedule`] is pure.

mod brief;
mod clock;
mod facts;
mod order;
mod overlay;
mod pass;
pub mod phrase;
pub mod schedule;
mod state;
mod tips;
mod view;

pub use brief::{Briefer, WakeAnswer, WakeAsk, WakeError, WakePrompt};
pub use order::order;
pub(crate) use overlay::Effective;
pub use overlay::{AddedWakeup, WakeupChange, WakeupOverlay, effective, id_of, set};
pub use pass::Wake;
pub(crate) use view::{next_wakeup, wakeup_views};
