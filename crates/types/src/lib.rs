//! Wakeman: types.
