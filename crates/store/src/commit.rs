//! The one way in: what changes together.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use wakeman_types::{Entity, Timestamp};

use crate::{
    journal::JournalEvent,
    lease::{Fence, Lease},
    outbox::{OutboxRow, OutboxUpdate},
    row::{EntityRef, Row, Version},
};

/// What must have happened before a commit is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// Written in order, safe against a crash of the process. A power loss may take the latest of these.
    #[default]
    Normal,
    /// On the disk: for decisions, intents, offsets.
    Full,
}

/// A position in a source that its watcher continues from.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Whose position.
    pub name: String,
    /// The position, in the watcher's own words.
    pub value: Value,
}

/// What changes together: all of it is written, or none.
///
/// Order within one commit: fence and expected versions are checked, then deletes, rows, outbox rows, outbox updates and
/// checkpoints take effect, then the events are journalled.
///
/// ```
/// # use wakeman_store::{Commit, EntityRef, Version};
/// # use wakeman_types::Timestamp;
/// let commit = Commit::durable(Timestamp::from_ms(5))
///     .expect(&EntityRef::new("proposal", "P-1"), Version(3))
///     .checkpoint("github", serde_json::json!({"etag": "abc"}));
/// assert_eq!(commit.expected_versions.len(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// When, by the caller's clock. Journal entries carry it.
    pub at: Timestamp,
    /// What the answer promises.
    pub durability: Durability,
    /// The compare of compare-and-set. [`Version::ABSENT`]: the row must not exist.
    pub expected_versions: Vec<(EntityRef, Version)>,
    /// Rows to insert or replace, in order. A row without an expected version is replaced whatever it holds.
    pub rows: Vec<Row>,
    /// Rows to remove. A missing one is no conflict.
    pub deletes: Vec<EntityRef>,
    /// What happened, for the journal.
    pub events: Vec<JournalEvent>,
    /// Messages owed from now on.
    pub outbox: Vec<OutboxRow>,
    /// What became of messages owed before.
    pub outbox_updates: Vec<OutboxUpdate>,
    /// Positions to continue from.
    pub checkpoints: Vec<Checkpoint>,
    /// Lands only while this lease epoch is the newest.
    pub fence: Option<Fence>,
    /// On a full disk, may use the space kept for it: for what makes things safer, as a rejection or a halt.
    pub essential: bool,
}

impl Commit {
    /// An empty commit at `at` with [`Durability::Normal`].
    pub fn new(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    /// An empty commit at `at` with [`Durability::Full`].
    pub fn durable(at: Timestamp) -> Self {
        Self { at, durability: Durability::Full, ..Self::default() }
    }

    /// Writes `entity`, whatever is stored now.
    pub fn put<E: Entity>(mut self, entity: &E) -> Self {
        self.rows.push(Row::of(entity));
        self
    }

    /// Writes `entity`, which must not exist yet.
    pub fn insert<E: Entity>(self, entity: &E) -> Self {
        self.replace(entity, Version::ABSENT)
    }

    /// Writes `entity`, which must still have the version `seen`. It then has `seen.next()`.
    pub fn replace<E: Entity>(self, entity: &E, seen: Version) -> Self {
        self.expect(&EntityRef::of(entity), seen).put(entity)
    }

    /// Lands only if `entity` has `version`.
    pub fn expect(mut self, entity: &EntityRef, version: Version) -> Self {
        self.expected_versions.push((entity.clone(), version));
        self
    }

    /// Removes a row.
    pub fn delete(mut self, entity: EntityRef) -> Self {
        self.deletes.push(entity);
        self
    }

    /// Journals `event`.
    pub fn event(mut self, event: JournalEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Owes `message`.
    pub fn send(mut self, message: OutboxRow) -> Self {
        self.outbox.push(message);
        self
    }

    /// Records what became of a message.
    pub fn update_outbox(mut self, update: OutboxUpdate) -> Self {
        self.outbox_updates.push(update);
        self
    }

    /// Sets the position `name`.
    pub fn checkpoint(mut self, name: impl Into<String>, value: Value) -> Self {
        self.checkpoints.push(Checkpoint { name: name.into(), value });
        self
    }

    /// Lands only while `lease` has not been taken over.
    pub fn fenced(mut self, lease: &Lease) -> Self {
        self.fence = Some(lease.fence());
        self
    }

    /// May use the space kept for a full disk.
    pub fn essential(mut self) -> Self {
        self.essential = true;
        self
    }
}

/// A position in the journal's lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The answer to a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was written"]
pub enum Committed {
    /// All of it landed. The journal's position after it: its last event, or where the journal stood if it had none.
    Seq(Seq),
    /// Somebody was first. Nothing was written.
    Conflict(Conflict),
}

impl Committed {
    /// Whether it landed.
    pub fn landed(&self) -> bool {
        matches!(self, Self::Seq(_))
    }
}

/// Which condition of a commit did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// A row has another version than expected.
    Version {
        /// The row.
        entity: EntityRef,
        /// What the commit expected.
        expected: Version,
        /// What is stored.
        found: Version,
    },
    /// Another row of the kind has this unique key.
    UniqueKey {
        /// The row the commit would write.
        entity: EntityRef,
        /// The key.
        key: String,
        /// The id of the row that has it.
        held_by: String,
    },
    /// The lease was taken over.
    Fence {
        /// The lease's name.
        lease: String,
        /// The commit's epoch.
        epoch: u64,
        /// The newest epoch; 0 if the lease was never taken.
        current: u64,
    },
    /// A message with this id is owed already.
    OutboxTaken {
        /// The message's id.
        id: String,
    },
    /// A message is not in the state that the update needs.
    Outbox {
        /// The message's id.
        id: String,
        /// What is so.
        found: String,
    },
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { entity, expected, found } => {
                write!(f, "{entity} has version {found}, not {expected}")
            }
            Self::UniqueKey { entity, key, held_by } => {
                write!(f, "{entity} cannot have the key \"{key}\": {held_by} has it")
            }
            Self::Fence { lease, epoch, current } => {
                write!(f, "the lease {lease} has epoch {current}, not {epoch}")
            }
            Self::OutboxTaken { id } => write!(f, "message {id} is owed already"),
            Self::Outbox { id, found } => write!(f, "message {id} {found}"),
        }
    }
}
