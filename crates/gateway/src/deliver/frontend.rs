//! The frontend's two calls: claim what is owed, say what became of it.

use serde_json::json;
use wakeman_store::{ClaimedDelivery as Leased, Commit, Committed, OutboxUpdate, Outcome, StoreError};
use wakeman_types::{
    Channel, ClaimedDelivery, Delivery, DeliveryClass, DeliveryId, DeliveryReport, ErrorKind, GatewayError, HOUR_MS,
    MINUTE_MS, NoticeView, Timestamp, View,
};

use super::{
    buttons::issue,
    gap::{Turn, begins, ends, turn},
    instead::instead,
    place::{place_of, reference_of, stands},
    refresh::is_outdated,
    route::zone_at,
    scrub::scrub,
};
use crate::{core::Core, desk::storage_error};

/// Tries before a message is put aside for review.
const TRIES_MAX: u32 = 3;
/// The first wait after a failed try; twice as long after each further one.
const BACKOFF_MS: i64 = 2_000;
/// How long a channel that is away is left alone.
const AWAY_MS: i64 = 15_000;
/// How long a platform may ask to wait.
const BUSY_MS_MAX: i64 = HOUR_MS;
/// Messages in a row that are settled without being sent before the channel is asked to come again.
const UNSAID_MAX: usize = 100;
/// Longest wait for something to send.
const READY_MS_MAX: i64 = MINUTE_MS;

