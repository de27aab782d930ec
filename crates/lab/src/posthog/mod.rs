//! PostHog: queries over the product's events, feature flags, errors, annotations and the activity log.
//!
//! Owns: what PostHog knows beside the events ([`State`]), HogQL over the world's events, the HTTP surface.
//! Must not: recognise a query; whatever it cannot evaluate gets PostHog's own 400.
//! Start at [`router`], then `hogql` for how a query is read and run.

pub(crate) mod events;
mod flags;
mod hogql;
mod issues;

use std::sync::Arc;

use axum::Router;

pub use flags::{Edit, Flag, Flags, Setting};
pub(crate) use issues::of_scenario as issues_of;
pub use issues::{Frame, Issue};

use crate::{Lab, Scenario};

/// What PostHog knows beside the events.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Feature flags.
    pub flags: Flags,
    /// Issues of the error tracker.
    pub issues: Vec<Issue>,
}

impl State {
    pub(crate) fn new(scenario: &Scenario) -> State {
        State { flags: Flags::new(scenario), issues: issues::of_scenario(scenario) }
    }
}

pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
}
