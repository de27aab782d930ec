//! Wakeman: cli.