/// Leases owed messages of `channel` to the caller for `lease_ms`.
pub async fn claim(
    core: &Core,
    channel: Channel,
    lease_ms: i64,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>, GatewayError> {
    let limit = limit.clamp(1, 100) as usize;
    let lease_ms = lease_ms.clamp(1_000, 600_000);
    // What is settled here without being sent makes room for what stands behind it in its chat.
    for _ in 0..UNSAID_MAX {
        let claimed = core.store.claim(channel.name(), "frontend", lease_ms, core.now(), limit).await;
        let claimed = claimed.map_err(|error| storage_error(&error))?;
        let none_left = claimed.is_empty();
        let out = all_taken(core, claimed).await;
        if none_left || !out.is_empty() {
            return Ok(out);
        }
    }
    Ok(Vec::new())
}

/// The leased messages as the channel gets them. One that fails keeps no other.
async fn all_taken(core: &Core, claimed: Vec<Leased>) -> Vec<ClaimedDelivery> {
    let mut out = Vec::with_capacity(claimed.len());
    for item in claimed {
        let (id, epoch) = (item.id.clone(), item.epoch);
        match taken(core, item).await {
            Ok(delivery) => out.extend(delivery),
            Err(error) => {
                // The others are leased too, and somebody waits for them.
                tracing::error!(%error, delivery.id = id, "deliver.claim");
                let outcome =
                    Outcome::Unavailable { not_before: core.now().plus_ms(BACKOFF_MS), reason: error.message };
                if let Err(error) = settle_delivery(core, &id, epoch, outcome).await {
                    tracing::error!(%error, delivery.id = id, "deliver.give_back");
                }
            }
        }
    }
    out
}

/// One leased message as the channel gets it; `None`: nothing is sent of it.
async fn taken(core: &Core, mut item: Leased) -> Result<Option<ClaimedDelivery>, GatewayError> {
    // Once more before it leaves: it may have been stored by a version that knew fewer shapes.
    scrub(&core.guard, &mut item.body);
    let mut delivery = match serde_json::from_value::<Delivery>(item.body) {
        Ok(delivery) => delivery,
        Err(error) => {
            // Written by a version with other views: put aside with the reason, so the chat's queue moves on.
            let outcome = Outcome::Failed { reason: format!("cannot be read by this version: {error}") };
            return settle_delivery(core, &item.id, item.epoch, outcome).await.map(|()| None);
        }
    };
    if item.in_doubt && item.attempt > resends(delivery.class) {
        let reason = "it may have gone out, and was resent before".to_owned();
        return given_up(core, Some(delivery), &item.id, item.epoch, reason).await.map(|()| None);
    }
    if is_outdated(core, &delivery).await.map_err(|error| storage_error(&error))? {
        let outcome = Outcome::Sent { receipt: json!({"unsaid": "a later edit follows"}) };
        return settle_delivery(core, &item.id, item.epoch, outcome).await.map(|()| None);
    }
    match turn(core, &delivery).await.map_err(|error| storage_error(&error))? {
        Turn::Other => {}
        Turn::Tell(text) => delivery.view = View::Notice(NoticeView { text }),
        Turn::Drop => {
            let outcome = Outcome::Sent { receipt: json!({"unsaid": "it was away for a moment"}) };
            let commit = over(core, Commit::new(core.now()), &delivery).await?;
            return settle_with(core, commit, &item.id, item.epoch, outcome).await.map(|()| None);
        }
    }
    let (epoch, attempt, in_doubt) = (item.epoch, item.attempt, item.in_doubt);
    let placed = place(core, delivery).await.map_err(|error| storage_error(&error))?;
    Ok(Some(ClaimedDelivery { epoch, attempt, in_doubt, ..placed }))
}

/// Puts a message aside for good: what must be heard is owed elsewhere with it.
async fn given_up(
    core: &Core,
    delivery: Option<Delivery>,
    id: &str,
    epoch: u64,
    reason: String,
) -> Result<(), GatewayError> {
    let mut commit = Commit::new(core.now());
    if let Some(delivery) = delivery {
        tracing::warn!(delivery.id = id, channel = %delivery.channel, reason, "deliver.given_up");
        commit = instead(core, commit, &delivery).await.map_err(|error| storage_error(&error))?;
        commit = over(core, commit, &delivery).await?;
    }
    settle_with(core, commit, id, epoch, Outcome::Failed { reason }).await
}

/// Adds to `commit`, which ends `delivery`, the end of the absence that it tells of.
async fn over(core: &Core, commit: Commit, delivery: &Delivery) -> Result<Commit, GatewayError> {
    ends(core, commit, delivery).await.map_err(|error| storage_error(&error))
}

/// A delivery with the message it edits, the one it replies to, and its buttons.
async fn place(core: &Core, delivery: Delivery) -> Result<ClaimedDelivery, StoreError> {
    let at = (delivery.channel, delivery.chat.as_str());
    let zone = zone_at(core, at.0, at.1);
    let reply_to = match &delivery.reply_key {
        Some(key) => reference_of(core, at, key).await?,
        None => None,
    };
    let (edit, edit_more) = match &delivery.key {
        Some(key) => place_of(core, at, key).await?.map(|place| (place.reference, place.more)).unzip(),
        None => (None, None),
    };
    let edit_more = edit_more.unwrap_or_default();
    let (commit, buttons) = issue(core, Commit::new(core.now()), &delivery).await?;
    if !commit.rows.is_empty() {
        // Unconditional, so that it cannot conflict: rows of references nobody was shown yet.
        core.store.commit(commit).await.map(drop)?;
    }
    let mut delivery = delivery;
    if let View::Status(status) = &mut delivery.view {
        // It names its zone, and that is the one of whoever asked, wherever they did.
        zone.name().clone_into(&mut status.timezone);
    }
    let timezone = Some(zone.name().to_owned());
    Ok(ClaimedDelivery {
        delivery,
        epoch: 0,
        attempt: 0,
        in_doubt: false,
        edit,
        edit_more,
        reply_to,
        buttons,
        timezone,
    })
}

/// Resolves once something may be claimable on `channel`, or after `wait_ms`.
///
/// # Errors
/// Storage errors; the store was closed.
pub async fn ready(core: &Core, channel: Channel, wait_ms: i64) -> Result<(), GatewayError> {
    let until = core.now().plus_ms(wait_ms.clamp(0, READY_MS_MAX));
    let mut changes = core.store.outbox_changes();
    loop {
        changes.mark_unchanged();
        let due = core.store.next_due(channel.name()).await.map_err(|error| storage_error(&error))?;
        let now = core.now();
        if now >= until || due.is_some_and(|due| due <= now) {
            return Ok(());
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                return Err(GatewayError::new(ErrorKind::Unavailable, "the instance is being closed; try again later"));
            },
            () = core.clock.sleep_until(due.map_or(until, |due| due.min(until))) => {}
        }
    }
}

