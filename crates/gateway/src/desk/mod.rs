//! The desk: the `Gateway` trait over this instance, for every surface.
//!
//! Owns: who the caller is and what they may ask. Must not: hold state of its own; everything is in the store.

mod counted;
mod errors;
mod gateway;
mod lists;

pub use gateway::Desk;

pub(crate) use errors::{not_found, settle_error, storage_error};
