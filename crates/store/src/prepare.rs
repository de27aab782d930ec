//! Everything about a commit that can be worked out before it queues: texts, digests, sizes.

use serde_json::Value;

use crate::{
    canonical::to_canonical_json,
    commit::{Commit, Durability},
    error::StoreError,
    journal::{Hash, JournalEvent, payload_digest},
    lease::Fence,
    outbox::{OutboxRow, OutboxUpdate},
    row::{EntityRef, Row, Version},
};

/// The largest body, payload or message, in bytes of JSON.
const BODY_BYTES_MAX: usize = 8 << 20;

/// A commit in the form the writer takes.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub at_ms: i64,
    pub durability: Durability,
    pub expected: Vec<(EntityRef, Version)>,
    pub rows: Vec<Row>,
    pub deletes: Vec<EntityRef>,
    pub events: Vec<PreparedEvent>,
    pub sends: Vec<PreparedSend>,
    pub updates: Vec<OutboxUpdate>,
    pub checkpoints: Vec<(String, String)>,
    pub fence: Option<Fence>,
    pub essential: bool,
}

/// An event with its payload as the bytes that its digest covers.
#[derive(Debug)]
pub(crate) struct PreparedEvent {
    pub event_type: String,
    pub actor: String,
    pub subject: String,
    pub payload: String,
    pub salt: [u8; 16],
    pub digest: Hash,
}

/// A message with its body as text.
#[derive(Debug)]
pub(crate) struct PreparedSend {
    pub id: String,
    pub channel: String,
    pub chat: String,
    pub body: String,
    pub not_before_ms: i64,
}

impl Prepared {
    pub fn new(commit: Commit) -> Result<Self, StoreError> {
        for row in &commit.rows {
            check_size(row.body()?, || row.entity.to_string())?;
        }
        let checkpoint = |c: crate::Checkpoint| (c.name, text_of(&c.value));
        Ok(Self {
            at_ms: commit.at.ms(),
            durability: commit.durability,
            expected: commit.expected_versions,
            rows: commit.rows,
            deletes: commit.deletes,
            events: commit.events.into_iter().map(PreparedEvent::new).collect::<Result<_, _>>()?,
            sends: commit.outbox.into_iter().map(PreparedSend::new).collect::<Result<_, _>>()?,
            updates: commit.outbox_updates,
            checkpoints: commit.checkpoints.into_iter().map(checkpoint).collect(),
            fence: commit.fence,
            essential: commit.essential,
        })
    }
}

impl PreparedEvent {
    fn new(event: JournalEvent) -> Result<Self, StoreError> {
        let payload = to_canonical_json(&event.payload);
        check_size(&payload, || format!("event {} of {}", event.event_type, event.subject))?;
        let digest = payload_digest(&event.salt, &payload);
        let JournalEvent { event_type, actor, subject, salt, .. } = event;
        Ok(Self { event_type, actor, subject, payload, salt, digest })
    }
}

impl PreparedSend {
    fn new(row: OutboxRow) -> Result<Self, StoreError> {
        let body = text_of(&row.body);
        check_size(&body, || format!("message {}", row.id))?;
        Ok(Self { id: row.id, channel: row.channel, chat: row.chat, body, not_before_ms: row.not_before.ms() })
    }
}

/// The JSON text of a value that is not digested.
pub(crate) fn text_of(value: &Value) -> String {
    value.to_string()
}

fn check_size(text: &str, what: impl FnOnce() -> String) -> Result<(), StoreError> {
    if text.len() <= BODY_BYTES_MAX {
        return Ok(());
    }
    Err(StoreError::TooLarge { what: what(), bytes: text.len(), limit: BODY_BYTES_MAX })
}
