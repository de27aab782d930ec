//! Wakeman: gateway.
