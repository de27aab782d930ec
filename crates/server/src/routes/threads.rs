//! `/api/v1/threads…`.

use axum::{Extension, Json, extract::State};
use wakeman_types::{Page, Thread, ThreadId, ThreadView};

use super::{Answer, Brain, ListQuery};
use crate::{
    access::Caller,
    extract::{Path, Query},
};

pub(super) async fn list(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Answer<Page<Thread>> {
    Ok(Json(gateway.threads(&caller.principal, query.into()).await?))
}

pub(super) async fn messages(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer<ThreadView> {
    let id = ThreadId::new(id);
    Ok(Json(gateway.thread(&caller.principal, &id, query.into()).await?))
}
