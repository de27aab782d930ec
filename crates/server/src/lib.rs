//! Wakeman: server.
