//! What both adapters need of HTTP: how a call can fail, bounded bodies, strict parsing, waiting times.

mod answer;
mod failure;
mod options;
mod pace;

pub(crate) use answer::{At, date_header, is_html, parse, parse_value, retry_after_ms, rfc3339, short};
pub(crate) use failure::Failure;
pub use options::{BuildError, Timeouts};
pub(crate) use options::{base_address, http_client};
pub(crate) use pace::{LIMIT_WAIT_MS, Pace};

/// Longest body that is read; anything longer is refused before it fills the memory.
pub(crate) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the body cap says when it is hit.
pub(crate) fn too_long() -> Failure {
    Failure::Shape { reason: format!("an answer of more than {} MiB", BODY_BYTES_MAX / 1024 / 1024) }
}
