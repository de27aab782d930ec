//! The client against the real server with a fake gateway, and against sockets that misbehave.
#![allow(clippy::unwrap_used, reason = "a failed step of a test may panic")]

#[allow(dead_code, reason = "shared with the server's tests, which use other parts of it")]
#[path = "../../../server/tests/main/fake.rs"]
mod fake;

mod misbehaving;
mod round_trip;
