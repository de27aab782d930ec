//! `storage/conversations/<conversationId>/{chat,notes}.jsonl`: a header line, then one record a line.
//!
//! The bytes of a file are a function of the thread and its records in the database, so whoever writes it, and whenever, it is
//! the same file. The live writer appends what is new and rewrites the header in place: its length changes only with the title or
//! the channel, because Unix milliseconds have 13 digits from 2001 to 2286. Whatever does not fit that (another length, a torn
//! tail, a last line that the database does not have among the newest) is written whole from the database instead.

mod live;
mod read;
mod render;
mod tail;

pub use live::{rewrite_conversation, sync_conversation};
pub use read::{BadLine, ReadFile, Record, read_records};
pub(crate) use render::{HEADER_KEYS, MESSAGE_KEYS, NOTE_KEYS};
pub use render::{render_chat, render_notes};

/// Which of a conversation's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `chat.jsonl`: messages.
    Chat,
    /// `notes.jsonl`: notes.
    Notes,
}

impl FileKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Notes];

    /// The header's `fileKind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Notes => "notes",
        }
    }

    /// `chat.jsonl` or `notes.jsonl`.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Chat => "chat.jsonl",
            Self::Notes => "notes.jsonl",
        }
    }
}
