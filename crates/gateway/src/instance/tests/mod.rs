//! Tests of the instance directory.

mod conversations;
mod files;
mod reading;
mod takeover;
mod takeover_odd;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;
use wakeman_store::{Commit, Options, Store};
use wakeman_types::{Channel, ConversationId, Message, MessageId, MessageRole, Note, Thread, ThreadId, Timestamp};

use super::InstanceDir;

/// 2026-04-20T05:10:00Z.
const MORNING: i64 = 1_776_661_800_000;

/// A root folder, an instance in it with nothing but its storage, and its store.
async fn instance() -> (TempDir, InstanceDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let dir = InstanceDir::new(root.path(), "default").unwrap();
    dir.create_from_template(&[]).unwrap();
    let store = Store::open(&dir.database(), Options::default()).await.unwrap();
    (root, dir, store)
}

fn thread(id: &str) -> Thread {
    Thread {
        thread_id: ThreadId::new(id),
        conversation_id: ConversationId::new(format!("conversation-2026-04-20T05-10-00-000Z-{id}")),
        channel: Channel::Cli,
        title: "Sign-ups \"down\"".to_owned(),
        created_at: Timestamp::from_ms(MORNING),
        updated_at: Timestamp::from_ms(MORNING),
    }
}

fn message(thread: &Thread, ordinal: u64, content: &str) -> Message {
    Message {
        conversation_id: thread.conversation_id.clone(),
        thread_id: thread.thread_id.clone(),
        message_id: MessageId::new(format!("m{ordinal}")),
        role: MessageRole::Agent,
        channel: Channel::System,
        content: content.to_owned(),
        created_at: Timestamp::from_ms(MORNING + ordinal as i64 * 1000),
        ordinal,
        extra: serde_json::Map::new(),
    }
}

fn note(thread: &Thread, ordinal: u64, content: &str) -> Note {
    Note {
        thread_id: thread.thread_id.clone(),
        ordinal,
        created_at: Timestamp::from_ms(MORNING + ordinal as i64 * 1000),
        author: "model".to_owned(),
        content: content.to_owned(),
        extra: serde_json::Map::new(),
    }
}

/// Says `content` in `thread`, as the gateway does: message and thread in one commit.
async fn say(store: &Store, thread: &mut Thread, ordinal: u64, content: &str) {
    let message = message(thread, ordinal, content);
    thread.updated_at = message.created_at;
    assert!(store.commit(Commit::new(message.created_at).put(thread).put(&message)).await.unwrap().landed());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Every file below `root` with its content, by path, in order.
fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
