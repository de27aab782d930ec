//! Tests of the binary as people use it, and of the repository as a whole. One test binary: linking is what costs.

mod daemon;
mod demo;
mod rules;
