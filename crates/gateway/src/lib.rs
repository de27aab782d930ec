//! The brain, with no chat transport in it.
//!
//! Owns: configuration, watchers, findings, proposals and their approval, execution, verification, deliveries, wakeups.
//! Must not: name a chat platform's API, read the environment, run an unapproved action.
//! Reaches outside only through [`ports`]; all lasting state goes through the `store` crate.
//! Start at [`Watch::tick`](watch::Watch::tick) for what it notices, at [`Desk`] for what it can be asked, at
//! [`act::Executor`] for what it does.
#![warn(missing_docs)]

pub mod act;
pub mod audit;
pub mod brain;
pub mod calendar;
pub mod config;
mod core;
mod decode;
mod deliver;
mod desk;
mod findings;
pub mod guard;
mod health;
mod inbox;
pub mod instance;
pub mod modes;
pub mod notify;
mod pairing;
pub mod ports;
pub mod rank;
pub mod retention;
mod settle;
mod shapes;
mod surfaces;
pub mod tools;
pub mod wake;
pub mod watch;

pub use crate::core::{Core, Hands, Readers};
pub use decode::{Mismatch, decode};
pub use deliver::without_credentials;
pub use desk::Desk;
pub use findings::{Detection, Evidence, Look};
pub use guard::Guard;
pub use health::HealthBoard;
pub use inbox::{InboundRow, InboundState, Inbox};
pub use settle::SettleError;
pub use surfaces::Surfaces;
