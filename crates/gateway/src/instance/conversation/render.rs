//! The lines of a conversation's files.

use serde::Serialize;
use serde_json::{Map, Value};
use wakeman_types::{
    Channel, ConversationId, Entity, Message, MessageId, MessageRole, Note, Thread, ThreadId, Timestamp,
};

use super::FileKind;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeaderLine<'a> {
    r#type: &'static str,
    schema_version: u32,
    file_kind: &'static str,
    conversation_id: &'a ConversationId,
    thread_id: &'a ThreadId,
    channel: Channel,
    title: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageLine<'a> {
    r#type: &'static str,
    conversation_id: &'a ConversationId,
    thread_id: &'a ThreadId,
    message_id: &'a MessageId,
    role: MessageRole,
    channel: Channel,
    content: &'a str,
    created_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoteLine<'a> {
    r#type: &'static str,
    created_at: Timestamp,
    author: &'a str,
    content: &'a str,
}

/// One record of a conversation's file.
pub(super) trait Line: Entity {
    const FILE: FileKind;
    /// The record's line, without the line break.
    fn line(&self) -> String;
    /// The `updatedAt` of a file whose last record this is; `None`: an empty file.
    fn updated_at(thread: &Thread, last: Option<&Self>) -> Timestamp;
}

impl Line for Message {
    const FILE: FileKind = FileKind::Chat;

    fn line(&self) -> String {
        let line = MessageLine {
            r#type: "message",
            conversation_id: &self.conversation_id,
            thread_id: &self.thread_id,
            message_id: &self.message_id,
            role: self.role,
            channel: self.channel,
            content: &self.content,
            created_at: self.created_at,
        };
        with_extra(&line, &MESSAGE_KEYS, &self.extra)
    }

    fn updated_at(thread: &Thread, _: Option<&Self>) -> Timestamp {
        thread.updated_at
    }
}

impl Line for Note {
    const FILE: FileKind = FileKind::Notes;

    fn line(&self) -> String {
        let line =
            NoteLine { r#type: "note", created_at: self.created_at, author: &self.author, content: &self.content };
        with_extra(&line, &NOTE_KEYS, &self.extra)
    }

    fn updated_at(thread: &Thread, last: Option<&Self>) -> Timestamp {
        last.map_or(thread.created_at, |note| note.created_at)
    }
}

/// Keys of a header line, in order.
pub(crate) const HEADER_KEYS: [&str; 9] =
    ["type", "schemaVersion", "fileKind", "conversationId", "threadId", "channel", "title", "createdAt", "updatedAt"];
/// Keys of a message line, in order; others are `extra`.
pub(crate) const MESSAGE_KEYS: [&str; 8] =
    ["type", "conversationId", "threadId", "messageId", "role", "channel", "content", "createdAt"];
/// Keys of a note line, in order; others are `extra`.
pub(crate) const NOTE_KEYS: [&str; 4] = ["type", "createdAt", "author", "content"];

/// The first line of a file, without the line break.
pub(super) fn header_line(kind: FileKind, thread: &Thread, updated_at: Timestamp) -> String {
    json(&HeaderLine {
        r#type: "conversation-header",
        schema_version: 1,
        file_kind: kind.name(),
        conversation_id: &thread.conversation_id,
        thread_id: &thread.thread_id,
        channel: thread.channel,
        title: &thread.title,
        created_at: thread.created_at,
        updated_at,
    })
}

/// The line's own keys, then the kept ones.
fn with_extra(line: &impl Serialize, own: &[&str], extra: &Map<String, Value>) -> String {
    let mut text = json(line);
    for (key, value) in extra.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
        text.pop();
        text.push_str(&format!(",{}:{value}}}", json(key)));
    }
    text
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("invariant: lines are plain structs with string keys")
}

/// The content of `chat.jsonl`: `messages` in the order given.
pub fn render_chat(thread: &Thread, messages: &[Message]) -> String {
    render(thread, messages)
}

/// The content of `notes.jsonl`: `notes` in the order given. Its `updatedAt` is the last note's time.
pub fn render_notes(thread: &Thread, notes: &[Note]) -> String {
    render(thread, notes)
}

fn render<R: Line>(thread: &Thread, records: &[R]) -> String {
    let mut text = header_line(R::FILE, thread, R::updated_at(thread, records.last()));
    for record in records {
        text.push('\n');
        text.push_str(&record.line());
    }
    text.push('\n');
    text
}
