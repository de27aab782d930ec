//! Conversations, as the instance directory keeps them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Channel, ConversationId, Entity, MessageId, ThreadId, Timestamp};

/// A conversation. Field names are those of the header line in `chat.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    /// Its id.
    pub thread_id: ThreadId,
    /// The folder it is written to.
    pub conversation_id: ConversationId,
    /// Where it is held.
    pub channel: Channel,
    /// What people see in a list.
    pub title: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When something was last said.
    pub updated_at: Timestamp,
}

impl Entity for Thread {
    const KIND: &'static str = "thread";

    fn entity_id(&self) -> String {
        self.thread_id.to_string()
    }

    fn sort_key(&self) -> i64 {
        self.updated_at.ms()
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    /// The program about itself.
    System,
    /// A person.
    User,
    /// Wakeman.
    Agent,
}

/// One message of a thread, as a line of `chat.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The folder it is written to.
    pub conversation_id: ConversationId,
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// Its id.
    pub message_id: MessageId,
    /// Who wrote it.
    pub role: MessageRole,
    /// Where.
    pub channel: Channel,
    /// What was said.
    pub content: String,
    /// When.
    pub created_at: Timestamp,
    /// Position in the thread, from 1; the order of the file.
    pub ordinal: u64,
    /// Keys another program of the contract wrote and we keep.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl Entity for Message {
    const KIND: &'static str = "message";

    fn entity_id(&self) -> String {
        format!("{}/{}", self.thread_id, self.message_id)
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.thread_id.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.ordinal as i64
    }
}

/// One note of a thread, as a line of `notes.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The thread it belongs to.
    pub thread_id: ThreadId,
    /// Position in the thread, from 1.
    pub ordinal: u64,
    /// When.
    pub created_at: Timestamp,
    /// Who wrote it: `model`, an operator's id, …
    pub author: String,
    /// What it says.
    pub content: String,
    /// Keys another program of the contract wrote and we keep.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl Entity for Note {
    const KIND: &'static str = "note";

    fn entity_id(&self) -> String {
        format!("{}/{}", self.thread_id, self.ordinal)
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.thread_id.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.ordinal as i64
    }
}
