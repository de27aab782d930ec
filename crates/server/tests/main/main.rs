//! The server over real sockets, with a fake gateway behind it.
#![allow(clippy::unwrap_used, reason = "a failed step of a test may panic")]

#[allow(dead_code, reason = "shared with the unit tests and the client's tests, which use other parts of it")]
mod fake;
#[allow(dead_code, reason = "shared with the unit tests, which use other parts of it")]
mod http;
mod socket;
mod tcp;
