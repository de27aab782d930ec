//! `/api/v1/adapters/{channel}/…`: what a frontend in a process of its own calls.

use axum::{
    Json,
    body::Body as HttpBody,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use wakeman_types::{Accepted, Channel, ClaimedDelivery, DeliveryId, DeliveryReport, FrontendHealth, Inbound};

use super::{
    Answer, Brain,
    chat::{LINES, lines},
};
use crate::{
    extract::{Body, Path, Query},
    problem::Problem,
};

/// Longest wait for something to send in one request, in milliseconds: well below a request's own limit.
const READY_MS_MAX: i64 = 10_000;

/// Body of `POST …/inbound`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// What the platform told, in its order.
    items: Vec<Inbound>,
    /// The platform's offset after it.
    #[serde(default)]
    checkpoint: Option<String>,
}

/// Answer of `GET …/checkpoint`.
#[derive(Debug, Serialize)]
pub(super) struct Offset {
    checkpoint: Option<String>,
}

/// Body of `POST …/placed`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placed {
    chat: String,
    key: String,
    reference: String,
}

/// Query of `GET …/ready`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    wait_ms: i64,
}

pub(super) async fn inbound(
    State(gateway): Brain,
    Path(channel): Path<String>,
    Body(batch): Body<Batch>,
) -> Answer<Accepted> {
    let channel: Channel = channel.parse()?;
    Ok(Json(gateway.accept_inbound(channel, batch.items, batch.checkpoint).await?))
}

pub(super) async fn checkpoint(State(gateway): Brain, Path(channel): Path<String>) -> Answer<Offset> {
    Ok(Json(Offset { checkpoint: gateway.checkpoint(channel.parse()?).await? }))
}

/// What happens in the chats, a line an event, until either side ends it.
pub(super) async fn live(State(gateway): Brain, Path(channel): Path<String>) -> Result<Response, Problem> {
    let events = gateway.live(channel.parse()?).await?;
    let mut response = HttpBody::from_stream(lines(events)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    Ok(response)
}

pub(super) async fn placed(
    State(gateway): Brain,
    Path(channel): Path<String>,
    Body(placed): Body<Placed>,
) -> Result<StatusCode, Problem> {
    gateway.placed(channel.parse()?, &placed.chat, &placed.key, &placed.reference).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn health(
    State(gateway): Brain,
    Path(channel): Path<String>,
    Body(health): Body<FrontendHealth>,
) -> Result<StatusCode, Problem> {
    gateway.report_health(channel.parse()?, health).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn ready(
    State(gateway): Brain,
    Path(channel): Path<String>,
    Query(query): Query<Ready>,
) -> Result<StatusCode, Problem> {
    gateway.deliveries_ready(channel.parse()?, query.wait_ms.clamp(0, READY_MS_MAX)).await?;
    Ok(StatusCode::NO_CONTENT)
}

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
#[serde(deny_unknown_fields)]
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
