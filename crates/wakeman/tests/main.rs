//! Tests of the binary as people use it, and of the repository as a whole. One test binary: linking is what costs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asking;
mod backtest;
mod canaries;
mod chatting;
mod crash;
mod daemon;
mod demo;
mod newcomer;
mod rules;
mod safe_mode;
mod served;
mod surfaces;
mod terminal;
mod turn_crash;
mod verbs;
