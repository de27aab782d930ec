//! Wakeman: ranking.
