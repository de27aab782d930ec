//! `/api/v1/proposals…`.

use axum::{Extension, Json, extract::State};
use wakeman_types::{DecisionRequest, Page, Proposal, ProposalView, ResolveRequest};

use super::{Answer, Brain, ListQuery};
use crate::{
    access::Caller,
    extract::{Body, Path, Query},
};

pub(super) async fn list(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Answer<Page<Proposal>> {
    Ok(Json(gateway.proposals(&caller.principal, query.into()).await?))
}

pub(super) async fn one(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<ProposalView> {
    Ok(Json(gateway.proposal(&caller.principal, id.parse()?).await?))
}

pub(super) async fn decide(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(request): Body<DecisionRequest>,
) -> Answer<Proposal> {
    Ok(Json(gateway.decide(&caller.principal, id.parse()?, request).await?))
}

pub(super) async fn renew(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<ProposalView> {
    Ok(Json(gateway.renew(&caller.principal, id.parse()?).await?))
}

pub(super) async fn resolve(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(request): Body<ResolveRequest>,
) -> Answer<Proposal> {
    Ok(Json(gateway.resolve_proposal(&caller.principal, id.parse()?, request).await?))
}
