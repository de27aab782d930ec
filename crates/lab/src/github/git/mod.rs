//! A small git: content-addressed objects, branches, diffs and three-way merges.
//!
//! Owns: objects and refs. Must not: know of pull requests, HTTP or scenarios.
//! Object ids are the first 20 bytes of a SHA-256, so that they look like git's but need no SHA-1.

mod diff;
mod history;
mod merge;
mod object;
mod store;

pub(crate) use diff::unified_patch;
pub(crate) use merge::{Conflict, merge_files, merge_trees};
pub(crate) use object::{Commit, FileMode, Flat, Leaf, Node, Oid, Signature};
pub(crate) use store::{FileChange, FileStatus, Store};
