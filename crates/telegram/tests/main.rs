//! The adapter against the lab's Telegram, over loopback.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod delivering;
mod growing;
mod hearing;
mod numbers;
mod pictures;
#[path = "../../present/tests/main/samples.rs"]
mod samples;
mod storms;
mod support;
