//! `/api/v1/wakeups…`.

use axum::{Extension, Json, extract::State};
use wakeman_types::{Occurrence, Page, WakeupOrder, WakeupView};

use super::{Answer, Brain, ListQuery};
use crate::{
    access::Caller,
    extract::{Body, Query},
};

pub(super) async fn list(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<Vec<WakeupView>> {
    Ok(Json(gateway.wakeups(&caller.principal).await?))
}

pub(super) async fn order(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(order): Body<WakeupOrder>,
) -> Answer<WakeupView> {
    Ok(Json(gateway.order_wakeup(&caller.principal, order).await?))
}

pub(super) async fn history(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Answer<Page<Occurrence>> {
    Ok(Json(gateway.wakeup_history(&caller.principal, query.into()).await?))
}
