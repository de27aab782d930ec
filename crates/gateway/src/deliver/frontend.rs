//! The frontend's two calls: claim what is owed, say what became of it.

use serde_json::json;
use wakeman_store::{Commit, Committed, OutboxUpdate, Outcome};
use wakeman_types::{Channel, ClaimedDelivery, Delivery, DeliveryId, DeliveryReport, ErrorKind, GatewayError};

use crate::{core::Core, desk::storage_error};

/// Tries before a message is put aside for review.
const TRIES_MAX: u32 = 3;
/// How long a channel that is away is left alone.
const AWAY_MS: i64 = 15_000;

/// Leases owed messages of `channel` to the caller for `lease_ms`.
pub async fn claim(
    core: &Core,
    channel: Channel,
    lease_ms: i64,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>, GatewayError> {
    let limit = limit.clamp(1, 100) as usize;
    let lease_ms = lease_ms.clamp(1_000, 600_000);
    let claimed = core
        .store
        .claim(channel.name(), "frontend", lease_ms, core.now(), limit)
        .await
        .map_err(|error| storage_error(&error))?;
    let mut out = Vec::with_capacity(claimed.len());
    for item in claimed {
        match serde_json::from_value::<Delivery>(item.body) {
            Ok(delivery) => out.push(ClaimedDelivery { delivery, epoch: item.epoch, attempt: item.attempt }),
            Err(error) => {
                // Written by a version with other views: put aside with the reason, so the chat's queue moves on.
                let outcome = Outcome::Failed { reason: format!("cannot be read by this version: {error}") };
                settle_delivery(core, &item.id, item.epoch, outcome).await?;
            }
        }
    }
    Ok(out)
}

/// Records what became of a leased message.
pub async fn confirm(core: &Core, id: &DeliveryId, epoch: u64, report: DeliveryReport) -> Result<(), GatewayError> {
    let outcome = match report {
        DeliveryReport::Sent { reference } => Outcome::Sent { receipt: json!({ "reference": reference }) },
        DeliveryReport::Retry { not_before, reason } => match tries(core, id).await? {
            tries if tries >= TRIES_MAX => Outcome::Failed { reason: format!("{reason}; tried {tries} times") },
            _ => Outcome::Retry { not_before, reason },
        },
        DeliveryReport::Unavailable { reason } => {
            Outcome::Unavailable { not_before: core.now().plus_ms(AWAY_MS), reason }
        }
        DeliveryReport::Failed { reason } => Outcome::Failed { reason },
    };
    settle_delivery(core, id.as_str(), epoch, outcome).await
}

async fn tries(core: &Core, id: &DeliveryId) -> Result<u32, GatewayError> {
    let item = core.store.outbox_item(id.as_str()).await.map_err(|error| storage_error(&error))?;
    Ok(item.map_or(TRIES_MAX, |item| item.attempts))
}

async fn settle_delivery(core: &Core, id: &str, epoch: u64, outcome: Outcome) -> Result<(), GatewayError> {
    let update = OutboxUpdate::Confirm { id: id.to_owned(), epoch, outcome };
    match core.store.commit(Commit::new(core.now()).update_outbox(update)).await {
        Ok(Committed::Seq(_)) => Ok(()),
        Ok(Committed::Conflict(conflict)) => Err(GatewayError::new(
            ErrorKind::Conflict,
            format!("this lease of {id} is over ({conflict}); claim again before sending"),
        )),
        Err(error) => Err(storage_error(&error)),
    }
}
