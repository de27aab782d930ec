//! One thing that came in, and what became of it.

use serde::{Deserialize, Serialize};
use wakeman_present::{Verb, parse_verb};
use wakeman_types::{Channel, Entity, Inbound, Said, Timestamp};

/// How it stands. Every one ends in exactly one of the last six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundState {
    /// Taken; waits for its turn in its chat.
    Received,
    /// It became a turn, which is being answered.
    Asked,
    /// A turn answered it.
    Answered,
    /// What it asked for was done, or shown.
    Done,
    /// It was not allowed, or not possible.
    Refused,
    /// It was not meant for us, or nothing that is acted upon.
    Ignored,
    /// It could not be answered.
    Failed,
    /// The process ended before the answer was there.
    Interrupted,
}

impl InboundState {
    /// Its name in queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Received | Self::Asked)
    }
}

/// One thing a platform told, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundRow {
    /// Where it came from.
    pub channel: Channel,
    /// Its place in the order of arrival.
    pub order: i64,
    /// What was told.
    pub inbound: Inbound,
    /// How it stands.
    pub state: InboundState,
    /// What became of it, in words: what a press was answered with, why it was ignored.
    pub detail: String,
    /// When it was taken.
    pub received_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl InboundRow {
    /// The row of `id` on `channel`.
    pub fn row_id(channel: Channel, id: &str) -> String {
        format!("{channel}/{id}")
    }

    /// Whether it may make things safer: that must work on a full disk too. What else a press can be is small.
    pub(super) fn is_essential(inbound: &Inbound) -> bool {
        match &inbound.said {
            Said::Press { .. } => true,
            Said::Text { text, .. } => {
                matches!(parse_verb(text.trim()), Ok(Verb::Halt(_) | Verb::Reject { .. }))
            }
            Said::Reaction { .. } | Said::Other { .. } => false,
        }
    }

    /// The chat that it belongs to, unique among all channels.
    pub fn place(&self) -> String {
        place(self.channel, &self.inbound.chat)
    }
}

/// A chat's name, unique among all channels.
pub(super) fn place(channel: Channel, chat: &str) -> String {
    format!("{channel}/{chat}")
}

impl Entity for InboundRow {
    const KIND: &'static str = "inbound";

    fn entity_id(&self) -> String {
        Self::row_id(self.channel, &self.inbound.id)
    }

    fn state_name(&self) -> &str {
        self.state.name()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.place())
    }

    fn sort_key(&self) -> i64 {
        self.order
    }
}
