//! The `Gateway` trait over the daemon's HTTP API: a terminal or a frontend talks to a running instance as to its own.
//!
//! Owns: the client's side of the routes, its timeouts, the words for a daemon that does not answer.
//! Must not: decide anything, keep state beyond the leases it was handed, see any other crate of ours than `types`.
//! Start at [`SocketClient::connect`].
#![warn(missing_docs)]

mod claims;
mod connect;
mod events;
mod gateway;
mod wire;

pub use connect::{ConnectError, SocketClient};
