//! The rules of ARCHITECTURE.md that no compiler checks, read off the manifests, sources and documents of the repository.
//!
//! Each test collects every breach before it fails, and each breach names the file and the remedy.

mod crates;
mod documents;
mod source;
mod sources;
mod tidy;
mod workspace;

/// Fails with every breach that was found, one a line.
#[track_caller]
fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}
