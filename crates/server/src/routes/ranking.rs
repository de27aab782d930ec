//! `/api/v1/ranking…`.

use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use wakeman_types::{
    FeaturesView, ForgottenView, LearntRequest, LearntStatsView, OperatorId, PromoteRequest, PromotionView,
    PromptStatsView, ProposalView, RankingView, ScoresView, Tip, TipView, TipWhyView,
};

use super::{Answer, Brain, findings::Feedback};
use crate::{
    access::Caller,
    extract::{Body, Path, Query},
};

/// Whose; absent: everybody's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    #[serde(default)]
    operator: Option<OperatorId>,
}

/// Whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    operator: OperatorId,
}

/// How many states were reset.
#[derive(Debug, Serialize)]
pub(super) struct Reset {
    reset: u32,
}

pub(super) async fn status(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<RankingView> {
    Ok(Json(gateway.ranking(&caller.principal).await?))
}

pub(super) async fn scores(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<LearntRequest>,
) -> Answer<ScoresView> {
    Ok(Json(gateway.ranking_scores(&caller.principal, query).await?))
}

pub(super) async fn stats(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<LearntRequest>,
) -> Answer<LearntStatsView> {
    Ok(Json(gateway.ranking_stats(&caller.principal, query).await?))
}

pub(super) async fn features(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<LearntRequest>,
) -> Answer<FeaturesView> {
    Ok(Json(gateway.ranking_features(&caller.principal, query).await?))
}

pub(super) async fn promote(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(body): Body<PromoteRequest>,
) -> Answer<ProposalView> {
    Ok(Json(gateway.promote(&caller.principal, body).await?))
}

pub(super) async fn rollback(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<PromotionView> {
    Ok(Json(gateway.rollback(&caller.principal).await?))
}

pub(super) async fn reset(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(body): Body<Whose>,
) -> Answer<Reset> {
    Ok(Json(Reset { reset: gateway.reset_ranking(&caller.principal, body.operator).await? }))
}

pub(super) async fn forget(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Body(body): Body<Whom>,
) -> Answer<ForgottenView> {
    Ok(Json(gateway.forget(&caller.principal, body.operator).await?))
}

pub(super) async fn recommend(State(gateway): Brain, Extension(caller): Extension<Caller>) -> Answer<TipView> {
    Ok(Json(gateway.tip(&caller.principal).await?))
}

pub(super) async fn tip_feedback(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(body): Body<Feedback>,
) -> Answer<Tip> {
    Ok(Json(gateway.tip_feedback(&caller.principal, id.parse()?, body.useful).await?))
}

pub(super) async fn tip_why(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<TipWhyView> {
    Ok(Json(gateway.tip_why(&caller.principal, id.parse()?).await?))
}

pub(super) async fn prompt_stats(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
) -> Answer<PromptStatsView> {
    Ok(Json(gateway.prompt_stats(&caller.principal).await?))
}
