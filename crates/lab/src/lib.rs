//! Wakeman: lab.
