//! Findings: one problem, one record, from the first sign to the end.
//!
//! Owns: fingerprints, merging, likely causes, whether to interrupt, the repair that is staged, acknowledge/snooze/resolve.
//! Must not: poll anything, send anything, act on anything.
//! Start at [`keep::report`] for what the watch saw, at [`verbs`] for what an operator says.

mod attempts;
mod causes;
mod detection;
pub(crate) mod interrupt;
pub mod keep;
mod look;
mod related;
pub mod repair;
pub mod verbs;
mod why;
mod words;

pub use causes::Evidence;
pub use detection::Detection;
pub(crate) use interrupt::interruptions_since;
pub use look::Look;
pub(crate) use why::why;
