//! What is no finding and came while somebody is to be left alone: kept until their quiet hours end, and owed then.
//!
//! It does not wait in the outbox: what waits there keeps what comes after it in the chat from going out.

use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, EntityRef, ListQuery, OutboxRow, StoreError};
use wakeman_types::{Channel, Delivery, DeliveryId, Entity, View};

use super::{route::awake, scrub::scrub, thread::outbox_row};
use crate::core::Core;

/// What is let out in one go.
const GO_MAX: usize = 500;

/// A message that waits for the end of somebody's quiet hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    channel: Channel,
    chat: String,
    id: DeliveryId,
    at: i64,
    /// The delivery, as the outbox would keep it.
    body: serde_json::Value,
}

impl Entity for Held {
    const KIND: &'static str = "held";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn sort_key(&self) -> i64 {
        self.at
    }
}

impl Held {
    /// `delivery`, to be kept.
    pub fn of(core: &Core, delivery: &Delivery) -> Self {
        let mut body = serde_json::to_value(delivery).expect("invariant: a delivery is plain data with string keys");
        scrub(&core.guard, &mut body);
        let (channel, chat, id) = (delivery.channel, delivery.chat.clone(), delivery.id.clone());
        Self { channel, chat, id, at: delivery.created_at.ms(), body }
    }
}

/// Whether what waited is still told when quiet hours end. Findings, their ends and their cards are in the digest then.
pub(super) fn can_wait(view: &View) -> bool {
    match view {
        View::Notice(_) | View::Source(_) | View::Brief(_) => true,
        View::Proposal(card) => card.proposal.finding.is_none(),
        _ => false,
    }
}

/// Owes what was kept for those who may be disturbed again.
///
/// # Errors
/// [`StoreError`]: what is left goes out the next time.
pub(crate) async fn release(core: &Core) -> Result<(), StoreError> {
    let held = core.store.list::<Held>(&ListQuery::oldest(GO_MAX)).await?.items;
    if held.is_empty() {
        return Ok(());
    }
    let mut commit = Commit::durable(core.now());
    for found in held {
        let held = found.value;
        let awake = awake(core, held.channel, &held.chat);
        if awake == Some(false) {
            continue;
        }
        commit = commit.delete(EntityRef::of(&held));
        // Somebody who is gone is owed nothing.
        if awake.is_some() {
            commit = commit.send(owed(core, held));
        }
    }
    if commit.deletes.is_empty() { Ok(()) } else { core.store.commit(commit).await.map(drop) }
}

/// What waited, to be sent. What this version cannot read is owed as it is: claimed, it is put aside and counts as undelivered.
fn owed(core: &Core, held: Held) -> OutboxRow {
    match serde_json::from_value::<Delivery>(held.body.clone()) {
        Ok(delivery) => outbox_row(core, &delivery),
        Err(error) => {
            tracing::warn!(%error, delivery.id = %held.id, channel = %held.channel, "deliver.held_unreadable");
            let (id, channel) = (held.id.to_string(), held.channel.name().to_owned());
            OutboxRow { id, channel, chat: held.chat, body: held.body, not_before: core.now() }
        }
    }
}
