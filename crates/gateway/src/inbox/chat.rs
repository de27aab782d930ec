//! What is remembered of a chat: the conversation that is held there.

use serde::{Deserialize, Serialize};
use wakeman_types::{Channel, Entity, ThreadId, Timestamp};

/// A chat of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChatRow {
    pub channel: Channel,
    pub chat: String,
    /// The conversation that goes on there; `None`: the next message begins one.
    pub thread: Option<ThreadId>,
    pub at: Timestamp,
}

impl ChatRow {
    pub fn row_id(channel: Channel, chat: &str) -> String {
        format!("{channel}/{chat}")
    }
}

impl Entity for ChatRow {
    const KIND: &'static str = "chat";

    fn entity_id(&self) -> String {
        Self::row_id(self.channel, &self.chat)
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}
