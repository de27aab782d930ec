//! Conversations of another program: ids kept, words mapped, everything else kept beside them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
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
    /// In the order of the file; ordinals count from 1.
    pub messages: Vec<Message>,
    pub notes: Vec<Note>,
    /// Lines kept verbatim.
    pub bad: Vec<BadLine>,
    pub warnings: Vec<String>,
}

/// Puts a conversation together from its folder's name and its two files.
pub(super) fn conversation(folder: &str, chat: ReadFile, notes: ReadFile) -> Conversation {
    let label = |file: &str| format!("storage/conversations/{folder}/{file}");
    let (chat_label, notes_label) = (label("chat.jsonl"), label("notes.jsonl"));
    let mut warnings = Vec::new();
    let (headers, chat_lines) = split_headers(chat.records);
    let (note_headers, note_lines) = split_headers(notes.records);
    let header = headers.first().or(note_headers.first()).map(|record| &record.object);
    for (file, header) in [(&chat_label, headers.first()), (&notes_label, note_headers.first())] {
        warnings.extend(header.into_iter().filter_map(|header| odd_header(file, header)));
    }
    let (mut thread, imported_channel) = thread(folder, header);
    let mut bad = [chat.bad, notes.bad].concat();
    let messages = messages(&chat_label, chat_lines, &thread, &mut bad, &mut warnings);
    let notes = note_lines.into_iter().filter_map(|line| note(&notes_label, line, &thread, &mut bad));
    let notes: Vec<Note> = notes.zip(1..).map(|(note, ordinal)| Note { ordinal, ..note }).collect();
    if header.is_none() {
        warnings.push(format!("{chat_label}: has no header; its ids are taken from the folder's name"));
        let times = || messages.iter().map(|message| message.created_at);
        thread.created_at = parse_created(folder).or(times().min()).unwrap_or_default();
        thread.updated_at = times().max().unwrap_or(thread.created_at);
    }
    bad.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Conversation { thread, imported_channel, messages, notes, bad, warnings }
}

fn split_headers(records: Vec<Record>) -> (Vec<Record>, Vec<Record>) {
    records.into_iter().partition(|record| text(&record.object, "type") == Some("conversation-header"))
}

/// Keys of a header that have no place in a thread are reported with their values.
fn odd_header(file: &str, header: &Record) -> Option<String> {
    let extra = extra(&header.object, &HEADER_KEYS);
    (!extra.is_empty()).then(|| format!("{file}: the header also says {}", Value::Object(extra)))
}

fn thread(folder: &str, header: Option<&Map<String, Value>>) -> (Thread, Option<String>) {
    let empty = Map::new();
    let header = header.unwrap_or(&empty);
    let (channel, imported_channel) = channel(header);
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
    (thread, imported_channel)
}

/// The thread's id in `conversation-<utc>-<threadId>`.
fn thread_part(folder: &str) -> Option<&str> {
    folder.strip_prefix("conversation-")?.split_once("Z-").map(|(_, thread)| thread).filter(|id| !id.is_empty())
}

fn parse_created(folder: &str) -> Option<Timestamp> {
    let (time, _) = folder.strip_prefix("conversation-")?.split_once("Z-")?;
    parse_folder_time(&format!("{time}Z"))
}

fn messages(
    file: &str,
    lines: Vec<Record>,
    thread: &Thread,
    bad: &mut Vec<BadLine>,
    warnings: &mut Vec<String>,
) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut seen: BTreeMap<MessageId, usize> = BTreeMap::new();
    for line in lines {
        let number = line.line;
        let Some(mut message) = message(file, line, thread, bad) else { continue };
        if let Some(&first) = seen.get(&message.message_id) {
            if (Message { ordinal: 0, ..messages[first].clone() }) == message {
                warnings.push(format!("{file}:{number}: repeats message {} and is counted once", message.message_id));
                continue;
            }
            let id = message.message_id.clone();
            message.message_id = MessageId::new(format!("{id}~{number}"));
            message.extra.insert("importedMessageId".to_owned(), Value::from(id.as_str()));
            warnings.push(format!("{file}:{number}: another message {id}; it is kept as {}", message.message_id));
        }
        seen.insert(message.message_id.clone(), messages.len());
        messages.push(message);
    }
    for (message, ordinal) in messages.iter_mut().zip(1..) {
        message.ordinal = ordinal;
    }
    messages
}

