//! Tests of the binary as people use it, and of the repository as a whole. One test binary: linking is what costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asking;
mod backtest;
mod canaries;
mod chatting;
mod crash;
mod daemon;
mod demo;
mod rules;
mod safe_mode;
mod surfaces;
mod turn_crash;
