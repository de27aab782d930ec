//! Wakeman: integrations.
