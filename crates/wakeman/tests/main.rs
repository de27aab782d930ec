//! Tests of the repository as a whole. One binary: linking is what costs.

mod rules;
