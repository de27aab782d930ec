//! Wakeman: detect.