/// After how many claims a message in doubt is given up: a card is resent once, an alert and a note as often as any other.
pub(super) const fn resends(class: DeliveryClass) -> u32 {
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
    let mut commit = Commit::new(core.now());
    let outcome = match report {
        DeliveryReport::Sent { reference } => {
            commit = arrived(core, commit, id, reference.as_slice()).await?;
            Outcome::Sent { receipt: json!({ "reference": reference }) }
        }
        DeliveryReport::SentInParts { references } => {
            commit = arrived(core, commit, id, &references).await?;
            Outcome::Sent { receipt: json!({ "reference": references.first(), "parts": references.len() }) }
        }
        DeliveryReport::Retry { not_before, reason } => match tries(core, id).await? {
            tries if tries >= TRIES_MAX => {
                let reason = format!("{reason}; tried {tries} times");
                return given_up(core, delivered(core, id).await?, id.as_str(), epoch, reason).await;
            }
            tries => Outcome::Retry { not_before: next_try(core, not_before, tries), reason },
        },
        DeliveryReport::Busy { not_before, reason } => {
            let not_before = not_before.max(core.now()).min(core.now().plus_ms(BUSY_MS_MAX));
            Outcome::Unavailable { not_before, reason }
        }
        DeliveryReport::Unavailable { reason } => {
            if let Some(delivery) = delivered(core, id).await? {
                commit = begins(core, commit, &delivery).await.map_err(|error| storage_error(&error))?;
            }
            Outcome::Unavailable { not_before: core.now().plus_ms(AWAY_MS), reason }
        }
        DeliveryReport::Failed { reason } => {
            return given_up(core, delivered(core, id).await?, id.as_str(), epoch, reason).await;
        }
    };
    settle_with(core, commit, id.as_str(), epoch, outcome).await
}

/// Adds to `commit` where a message stands now.
async fn arrived(core: &Core, commit: Commit, id: &DeliveryId, references: &[String]) -> Result<Commit, GatewayError> {
    let Some(delivery) = delivered(core, id).await? else { return Ok(commit) };
    let mut commit = over(core, commit, &delivery).await?;
    // Who was shown a card is kept with who decided on it, longer than the message is owed.
    if let View::Proposal(card) = &delivery.view {
        let actor = format!("{}:{}", delivery.channel, delivery.chat);
        let payload = json!({"digest": card.proposal.digest.as_str(), "reference": references.first()});
        commit = commit.event(core.event("card.delivered", actor, card.proposal.id, payload));
    }
    Ok(match references.split_first() {
        Some((first, more)) => stands(core, commit, &delivery, first, more),
        None => commit,
    })
}

/// The message that was sent, as it was owed.
async fn delivered(core: &Core, id: &DeliveryId) -> Result<Option<Delivery>, GatewayError> {
    let item = core.store.outbox_item(id.as_str()).await.map_err(|error| storage_error(&error))?;
    Ok(item.and_then(|item| serde_json::from_value(item.body).ok()))
}

async fn tries(core: &Core, id: &DeliveryId) -> Result<u32, GatewayError> {
    let item = core.store.outbox_item(id.as_str()).await.map_err(|error| storage_error(&error))?;
    Ok(item.map_or(TRIES_MAX, |item| item.attempts))
}

async fn settle_delivery(core: &Core, id: &str, epoch: u64, outcome: Outcome) -> Result<(), GatewayError> {
    settle_with(core, Commit::new(core.now()), id, epoch, outcome).await
}

async fn settle_with(core: &Core, commit: Commit, id: &str, epoch: u64, outcome: Outcome) -> Result<(), GatewayError> {
    let update = OutboxUpdate::Confirm { id: id.to_owned(), epoch, outcome };
    match core.store.commit(commit.update_outbox(update)).await {
        Ok(Committed::Seq(_)) => Ok(()),
        Ok(Committed::Conflict(conflict)) => Err(GatewayError::new(
            ErrorKind::Conflict,
            format!("this lease of {id} is over ({conflict}); claim again before sending"),
        )),
        Err(error) => Err(storage_error(&error)),
    }
}
