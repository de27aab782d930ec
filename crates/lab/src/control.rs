//! The control plane `/_lab`: the clock, the log of effects, faults and, on request, the truth.

use std::sync::Arc;

use axum::Router;

use crate::Lab;

pub(crate) fn router() -> Router<Arc<Lab>> {
    Router::new()
}
