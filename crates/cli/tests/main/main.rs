//! What a terminal shows, and how a key answers it.

mod asking;
mod edges;
mod frames;
mod kinds;
mod looks;
#[path = "../../../present/tests/main/samples.rs"]
mod samples;
