//! The adapters behind the gateway's ports: PostHog, GitHub, Vercel and LiteLLM as they really answer.
//!
//! Owns: requests, credentials in memory, parsing of answers, the distinction between "did not happen" and "may have happened".
//! Must not: decide anything, keep lasting state, log a key or a body, follow a redirect, retry a call with an effect.
//! Start at [`Posthog`], [`Github`] and [`Litellm`]; [`check_posthog`], [`check_github`] and their like are what `doctor` shows.
#![warn(missing_docs)]

mod calendar;
mod chats;
mod check;
pub mod github;
mod http;
pub mod litellm;
pub mod posthog;
pub mod vercel;
mod webhook;

pub use calendar::Calendars;
pub use chats::{check_discord, check_telegram};
pub use check::{Check, CheckOutcome};
pub use github::{Github, GithubOptions, check_github};
pub use http::{BuildError, Timeouts};
pub use litellm::{Litellm, LitellmOptions, check_litellm};
pub use posthog::{Posthog, PosthogOptions, check_posthog, discover, infer_kind};
pub use vercel::{Vercel, VercelOptions, check_vercel};
pub use webhook::Webhooks;
