//! The adapter against the lab's Telegram, over loopback.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod delivering;
mod growing;
mod hearing;
mod storms;
mod support;
