//! `/api/v1/status`, `/api/v1/whoami` and `/api/v1/pair…`.

use axum::{Extension, Json, extract::State};
use wakeman_types::{PairCode, PairRequest, Pairing, StatusView, UnpairRequest, WhoamiView};

use super::{Answer, Brain};
use crate::{access::Caller, extract::Body};

pub(super) async fn status(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<StatusView> {
    Ok(Json(gateway.status(&caller.principal).await?))
}

pub(super) async fn whoami(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<WhoamiView> {
    Ok(Json(gateway.whoami(&caller.principal).await?))
}

pub(super) async fn pair(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PairRequest>,
) -> Answer<PairCode> {
    Ok(Json(gateway.pair(&caller.principal, request).await?))
}

pub(super) async fn unpair(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(request): Body<UnpairRequest>,
) -> Answer<Pairing> {
    Ok(Json(gateway.unpair(&caller.principal, request).await?))
}
