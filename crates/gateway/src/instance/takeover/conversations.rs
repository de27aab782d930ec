//! Conversations of another program: ids kept, words mapped, everything else kept beside them.

use serde_json::{Map, Value, json};
use wakeman_types::{Channel, ConversationId, Message, MessageId, MessageRole, Note, Thread, ThreadId, Timestamp};

use crate::instance::{
    conversation::{BadLine, HEADER_KEYS, MESSAGE_KEYS, NOTE_KEYS, ReadFile, Record},
    time::parse_folder_time,
};

/// One conversation folder, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversation {
    pub thread: Thread,
    /// The channel as the header names it, where that is not our word.
    pub imported_channel: Option<String>,
    /// In the order of the file, each with its line; not yet numbered.
    pub messages: Vec<(Message, usize)>,
    /// In the order of the file; not yet numbered.
    pub notes: Vec<Note>,
    /// Lines kept verbatim.
    pub bad: Vec<BadLine>,
    pub warnings: Vec<String>,
}

/// Puts a conversation together from its folder's name and its two files.
pub(super) fn conversation(folder: &str, chat: &ReadFile, notes: &ReadFile) -> Conversation {
    let headers: Vec<_> = [chat, notes].map(|file| file.records.iter().find(|record| is_header(record))).to_vec();
    let header = headers.iter().flatten().next().map(|record| &record.object);
    let (mut thread, imported_channel) = thread(folder, header);
    let mut bad = [chat.bad.clone(), notes.bad.clone()].concat();
    let mut warnings = odd_headers(folder, &headers, &thread);
    let mut messages = Vec::new();
    for record in chat.records.iter().filter(|record| !is_header(record)) {
        match message(record, &thread) {
            Ok(message) => messages.push((message, record.line)),
            Err(reason) => bad.push(chat.reject(record, reason)),
        }
    }
    let mut noted = Vec::new();
    for record in notes.records.iter().filter(|record| !is_header(record)) {
        match note(record, &thread) {
            Ok(note) => noted.push(note),
            Err(reason) => bad.push(notes.reject(record, reason)),
        }
    }
    if header.is_none() {
        warnings
            .push(format!("storage/conversations/{folder}: has no header; its ids are taken from the folder's name"));
        let times = || messages.iter().map(|(message, _)| message.created_at);
        thread.created_at = parse_created(folder).or(times().min()).unwrap_or_default();
        thread.updated_at = times().max().unwrap_or(thread.created_at);
    }
    bad.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Conversation { thread, imported_channel, messages, notes: noted, bad, warnings }
}

fn is_header(record: &Record) -> bool {
    text(&record.object, "type") == Some("conversation-header")
}

/// What headers say that a thread has no place for, with its value.
fn odd_headers(folder: &str, headers: &[Option<&Record>], thread: &Thread) -> Vec<String> {
    let mut odd = Vec::new();
    for (file, header) in ["chat.jsonl", "notes.jsonl"].into_iter().zip(headers) {
        let Some(header) = header else { continue };
        let mut rest = others(&header.object, &HEADER_KEYS);
        let version = header.object.get("schemaVersion").filter(|version| **version != json!(1));
        rest.extend(version.map(|version| ("schemaVersion".to_owned(), version.clone())));
        if !rest.is_empty() {
            let rest = Value::Object(rest);
            odd.push(format!(
                "storage/conversations/{folder}/{file}: the header also says {rest}, which has no effect"
            ));
        }
    }
    if thread.conversation_id.as_str() != folder {
        let id = &thread.conversation_id;
        odd.push(format!("storage/conversations/{folder}: its header names it {id}; the folder is called so now"));
    }
    odd
}

fn thread(folder: &str, header: Option<&Map<String, Value>>) -> (Thread, Option<String>) {
    let empty = Map::new();
    let header = header.unwrap_or(&empty);
    let word = text(header, "channel").unwrap_or("cli");
    let channel = channel(word);
    let created_at = time(header, "createdAt").or_else(|| parse_created(folder)).unwrap_or_default();
    let plain = |id: &&str| !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\0']) && id.len() <= 255;
    let thread = Thread {
        thread_id: ThreadId::new(text(header, "threadId").or_else(|| thread_part(folder)).unwrap_or(folder)),
        conversation_id: ConversationId::new(text(header, "conversationId").filter(plain).unwrap_or(folder)),
        channel,
        title: text(header, "title").unwrap_or("Conversation").to_owned(),
        created_at,
        updated_at: time(header, "updatedAt").unwrap_or(created_at),
    };
    (thread, (word != channel.name()).then(|| word.to_owned()))
}

