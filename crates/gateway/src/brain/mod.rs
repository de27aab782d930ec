//! The brain proper: what a model is asked and how.

pub mod prompts;
