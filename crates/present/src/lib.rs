//! Wakeman: present.
