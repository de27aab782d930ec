//! Wakeman: store.
