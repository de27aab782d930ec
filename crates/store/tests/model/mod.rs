//! Random commits against a model in memory.