/// The thread's id in `conversation-<utc>-<threadId>`.
fn thread_part(folder: &str) -> Option<&str> {
    folder.strip_prefix("conversation-")?.split_once("Z-").map(|(_, thread)| thread).filter(|id| !id.is_empty())
}

fn parse_created(folder: &str) -> Option<Timestamp> {
    let (time, _) = folder.strip_prefix("conversation-")?.split_once("Z-")?;
    parse_folder_time(&format!("{time}Z"))
}

fn message(record: &Record, thread: &Thread) -> Result<Message, &'static str> {
    let object = &record.object;
    if text(object, "type") != Some("message") {
        return Err("is not a message");
    }
    let content = text(object, "content").ok_or("is a message without content")?;
    let message = Message {
        conversation_id: ConversationId::new(text(object, "conversationId").unwrap_or(thread.conversation_id.as_str())),
        thread_id: thread.thread_id.clone(),
        message_id: text(object, "messageId")
            .map_or_else(|| MessageId::new(format!("imported-{}", record.line)), MessageId::new),
        role: role(text(object, "role").unwrap_or_default()),
        channel: text(object, "channel").map_or(thread.channel, channel),
        content: content.to_owned(),
        created_at: time(object, "createdAt").unwrap_or(thread.updated_at),
        ordinal: 0,
        extra: others(object, &MESSAGE_KEYS),
    };
    let ours = json!(message);
    Ok(Message { extra: with_imported(message.extra, object, &ours, &MESSAGE_KEYS[1..]), ..message })
}

fn note(record: &Record, thread: &Thread) -> Result<Note, &'static str> {
    let object = &record.object;
    if text(object, "type") != Some("note") {
        return Err("is not a note");
    }
    let content = text(object, "content").ok_or("is a note without content")?;
    let note = Note {
        thread_id: thread.thread_id.clone(),
        ordinal: 0,
        created_at: time(object, "createdAt").unwrap_or(thread.created_at),
        author: text(object, "author").unwrap_or("unknown").to_owned(),
        content: content.to_owned(),
        extra: others(object, &NOTE_KEYS),
    };
    let ours = json!(note);
    Ok(Note { extra: with_imported(note.extra, object, &ours, &NOTE_KEYS[1..]), ..note })
}

/// Keeps each value of the contract's own keys that is another one now: `"channel": "tui"` stays as `"importedChannel": "tui"`.
fn with_imported(
    mut extra: Map<String, Value>,
    theirs: &Map<String, Value>,
    ours: &Value,
    keys: &[&str],
) -> Map<String, Value> {
    for key in keys {
        let (Some(was), is) = (theirs.get(*key), ours.get(*key)) else { continue };
        if Some(was) != is {
            let (first, rest) = key.split_at(1);
            extra.insert(format!("imported{}{rest}", first.to_uppercase()), was.clone());
        }
    }
    extra
}

fn role(word: &str) -> MessageRole {
    match word {
        "user" | "human" | "operator" => MessageRole::User,
        "agent" | "assistant" | "model" | "bot" => MessageRole::Agent,
        _ => MessageRole::System,
    }
}

/// An unknown channel is held at the terminal, where somebody sees it.
fn channel(word: &str) -> Channel {
    word.parse().unwrap_or(Channel::Cli)
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// Unix milliseconds, or RFC 3339 text.
fn time(object: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    let value = object.get(key)?;
    let ms = value.as_i64().or_else(|| value.as_f64().map(|ms| ms as i64));
    let parsed = || chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.timestamp_millis());
    ms.or_else(parsed).map(Timestamp::from_ms)
}

/// The members with other keys than the contract has.
fn others(object: &Map<String, Value>, own: &[&str]) -> Map<String, Value> {
    object.iter().filter(|(key, _)| !own.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}
