//! From conversations to threads: each message once, numbered.

use std::collections::BTreeMap;

use serde_json::Value;
use wakeman_types::{Message, MessageId, Note, Thread, ThreadId};

use super::{conversations::Conversation, plan::TakenThread, report::TakeoverReport};

/// A thread that has several conversations becomes one, under its newest folder; each message keeps its own conversation id.
pub(super) fn merge(conversations: Vec<Conversation>, report: &mut TakeoverReport) -> Vec<TakenThread> {
    let mut threads: Vec<Merging> = Vec::new();
    let mut places: BTreeMap<ThreadId, usize> = BTreeMap::new();
    for conversation in conversations {
        let place = *places.entry(conversation.thread.thread_id.clone()).or_insert(threads.len());
        match threads.get_mut(place) {
            Some(merging) => merging.join(&conversation.thread, report),
            None => threads.push(Merging::new(conversation.thread.clone())),
        }
        threads[place].add(conversation, report);
    }
    threads.into_iter().map(|merging| merging.taken).collect()
}

struct Merging {
    taken: TakenThread,
    seen: BTreeMap<MessageId, usize>,
}

impl Merging {
    fn new(thread: Thread) -> Self {
        Self { taken: TakenThread { thread, messages: Vec::new(), notes: Vec::new() }, seen: BTreeMap::new() }
    }

    fn join(&mut self, other: &Thread, report: &mut TakeoverReport) {
        let known = &self.taken.thread;
        report.warnings.push(format!(
            "{} and {} are conversations of one thread; they go on in one folder",
            known.conversation_id, other.conversation_id
        ));
        let newest = if other.created_at >= known.created_at { other } else { known };
        self.taken.thread = Thread {
            created_at: known.created_at.min(other.created_at),
            updated_at: known.updated_at.max(other.updated_at),
            ..newest.clone()
        };
    }

    fn add(&mut self, conversation: Conversation, report: &mut TakeoverReport) {
        let file = format!("storage/conversations/{}/chat.jsonl", conversation.thread.conversation_id);
        for (message, line) in conversation.messages {
            if let Some(message) = self.once(message, &format!("{file}:{line}"), report) {
                let ordinal = self.taken.messages.len() as u64 + 1;
                self.seen.insert(message.message_id.clone(), self.taken.messages.len());
                self.taken.messages.push(Message { ordinal, ..message });
            }
        }
        for note in conversation.notes {
            let ordinal = self.taken.notes.len() as u64 + 1;
            self.taken.notes.push(Note { ordinal, ..note });
        }
    }

    /// The message, under another id if that is taken; `None` if it was there already.
    fn once(&self, mut message: Message, place: &str, report: &mut TakeoverReport) -> Option<Message> {
        let Some(&first) = self.seen.get(&message.message_id) else { return Some(message) };
        let id = message.message_id.clone();
        if (Message { ordinal: 0, ..self.taken.messages[first].clone() }) == message {
            report.warnings.push(format!("{place}: repeats message {id}; it is counted once"));
            return None;
        }
        let free = (2..).map(|n: u32| MessageId::new(format!("{id}~{n}"))).find(|id| !self.seen.contains_key(id));
        message.message_id = free.unwrap_or_else(|| id.clone());
        message.extra.insert("importedMessageId".to_owned(), Value::from(id.as_str()));
        report.warnings.push(format!("{place}: is another message {id}; it is kept as {}", message.message_id));
        Some(message)
    }
}
