//! The adapter against the lab's Discord, with a gateway that remembers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deliveries;
mod desk;
mod inbound;
mod kills;
#[path = "../../present/tests/main/samples.rs"]
mod samples;
mod sessions;
mod storms;
mod world;
