//! The watch: polls the sources, turns what they say into detections, keeps findings up to date.
//!
//! Owns: polling, back-off, what is *unknown*, the detectors' state (rebuilt from the source after a restart).
//! Must not: decide who hears of it (`findings`), act on anything (`act`), take silence for zero or for recovery.
//! Start at [`Watch::tick`].

mod backoff;
mod code;
mod errors;
mod lag;
mod metric;
mod metrics;
mod product;
mod tick;

pub use backoff::Backoff;
pub use tick::Watch;

pub(crate) use metric::detector_kind;
