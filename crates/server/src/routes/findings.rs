//! `/api/v1/findings…`.

use axum::{Extension, Json, extract::State};
use serde::Deserialize;
use wakeman_types::{FeedbackView, Finding, FindingView, Mute, Page, WhyView};

use super::{Answer, Brain, ListQuery};
use crate::{
    access::Caller,
    extract::{Body, Path, Query},
};

/// Body of `POST …/snooze`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Snooze {
    /// How long, in milliseconds.
    duration_ms: i64,
}

/// Body of `POST …/mute`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MuteFor {
    /// How long, in milliseconds; absent: a week.
    #[serde(default)]
    duration_ms: Option<i64>,
}

/// Body of `POST …/feedback`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feedback {
    /// Whether being told was useful; else it was noise.
    pub useful: bool,
}

pub(super) async fn list(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Answer<Page<Finding>> {
    Ok(Json(gateway.findings(&caller.principal, query.into()).await?))
}

pub(super) async fn one(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<FindingView> {
    Ok(Json(gateway.finding(&caller.principal, id.parse()?).await?))
}

pub(super) async fn why(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<WhyView> {
    Ok(Json(gateway.why(&caller.principal, id.parse()?).await?))
}

pub(super) async fn acknowledge(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<Finding> {
    Ok(Json(gateway.acknowledge(&caller.principal, id.parse()?).await?))
}

pub(super) async fn snooze(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(body): Body<Snooze>,
) -> Answer<Finding> {
    Ok(Json(gateway.snooze(&caller.principal, id.parse()?, body.duration_ms).await?))
}

pub(super) async fn resolve(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<Finding> {
    Ok(Json(gateway.resolve(&caller.principal, id.parse()?).await?))
}

pub(super) async fn mute(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(body): Body<MuteFor>,
) -> Answer<Mute> {
    Ok(Json(gateway.mute(&caller.principal, id.parse()?, body.duration_ms).await?))
}

pub(super) async fn unmute(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<Finding> {
    Ok(Json(gateway.unmute(&caller.principal, id.parse()?).await?))
}

pub(super) async fn feedback(
    State(gateway): Brain,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(body): Body<Feedback>,
) -> Answer<FeedbackView> {
    Ok(Json(gateway.feedback(&caller.principal, id.parse()?, body.useful).await?))
}
