//! Carrying out a plan.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::json;
use wakeman_store::{Commit, Committed, JournalEvent, ListQuery, Order, Store};
use wakeman_types::{Entity, Message, Note, Thread, Timestamp};

use super::{
    TakeoverError,
    files::KEPT,
    plan::{TakenThread, TakeoverPlan},
    put::{Content, put},
};
use crate::instance::{InstanceDir, TemplateFile, atomic::ensure_folder, conversation::rewrite_conversation};

/// Rows of one commit.
const ROWS_MAX: usize = 500;

/// What applying a plan needs besides it.
pub struct TakeoverContext<'a> {
    /// When, for the journal.
    pub at: Timestamp,
    /// Who asked for it, for the journal: `cli:1000`.
    pub actor: &'a str,
    /// Sixteen random bytes a call, for the journal.
    pub salt: &'a (dyn Fn() -> [u8; 16] + Sync),
    /// The template: a file of the instance that is still as the template has it gives way.
    pub template: &'a [TemplateFile<'a>],
}

/// What applying a plan did. The second time everything is 0 and `written` empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeoverOutcome {
    /// Threads that were not there before.
    pub threads: usize,
    /// Messages that were not there before.
    pub messages: usize,
    /// Notes that were not there before.
    pub notes: usize,
    /// Files that were written, below the instance; conversations apart.
    pub written: Vec<PathBuf>,
    /// Files that were there with another content and were kept; the other content lies below `storage/takeover/`.
    pub kept: Vec<PathBuf>,
}

/// Writes the plan's files into `dir`, commits its conversations, and leaves its report in `storage/takeover/report.json`.
///
/// # Errors
/// [`TakeoverError`]. Running it again goes on where it stopped.
pub async fn apply_takeover(
    plan: &TakeoverPlan,
    dir: &InstanceDir,
    store: &Store,
    context: &TakeoverContext<'_>,
) -> Result<TakeoverOutcome, TakeoverError> {
    ensure_folder(dir.path())?;
    if dir.path().canonicalize().is_ok_and(|path| path == plan.source) {
        return Err(TakeoverError::Itself(plan.source.clone()));
    }
    let mut outcome = TakeoverOutcome::default();
    for file in &plan.files {
        put(dir, &file.to, Content::File(&file.from), context.template, &mut outcome)?;
    }
    for (path, bytes) in &plan.sidecars {
        put(dir, path, Content::Bytes(bytes), &[], &mut outcome)?;
    }
    for taken in &plan.threads {
        let added = add_thread(taken, store, context).await?;
        outcome.threads += usize::from(added.thread);
        outcome.messages += added.messages;
        outcome.notes += added.notes;
        let stored = store.get::<Thread>(&taken.thread.entity_id()).await?;
        let thread = stored.map_or_else(|| taken.thread.clone(), |found| found.value);
        rewrite_conversation(&dir.conversations(), store, &thread).await?;
    }
    let report = serde_json::to_value(&plan.report).expect("invariant: a report is plain data with string keys");
    let text = format!("{report:#}\n");
    put(dir, &Path::new(KEPT).join("report.json"), Content::Bytes(text.as_bytes()), &[], &mut outcome)?;
    Ok(outcome)
}

/// What one thread gained.
#[derive(Default)]
struct Added {
    thread: bool,
    messages: usize,
    notes: usize,
}

async fn add_thread(taken: &TakenThread, store: &Store, context: &TakeoverContext<'_>) -> Result<Added, TakeoverError> {
    let thread = &taken.thread;
    let known = store.get::<Thread>(&thread.entity_id()).await?;
    let messages = new_messages(taken, store).await?;
    let notes = new_notes(taken, store).await?;
    let added = Added { thread: known.is_none(), messages: messages.len(), notes: notes.len() };
    if !added.thread && added.messages + added.notes == 0 {
        return Ok(added);
    }
    let first = match known {
        None => Commit::durable(context.at).insert(thread),
        Some(known) => {
            let spoken = known.value.updated_at.max(thread.updated_at);
            Commit::durable(context.at).replace(&Thread { updated_at: spoken, ..known.value }, known.version)
        }
    };
    let event = JournalEvent {
        event_type: "thread.taken_over".to_owned(),
        actor: context.actor.to_owned(),
        subject: thread.thread_id.to_string(),
        payload: json!({"messages": added.messages, "notes": added.notes}),
        salt: (context.salt)(),
    };
    commit_rows(store, first.event(event), &messages, &notes, context.at).await?;
    Ok(added)
}

/// In commits of bounded size, oldest first: what a crash leaves is a beginning, and the next run adds the rest.
async fn commit_rows(
    store: &Store,
    first: Commit,
    messages: &[Message],
    notes: &[Note],
    at: Timestamp,
) -> Result<(), TakeoverError> {
    let mut commit = first;
    for batch in messages.chunks(ROWS_MAX) {
        land(store, batch.iter().fold(commit, Commit::insert)).await?;
        commit = Commit::durable(at);
    }
    for batch in notes.chunks(ROWS_MAX) {
        land(store, batch.iter().fold(commit, Commit::insert)).await?;
        commit = Commit::durable(at);
    }
    land(store, commit).await
}

async fn land(store: &Store, commit: Commit) -> Result<(), TakeoverError> {
    if commit.rows.is_empty() && commit.events.is_empty() {
        return Ok(());
    }
    match store.commit(commit).await? {
        Committed::Seq(_) => Ok(()),
        Committed::Conflict(conflict) => Err(TakeoverError::Conflict(conflict)),
    }
}

/// The plan's messages that the store does not have, numbered on from those it has.
async fn new_messages(taken: &TakenThread, store: &Store) -> Result<Vec<Message>, TakeoverError> {
    let thread = &taken.thread.thread_id;
    let mut fresh = Vec::new();
    for message in &taken.messages {
        if store.get::<Message>(&message.entity_id()).await?.is_none() {
            fresh.push(message.clone());
        }
    }
    let newest = store.list::<Message>(&ListQuery::newest(1).parent(thread.as_str())).await?;
    let last = newest.items.first().map_or(0, |found| found.value.ordinal);
    for (message, ordinal) in fresh.iter_mut().zip(last + 1..) {
        message.ordinal = ordinal;
    }
    Ok(fresh)
}

/// The plan's notes that the store does not have. A note has no id: as many equal ones as are there count as there.
async fn new_notes(taken: &TakenThread, store: &Store) -> Result<Vec<Note>, TakeoverError> {
    let thread = &taken.thread.thread_id;
    let identity = |note: &Note| (note.created_at, note.author.clone(), note.content.clone());
    let mut there: BTreeMap<_, usize> = BTreeMap::new();
    let mut last = 0;
    let mut query = ListQuery { order: Order::Oldest, limit: 1000, ..ListQuery::default() }.parent(thread.as_str());
    loop {
        let page = store.list::<Note>(&query).await?;
        for found in &page.items {
            *there.entry(identity(&found.value)).or_default() += 1;
            last = last.max(found.value.ordinal);
        }
        if page.next.is_none() {
            break;
        }
        query = query.after(page.next);
    }
    let mut fresh: Vec<Note> = Vec::new();
    for note in &taken.notes {
        match there.get_mut(&identity(note)).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => fresh.push(note.clone()),
        }
    }
    for (note, ordinal) in fresh.iter_mut().zip(last + 1..) {
        note.ordinal = ordinal;
    }
    Ok(fresh)
}
