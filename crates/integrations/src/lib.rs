//! The adapters behind the gateway's ports: PostHog and GitHub as they really answer.
//!
//! Owns: requests, credentials in memory, parsing of answers, the distinction between "did not happen" and "may have happened".
//! Must not: decide anything, keep lasting state, log a key or a body, follow a redirect, retry a call with an effect.
//! Start at [`Posthog`]; [`check_posthog`] are what `doctor` shows.
#![warn(missing_docs)]

mod check;
mod http;
pub mod posthog;

pub use check::{Check, CheckOutcome};
pub use http::{BuildError, Timeouts};
pub use posthog::{Posthog, PosthogOptions, check_posthog, discover, infer_kind};
