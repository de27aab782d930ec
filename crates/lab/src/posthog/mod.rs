//! PostHog: queries over the product's events, flags, errors, annotations and the activity log.

use std::sync::Arc;

use axum::Router;

use crate::{Lab, Scenario};

/// What PostHog knows beside the events.
#[derive(Debug, Clone, Default)]
pub struct State;

impl State {
    pub(crate) fn new(_scenario: &Scenario) -> State {
        State
    }
}

pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
}
