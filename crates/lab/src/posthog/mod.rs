//! PostHog: queries over the product's events, feature flags, errors, annotations and the activity log.
//!
//! Owns: what PostHog knows beside the events ([`State`]), HogQL over the world's events, the HTTP surface.
//! Must not: recognise a query; whatever it cannot evaluate gets PostHog's own 400.
//! Start at `http` for the routes, then `hogql` for how a query is read and run.

pub(crate) mod events;
mod flags;
mod hogql;
mod http;
mod issues;

use std::collections::BTreeMap;

use serde_json::Value;

pub use flags::{Edit, Flag, Flags, Setting};
pub(crate) use http::router;
pub(crate) use issues::of_scenario as issues_of;
pub use issues::{Frame, Issue};

use crate::Scenario;

/// What PostHog knows beside the events.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Feature flags.
    pub flags: Flags,
    /// Issues of the error tracker.
    pub issues: Vec<Issue>,
    /// Notes on the time line.
    pub annotations: Vec<Annotation>,
    /// Queries run in the background: when, and what came of them.
    background: BTreeMap<String, (i64, Result<Value, String>)>,
}

/// A note on the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its number.
    pub id: u64,
    /// Its text.
    pub content: String,
    /// The instant it marks.
    pub marker_ms: i64,
    /// `project` and so on.
    pub scope: String,
    /// When it was written.
    pub created_ms: i64,
}

impl State {
    pub(crate) fn new(scenario: &Scenario) -> State {
        State { flags: Flags::new(scenario), issues: issues::of_scenario(scenario), ..State::default() }
    }
}
