//! `/api/v1/status` and `/api/v1/whoami`.

use axum::{Extension, Json, extract::State};
use wakeman_types::{StatusView, WhoamiView};

use super::{Answer, Brain};
use crate::access::Caller;

pub(super) async fn status(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<StatusView> {
    Ok(Json(gateway.status(&caller.principal).await?))
}

pub(super) async fn whoami(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<WhoamiView> {
    Ok(Json(gateway.whoami(&caller.principal).await?))
}
