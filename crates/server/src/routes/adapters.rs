//! `/api/v1/adapters/{channel}/…`: what a frontend in a process of its own calls.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use wakeman_types::{Channel, ClaimedDelivery, DeliveryId, DeliveryReport};

use super::{Answer, Brain};
use crate::{
    extract::{Body, Path, Query},
    problem::Problem,
};

/// Query of `GET …/deliveries`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// How long the messages are this frontend's alone, in milliseconds.
    #[serde(default = "default_lease_ms")]
    lease_ms: i64,
    /// How many at most.
    #[serde(default = "default_limit")]
    limit: u32,
}

const fn default_lease_ms() -> i64 {
    60_000
}

const fn default_limit() -> u32 {
    20
}

/// Answer of `GET …/deliveries`.
#[derive(Debug, Serialize)]
pub(super) struct Claimed {
    items: Vec<ClaimedDelivery>,
}

/// Body of `POST …/confirm`.
#[derive(Debug, Deserialize)]
pub(super) struct Confirm {
    /// The lease's epoch.
    epoch: u64,
    /// What became of the message.
    report: DeliveryReport,
}

pub(super) async fn claim(
    State(gateway): Brain,
    Path(channel): Path<String>,
    Query(query): Query<Claim>,
) -> Answer<Claimed> {
    let channel: Channel = channel.parse()?;
    Ok(Json(Claimed { items: gateway.claim_deliveries(channel, query.lease_ms, query.limit).await? }))
}

pub(super) async fn confirm(
    State(gateway): Brain,
    Path((channel, id)): Path<(String, String)>,
    Body(body): Body<Confirm>,
) -> Result<StatusCode, Problem> {
    let _: Channel = channel.parse()?;
    gateway.confirm_delivery(&DeliveryId::new(id), body.epoch, body.report).await?;
    Ok(StatusCode::NO_CONTENT)
}
