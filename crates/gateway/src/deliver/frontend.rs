//! The frontend's two calls: claim what is owed, say what became of it.

use serde_json::json;
use wakeman_store::{Commit, Committed, OutboxUpdate, Outcome};
use wakeman_types::{
    Channel, ClaimedDelivery, Delivery, DeliveryClass, DeliveryId, DeliveryReport, ErrorKind, GatewayError, Timestamp,
};

use super::scrub::scrub;
use crate::{core::Core, desk::storage_error};

/// Tries before a message is put aside for review.
const TRIES_MAX: u32 = 3;
/// The first wait after a failed try; twice as long after each further one.
const BACKOFF_MS: i64 = 2_000;
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
    for mut item in claimed {
        // Once more before it leaves: it may have been stored by a version that knew fewer shapes.
        scrub(&mut item.body);
        match serde_json::from_value::<Delivery>(item.body) {
            Ok(delivery) if item.in_doubt && item.attempt > resends(delivery.class) => {
                let outcome = Outcome::Failed { reason: "it may have gone out, and was resent before".to_owned() };
                settle_delivery(core, &item.id, item.epoch, outcome).await?;
            }
            Ok(delivery) => {
                let (epoch, attempt) = (item.epoch, item.attempt);
                out.push(ClaimedDelivery { delivery, epoch, attempt, in_doubt: item.in_doubt });
            }
            Err(error) => {
                // Written by a version with other views: put aside with the reason, so the chat's queue moves on.
                let outcome = Outcome::Failed { reason: format!("cannot be read by this version: {error}") };
                settle_delivery(core, &item.id, item.epoch, outcome).await?;
            }
        }
    }
    Ok(out)
}

/// After how many claims a message in doubt is given up: a card is resent once, an alert and a note as often as any other.
const fn resends(class: DeliveryClass) -> u32 {
    match class {
        DeliveryClass::Card => 2,
        DeliveryClass::Alert | DeliveryClass::Note => TRIES_MAX,
    }
}

/// The next try: not before the channel asked for, and later each time, spread so that chats do not come back at once.
fn next_try(core: &Core, asked: Timestamp, tries: u32) -> Timestamp {
    let wait = BACKOFF_MS << tries.saturating_sub(1).min(6);
    let spread = i64::try_from(core.random.number() % 1_000).unwrap_or(0) * wait / 1_000;
    asked.max(core.now().plus_ms(wait / 2 + spread))
}

/// Records what became of a leased message.
pub async fn confirm(core: &Core, id: &DeliveryId, epoch: u64, report: DeliveryReport) -> Result<(), GatewayError> {
    let outcome = match report {
        DeliveryReport::Sent { reference } => Outcome::Sent { receipt: json!({ "reference": reference }) },
        DeliveryReport::Retry { not_before, reason } => match tries(core, id).await? {
            tries if tries >= TRIES_MAX => Outcome::Failed { reason: format!("{reason}; tried {tries} times") },
            tries => Outcome::Retry { not_before: next_try(core, not_before, tries), reason },
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
