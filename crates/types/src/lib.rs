//! The contract every other crate speaks.
//!
//! Owns: domain objects, ids, the `Gateway` trait, events, view models, wire schema.
//! Must not: do I/O, know a runtime, a database or a clock, or see any other crate of ours.
#![warn(missing_docs)]

mod entity;
mod time;

pub use entity::Entity;
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
