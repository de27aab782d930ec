//! Wakeman: client.
