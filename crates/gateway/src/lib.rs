//! The brain, with no chat transport in it.
//!
//! Owns: configuration, watchers, findings, proposals and their approval, execution, verification, deliveries.
//! Must not: name a chat platform's API, read the environment, run an unapproved action.
//! Reaches outside only through [`ports`]; all lasting state goes through the `store` crate.
#![warn(missing_docs)]

pub mod config;
pub mod instance;
pub mod ports;
