//! What every request to a service passes: credentials, outages, faults and the log of effects.

use std::sync::Arc;

use axum::Router;

use crate::Lab;
use crate::scenario::Service;

#[derive(Debug, Default)]
pub(crate) struct Faults;

pub(crate) fn guarded(router: Router<Arc<Lab>>, _service: Service, _lab: &Arc<Lab>) -> Router<Arc<Lab>> {
    router
}