fn message(file: &str, line: Record, thread: &Thread, bad: &mut Vec<BadLine>) -> Option<Message> {
    let object = &line.object;
    let kind = text(object, "type");
    let (Some("message"), Some(content)) = (kind, text(object, "content")) else {
        let reason = if kind == Some("message") { "is a message without content" } else { "is not a message" };
        bad.push(BadLine::new(file, line.line, reason, Value::Object(line.object).to_string().as_bytes()));
        return None;
    };
    let mut extra = extra(object, &MESSAGE_KEYS);
    let role = role(object, &mut extra);
    // A message without a channel of its own was said where the thread is.
    let (channel, imported) = match object.contains_key("channel") {
        true => channel(object),
        false => (thread.channel, None),
    };
    if let Some(word) = imported {
        extra.insert("importedChannel".to_owned(), Value::from(word));
    }
    let message_id = text(object, "messageId").map_or_else(|| format!("imported-{}", line.line), str::to_owned);
    let thread_of_line = text(object, "threadId").filter(|id| *id != thread.thread_id.as_str());
    if let Some(other) = thread_of_line {
        extra.insert("importedThreadId".to_owned(), Value::from(other));
    }
    Some(Message {
        conversation_id: ConversationId::new(text(object, "conversationId").unwrap_or(thread.conversation_id.as_str())),
        thread_id: thread.thread_id.clone(),
        message_id: MessageId::new(message_id),
        role,
        channel,
        content: content.to_owned(),
        created_at: time(object, "createdAt").unwrap_or(thread.updated_at),
        ordinal: 0,
        extra,
    })
}

fn role(object: &Map<String, Value>, extra: &mut Map<String, Value>) -> MessageRole {
    let word = text(object, "role").unwrap_or("system");
    let (role, ours) = match word {
        "system" => (MessageRole::System, true),
        "user" => (MessageRole::User, true),
        "agent" => (MessageRole::Agent, true),
        "assistant" | "model" | "bot" => (MessageRole::Agent, false),
        "human" | "operator" => (MessageRole::User, false),
        _ => (MessageRole::System, false),
    };
    if !ours {
        extra.insert("importedRole".to_owned(), Value::from(word));
    }
    role
}

fn note(file: &str, line: Record, thread: &Thread, bad: &mut Vec<BadLine>) -> Option<Note> {
    let object = &line.object;
    let (Some("note"), Some(content)) = (text(object, "type"), text(object, "content")) else {
        let bytes = Value::Object(line.object).to_string();
        bad.push(BadLine::new(file, line.line, "is not a note with content", bytes.as_bytes()));
        return None;
    };
    Some(Note {
        thread_id: thread.thread_id.clone(),
        ordinal: 0,
        created_at: time(object, "createdAt").unwrap_or(thread.created_at),
        author: text(object, "author").unwrap_or("unknown").to_owned(),
        content: content.to_owned(),
        extra: extra(object, &NOTE_KEYS),
    })
}

/// The channel, and the word for it where that is not ours. An unknown channel is held at the terminal, where somebody sees it.
fn channel(object: &Map<String, Value>) -> (Channel, Option<String>) {
    let word = text(object, "channel").unwrap_or("cli");
    let channel = word.parse().unwrap_or(Channel::Cli);
    (channel, (word != channel.name()).then(|| word.to_owned()))
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

fn time(object: &Map<String, Value>, key: &str) -> Option<Timestamp> {
    object.get(key).and_then(Value::as_i64).map(Timestamp::from_ms)
}

/// The members with other keys than the contract has.
fn extra(object: &Map<String, Value>, own: &[&str]) -> Map<String, Value> {
    object.iter().filter(|(key, _)| !own.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}
