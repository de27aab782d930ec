//! Messages owed: queued with the change that owes them, sent by whoever claims them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wakeman_types::Timestamp;

/// A message owed from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// The caller's id, unique among all messages ever owed.
    pub id: String,
    /// Which frontend sends it: `"telegram"`, …
    pub channel: String,
    /// Messages of one chat go out in the order they were committed.
    pub chat: String,
    /// What to send.
    pub body: Value,
    /// Not claimable before.
    pub not_before: Timestamp,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Waits to be claimed.
    Pending,
    /// Somebody is sending it.
    Leased,
    /// The channel took it.
    Sent,
    /// Given up; for review.
    Failed,
    /// Withdrawn before it was sent.
    Revoked,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Leased, Self::Sent, Self::Failed, Self::Revoked];

    /// The state's name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
        }
    }

    /// Whether the message still holds its place in its chat's queue.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Leased)
    }
}

impl fmt::Display for OutboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OutboxState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| format!("\"{text}\" is not an outbox state"))
    }
}

/// A message that the claimer must now send and answer for with [`OutboxUpdate::Confirm`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimedDelivery {
    /// The message's id.
    pub id: String,
    /// Its channel.
    pub channel: String,
    /// Its chat.
    pub chat: String,
    /// What to send.
    pub body: Value,
    /// Which try this is; the first is 1.
    pub attempt: u32,
    /// To be named when confirming; an older claim's epoch is refused.
    pub epoch: u64,
    /// When another may claim it.
    pub lease_until: Timestamp,
    /// An earlier claim lapsed without an answer: the message may have gone out already.
    pub in_doubt: bool,
    /// When it was committed.
    pub created_at: Timestamp,
}

/// What became of a send.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The channel took it.
    Sent {
        /// The channel's own words: message id, time.
        receipt: Value,
    },
    /// This try failed; another comes at `not_before`.
    Retry {
        /// The next try.
        not_before: Timestamp,
        /// Why.
        reason: String,
    },
    /// No more tries.
    Failed {
        /// Why.
        reason: String,
    },
    /// The channel as a whole is away: the try is given back.
    Unavailable {
        /// The next try.
        not_before: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A change to a message owed before.
#[derive(Debug, Clone, PartialEq)]
pub enum OutboxUpdate {
    /// The claimer's answer. Conflicts unless this claim is the newest and unanswered.
    Confirm {
        /// The message's id.
        id: String,
        /// The claim's epoch.
        epoch: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// Withdraws a pending message. Conflicts if it is being sent or is done.
    Revoke {
        /// The message's id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Puts a failed or revoked message back at its old place with all its tries. Conflicts otherwise.
    Requeue {
        /// The message's id.
        id: String,
        /// Not claimable before.
        not_before: Timestamp,
    },
}

impl OutboxUpdate {
    /// The message it is about.
    pub fn id(&self) -> &str {
        match self {
            Self::Confirm { id, .. } | Self::Revoke { id, .. } | Self::Requeue { id, .. } => id,
        }
    }
}

/// A message as it stands, for lists and review.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutboxItem {
    /// The message's id.
    pub id: String,
    /// Its place in the order of sending.
    pub position: i64,
    /// Its channel.
    pub channel: String,
    /// Its chat.
    pub chat: String,
    /// Where it stands.
    pub state: OutboxState,
    /// Tries so far, the running one included.
    pub attempts: u32,
    /// An earlier claim lapsed without an answer.
    pub in_doubt: bool,
    /// Not claimable before.
    pub not_before: Timestamp,
    /// When it was committed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What to send.
    pub body: Value,
    /// The channel's receipt, once sent.
    pub receipt: Option<Value>,
    /// Why it is not sent.
    pub reason: Option<String>,
}
