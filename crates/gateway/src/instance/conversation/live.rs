//! Keeping a conversation's files as the database has them.

use std::{io::Write, os::unix::fs::FileExt, path::Path};

use wakeman_store::{Cursor, ListQuery, Order, Page, Store, Versioned};
use wakeman_types::{Message, Note, Thread, ThreadId};

use super::{
    render::{Line, header_line},
    tail::{self, Ends},
};
use crate::instance::{
    InstanceDir, InstanceError,
    atomic::{AtomicFile, ensure_folder},
    dir::conversation_folder,
};

/// The newest records among which the file's last line is looked for. More than this since the last call: the file is rewritten.
const NEWEST: usize = 32;

/// Brings the files of `thread` up to date with the database, at a cost that does not grow with the conversation. `false`: there
/// is no such thread. One caller at a time per instance.
///
/// Nothing is synced: the database is the truth, and what a power cut tore is mended by the next call.
///
/// # Errors
/// [`InstanceError::Store`], [`InstanceError::Io`], [`InstanceError::Folder`].
pub async fn sync_conversation(dir: &InstanceDir, store: &Store, thread: &ThreadId) -> Result<bool, InstanceError> {
    let Some(thread) = store.get::<Thread>(thread.as_str()).await? else { return Ok(false) };
    let conversations = dir.conversations();
    sync::<Message>(&conversations, store, &thread.value).await?;
    sync::<Note>(&conversations, store, &thread.value).await?;
    Ok(true)
}

/// Writes both files of `thread` whole into `conversations/<conversationId>/`; how many messages and notes they have.
///
/// # Errors
/// As [`sync_conversation`].
pub async fn rewrite_conversation(
    conversations: &Path,
    store: &Store,
    thread: &Thread,
) -> Result<(u64, u64), InstanceError> {
    let messages = rewrite::<Message>(conversations, store, thread, OnDisk::Now).await?;
    let notes = rewrite::<Note>(conversations, store, thread, OnDisk::Now).await?;
    Ok((messages, notes))
}

async fn sync<R: Line>(conversations: &Path, store: &Store, thread: &Thread) -> Result<(), InstanceError> {
    let query = ListQuery::newest(NEWEST).parent(thread.thread_id.as_str());
    let newest: Page<Versioned<R>> = store.list(&query).await?;
    let path = conversation_folder(conversations, &thread.conversation_id)?.join(R::FILE.file_name());
    let header = header_line(R::FILE, thread, R::updated_at(thread, newest.items.first().map(|found| &found.value)));
    let appended = append(&path, &header, &newest).map_err(InstanceError::io("write", &path))?;
    if !appended {
        rewrite::<R>(conversations, store, thread, OnDisk::Later).await?;
    }
    Ok(())
}

/// Appends what the file lacks and puts the header in place. `false`: the file is not a beginning of what it should be.
fn append<R: Line>(path: &Path, header: &str, newest: &Page<Versioned<R>>) -> std::io::Result<bool> {
    let Some(file) = tail::open(path)? else { return Ok(false) };
    let Some(ends) = tail::ends(&file)?.filter(|ends| ends.first.len() == header.len()) else { return Ok(false) };
    let Some(missing) = missing_lines(&ends, newest) else { return Ok(false) };
    file.write_all_at(missing.as_bytes(), ends.bytes)?;
    if ends.first != header.as_bytes() {
        // After the lines: a header that is behind is mended by the next call, a header that is ahead would lie.
        file.write_all_at(header.as_bytes(), 0)?;
    }
    Ok(true)
}

/// The lines after the file's last one; `None` when that is not one of the newest.
fn missing_lines<R: Line>(ends: &Ends, newest: &Page<Versioned<R>>) -> Option<String> {
    let mut newer = Vec::new();
    let mut known = ends.last == ends.first && newest.next.is_none();
    for found in &newest.items {
        let line = found.value.line();
        if line.as_bytes() == ends.last {
            known = true;
            break;
        }
        newer.push(line);
    }
    known.then(|| newer.iter().rev().flat_map(|line| [line.as_str(), "\n"]).collect())
}

/// Whether a file must be on the disk before going on.
#[derive(Clone, Copy)]
enum OnDisk {
    Now,
    Later,
}

async fn rewrite<R: Line>(
    conversations: &Path,
    store: &Store,
    thread: &Thread,
    on_disk: OnDisk,
) -> Result<u64, InstanceError> {
    let folder = conversation_folder(conversations, &thread.conversation_id)?;
    ensure_folder(&folder)?;
    let path = folder.join(R::FILE.file_name());
    let last = store.list::<R>(&ListQuery::newest(1).parent(thread.thread_id.as_str())).await?;
    let updated_at = R::updated_at(thread, last.items.first().map(|found| &found.value));
    let mut file = AtomicFile::create(&path)?;
    let mut text = header_line(R::FILE, thread, updated_at) + "\n";
    let mut records = 0;
    let mut after: Option<Cursor> = None;
    loop {
        let query = ListQuery { order: Order::Oldest, limit: 500, ..ListQuery::default() };
        let page = store.list::<R>(&query.parent(thread.thread_id.as_str()).after(after)).await?;
        records += page.items.len() as u64;
        text.extend(page.items.iter().map(|found| found.value.line() + "\n"));
        file.write_all(text.as_bytes()).map_err(InstanceError::io("write", &path))?;
        text.clear();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    match on_disk {
        OnDisk::Now => finish(file).await?,
        OnDisk::Later => file.finish_unsynced()?,
    }
    Ok(records)
}

/// The sync to disk blocks: it waits where waiting is cheap.
async fn finish(file: AtomicFile) -> Result<(), InstanceError> {
    match tokio::task::spawn_blocking(move || file.finish()).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
