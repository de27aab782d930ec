//! `/api/v1/mode`, `/api/v1/halt`, `/api/v1/resume`.

use axum::{Extension, Json, extract::State};
use serde::Deserialize;
use wakeman_types::{ControlView, ExecutionMode};

use super::{Answer, Brain};
use crate::{access::Caller, extract::Body};

/// Body of `POST /api/v1/mode`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMode {
    /// The mode that shall hold.
    mode: ExecutionMode,
}

/// Body of `POST /api/v1/halt`.
#[derive(Debug, Deserialize)]
pub(super) struct Halt {
    /// Why, in the speaker's words.
    #[serde(default)]
    reason: Option<String>,
}

pub(super) async fn look(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<ControlView> {
    Ok(Json(gateway.control(&caller.principal).await?))
}

pub(super) async fn set_mode(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(body): Body<SetMode>,
) -> Answer<ControlView> {
    Ok(Json(gateway.set_mode(&caller.principal, body.mode).await?))
}

pub(super) async fn halt(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(body): Body<Halt>,
) -> Answer<ControlView> {
    Ok(Json(gateway.halt(&caller.principal, body.reason).await?))
}

pub(super) async fn resume(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<ControlView> {
    Ok(Json(gateway.resume(&caller.principal).await?))
}
