//! Long polling.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::desk::Desk;
use super::error::Refusal;
use super::params::Params;
use crate::Lab;

/// A poll is held no longer, whatever it asks for. Real time counts, not the lab's.
const HOLD_SECONDS_MAX: i64 = 50;
/// Updates an answer has at most.
const BATCH_MAX: i64 = 100;

/// `getUpdates`: what is there, or what comes while the poll is held. A newer poll ends it.
pub(super) async fn get(lab: &Arc<Lab>, params: &Params) -> Result<Value, Refusal> {
    let offset = params.number("offset")?.unwrap_or(0);
    let limit = params.number("limit")?.unwrap_or(BATCH_MAX).clamp(1, BATCH_MAX);
    let hold = params.number("timeout")?.unwrap_or(0).clamp(0, HOLD_SECONDS_MAX);
    let allowed = params.json("allowed_updates")?;
    let deadline = Instant::now() + Duration::from_secs(hold.unsigned_abs());
    let number = begin(&mut lab.telegram(), offset, allowed.as_ref())?;
    lab.telegram_bell.notify_waiters();
    loop {
        let rung = lab.telegram_bell.notified();
        tokio::pin!(rung);
        // From here on no ring is missed.
        rung.as_mut().enable();
        if let Some(batch) = look(&lab.telegram(), number, limit)? {
            return Ok(batch);
        }
        if timeout_at(deadline, rung).await.is_err() {
            return Ok(json!([]));
        }
    }
}

/// Takes the place of any other poll, and forgets what is acknowledged. Answers the poll's number.
fn begin(desk: &mut Desk, offset: i64, allowed: Option<&Value>) -> Result<u64, Refusal> {
    if desk.manners.webhook.is_some() {
        return Err(Refusal::webhook());
    }
    desk.polls += 1;
    if desk.manners.rival_polls > 0 {
        desk.manners.rival_polls -= 1;
        return Err(Refusal::conflict());
    }
    if let Some(allowed) = allowed.and_then(Value::as_array) {
        let kinds: Vec<String> = allowed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        desk.allowed = (!kinds.is_empty()).then_some(kinds);
    }
    if offset < 0 {
        let keep = usize::try_from(-offset).unwrap_or(usize::MAX);
        let forget = desk.updates.len().saturating_sub(keep);
        desk.updates.drain(..forget);
    } else {
        desk.updates.retain(|(id, _)| *id >= offset);
    }
    Ok(desk.polls)
}

fn look(desk: &Desk, number: u64, limit: i64) -> Result<Option<Value>, Refusal> {
    if desk.polls != number {
        return Err(Refusal::conflict());
    }
    let batch: Vec<&Value> =
        desk.updates.iter().take(usize::try_from(limit).unwrap_or(1)).map(|(_, update)| update).collect();
    Ok((!batch.is_empty()).then(|| json!(batch)))
}

/// `deleteWebhook`.
pub(super) fn delete_webhook(lab: &Lab, params: &Params) -> Result<Value, Refusal> {
    let mut desk = lab.telegram();
    desk.manners.webhook = None;
    if params.flag("drop_pending_updates") {
        desk.updates.clear();
    }
    Ok(json!(true))
}

/// `getWebhookInfo`.
pub(super) fn webhook_info(lab: &Lab) -> Result<Value, Refusal> {
    let desk = lab.telegram();
    let url = desk.manners.webhook.clone().unwrap_or_default();
    Ok(json!({"url": url, "has_custom_certificate": false, "pending_update_count": desk.updates.len()}))
}
