//! The handle that everyone holds.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use sqlx::SqlitePool;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use wakeman_types::{Entity, Timestamp};

use crate::{
    commit::{Commit, Committed, Durability, Seq},
    crash,
    error::StoreError,
    feed::{CommitFeed, CommittedEvent},
    journal::{Erase, JournalEntry, JournalEvent, JournalHead, Verdict},
    lease::Lease,
    outbox::{ClaimedDelivery, OutboxItem, OutboxState, OutboxUpdate, Outcome},
    prepare::Prepared,
    query::{ListQuery, PAGE_LIMIT_MAX, Page, Purge},
    row::{Version, Versioned},
    sqlite::{self, Op, Request, Ticket, faults::Faults, jobs, read, read_journal, read_outbox},
};

/// Whether the store may change its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Creates, checks, migrates and writes.
    #[default]
    ReadWrite,
    /// Touches nothing and checks nothing: safe mode, to save what a damaged file still gives. Each read of what it no longer
    /// gives is answered [`StoreError::Damaged`].
    ReadOnly,
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether it may write.
    pub mode: Mode,
    /// How long to wait for another process before [`StoreError::Busy`].
    pub busy_timeout: Duration,
    /// The database never grows beyond this; then [`StoreError::Full`]. `None`: as large as the disk.
    pub max_bytes: Option<u64>,
    /// There was a database at the path: a file that is missing, empty or without a table is then damage, and not a beginning.
    pub existing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { mode: Mode::ReadWrite, busy_timeout: Duration::from_secs(5), max_bytes: None, existing: false }
    }
}

/// A handle to the store; clones are cheap and share everything.
///
/// Dropping a future of a writing method withdraws nothing once it was polled: the write may still land. Expected
/// versions make it safe to ask again.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    readers: SqlitePool,
    writer: Option<mpsc::Sender<Request>>,
    /// Weak: the feed ends when the writer does.
    feed: broadcast::WeakSender<CommittedEvent>,
    owed: watch::Receiver<()>,
    #[cfg_attr(not(any(test, feature = "failpoints")), expect(dead_code, reason = "only tests add faults"))]
    faults: Faults,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// Opening and closing.
/// How long readers are waited for at the end.
const READERS_CLOSE: std::time::Duration = std::time::Duration::from_secs(2);

impl Store {
    /// Opens the database file at `path`, creating it (mode 0600) and migrating it forward when needed. Its directory
    /// must exist. Must be called within a tokio runtime, which then runs the writer.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::NewerSchema`], [`StoreError::Io`], [`StoreError::Full`],
    /// [`StoreError::Busy`]; the file is then as it was.
    pub async fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let sqlite::Opened { readers, writer, feed, owed, faults } = sqlite::open(path, &options).await?;
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), readers, writer, feed, owed, faults }) })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Finishes what is queued, moves the log into the database and lets go of the file. Later calls on any clone get
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        // A read that was cut off may keep its connection for good. Nothing is lost with one, so it is not waited for without end.
        if tokio::time::timeout(READERS_CLOSE, self.inner.readers.close()).await.is_err() {
            tracing::warn!("store.readers_left_open");
        }
        let Some(writer) = &self.inner.writer else { return };
        let (sender, done) = oneshot::channel();
        if writer.send(Request::Close(sender)).await.is_ok() {
            // An error here means that the writer is gone, which is what was wanted.
            let _ = done.await;
        }
    }

    /// Writes a consistent copy into the new file `to` (mode 0600) while others go on writing.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `to` exists or cannot be written, [`StoreError::Full`].
    pub async fn backup_to(&self, to: &Path) -> Result<(), StoreError> {
        sqlite::backup(&self.inner.path, to).await
    }

    /// Reads every page, however large the database is: opening it for writing does that only up to 8 MiB. Changes nothing, and
    /// may be asked while others write.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing that is wrong.
    pub async fn check_whole(&self) -> Result<(), StoreError> {
        sqlite::check_whole(&self.inner.path, &self.inner.readers).await
    }

    /// Makes the next batch fail; several calls queue up.
    #[cfg(any(test, feature = "failpoints"))]
    pub fn fail_next(&self, fault: sqlite::faults::Fault) {
        self.inner.faults.add(fault);
    }
}

/// Writing.
impl Store {
    /// Writes all of `commit`, or nothing.
    ///
    /// # Errors
    /// As [`StoreError`] says; nothing was written then, except that a commit answered [`StoreError::Io`] may be found
    /// done after a crash. A lost race is no error but [`Committed::Conflict`].
    pub async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let prepared = Box::new(Prepared::new(commit)?);
        let (reply, answer) = oneshot::channel();
        self.request(Request::Commit(prepared, reply)).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// The next number of `kind`, from 1; each is given out once. One that no commit uses is lost.
    pub async fn next_number(&self, kind: &str) -> Result<u64, StoreError> {
        self.ask(jobs::NextNumber { kind: kind.to_owned() }).await
    }

    /// Takes the lease `name` for `ttl_ms` if it is free, lapsed, or held by the same `holder` (whose older epoch is then
    /// shut out). `None`: somebody else holds it.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl_ms: i64,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.ask(jobs::Acquire { name: name.to_owned(), holder: holder.to_owned(), ttl_ms, now }).await
    }

    /// Prolongs `lease` to `ttl_ms` from `now`. `None`: it was released or taken over.
    pub async fn renew_lease(&self, lease: &Lease, ttl_ms: i64, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        self.ask(jobs::Renew { lease: lease.clone(), ttl_ms, now }).await
    }

    /// Gives `lease` back. `false`: it was no longer held.
    pub async fn release_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.ask(jobs::Release { lease: lease.clone() }).await
    }

    /// Takes at most `limit` due messages of `channel`, at most one per chat and the oldest of its chat, for `lease_ms`.
    ///
    /// A message stays claimed until it is confirmed or the lease lapses; then it is claimable again, marked
    /// [`ClaimedDelivery::in_doubt`]. The claim is durable before it is answered.
    pub async fn claim(
        &self,
        channel: &str,
        holder: &str,
        lease_ms: i64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        // Mostly there is nothing to send: see that without a write.
        let due = read_outbox::claimable(&self.inner.readers, channel, now).await;
        if limit == 0 || !self.read("read the outbox", due)? {
            return Ok(Vec::new());
        }
        let (channel, holder) = (channel.to_owned(), holder.to_owned());
        crash::reach("outbox.claim.before");
        let claimed = self.ask(jobs::Claim { channel, holder, lease_ms, now, limit: limit.min(PAGE_LIMIT_MAX) }).await;
        crash::reach("outbox.claim.after");
        claimed
    }

    /// Ends every claim on `channel` at `now`; how many. For who knows that nobody else sends there: what a process that is gone had claimed
    /// need not wait for its lease.
    pub async fn lapse_claims(&self, channel: &str, now: Timestamp) -> Result<u64, StoreError> {
        self.ask(jobs::Lapse { channel: channel.to_owned(), now }).await
    }

    /// Records what became of a claimed message, and `event` with it. The same as a commit with
    /// [`OutboxUpdate::Confirm`]; durable when the message is sent or failed.
    pub async fn confirm(
        &self,
        delivery: &ClaimedDelivery,
        outcome: Outcome,
        event: Option<JournalEvent>,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let durability = match outcome {
            Outcome::Sent { .. } | Outcome::Failed { .. } => Durability::Full,
            Outcome::Retry { .. } | Outcome::Unavailable { .. } => Durability::Normal,
        };
        let update = OutboxUpdate::Confirm { id: delivery.id.clone(), epoch: delivery.epoch, outcome };
        let mut commit = Commit { durability, ..Commit::new(now) }.update_outbox(update);
        commit.events.extend(event);
        self.commit(commit).await
    }

    /// Turns journal payloads into tombstones: payload and salt are gone, the chain still verifies. How many.
    pub async fn erase_payloads(&self, erase: Erase) -> Result<u64, StoreError> {
        self.ask(jobs::ErasePayloads(erase)).await
    }

    /// Removes what is past its retention, at most `limit` of it; how many. Call again until it is fewer than `limit`.
    pub async fn purge(&self, purge: Purge, limit: usize) -> Result<u64, StoreError> {
        self.ask(jobs::PurgeRows { purge, limit }).await
    }

    /// Makes sure that deleted and purged bytes are in no file of the store any more. Erased payloads are so at once; what
    /// is deleted otherwise may linger in the log until this or the next close. Waits for running reads.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        self.ask(jobs::Scrub).await
    }

    async fn ask<O: Op + Sync>(&self, op: O) -> Result<O::Reply, StoreError> {
        let (ticket, answer) = Ticket::new(op);
        self.request(Request::Job(Box::new(ticket))).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn request(&self, request: Request) -> Result<(), StoreError> {
        let writer =
            self.inner.writer.as_ref().ok_or_else(|| StoreError::ReadOnly { path: self.inner.path.clone() })?;
        writer.send(request).await.map_err(|_| StoreError::Closed)
    }
}

/// Reading. Every read sees all commits that were answered before it began.
impl Store {
    /// The entity `id`, with its version.
    pub async fn get<E: Entity>(&self, id: &str) -> Result<Option<Versioned<E>>, StoreError> {
        let found = read::get(&self.inner.readers, E::KIND, id).await;
        self.read("read a row", found)?.map(decode).transpose()
    }

    /// The entity that has `unique_key`.
    pub async fn get_by_key<E: Entity>(&self, unique_key: &str) -> Result<Option<Versioned<E>>, StoreError> {
        let found = read::get_by_key(&self.inner.readers, E::KIND, unique_key).await;
        self.read("read a row", found)?.map(decode).transpose()
    }

    /// One page of entities.
    pub async fn list<E: Entity>(&self, query: &ListQuery) -> Result<Page<Versioned<E>>, StoreError> {
        let mut found = self.read("list rows", read::list(&self.inner.readers, E::KIND, query).await)?;
        let limit = query.limit.clamp(1, PAGE_LIMIT_MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(read::Found::cursor);
        Ok(Page { items: found.into_iter().map(decode).collect::<Result<_, _>>()?, next })
    }

    /// How many entities there are, in `state` or in all.
    pub async fn count<E: Entity>(&self, state: Option<&str>) -> Result<u64, StoreError> {
        self.read("count rows", read::count(&self.inner.readers, E::KIND, state).await)
    }

    /// The position `name`, as last committed.
    pub async fn checkpoint(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let text = self.read("read a checkpoint", read::checkpoint(&self.inner.readers, name).await)?;
        let parse =
            |text: String| serde_json::from_str(&text).map_err(|e| undecodable(format!("checkpoint {name}"), e));
        text.map(parse).transpose()
    }

    /// The message `id`.
    pub async fn outbox_item(&self, id: &str) -> Result<Option<OutboxItem>, StoreError> {
        self.read("read the outbox", read_outbox::get(&self.inner.readers, id).await)
    }

    /// Messages in `state` in the order of sending, after position `after` (0: from the start); at most 1000.
    pub async fn outbox(&self, state: OutboxState, after: i64, limit: usize) -> Result<Vec<OutboxItem>, StoreError> {
        let limit = limit.min(PAGE_LIMIT_MAX);
        self.read("read the outbox", read_outbox::list(&self.inner.readers, state, after, limit).await)
    }

    /// How many messages are in `state`.
    pub async fn outbox_count(&self, state: OutboxState) -> Result<u64, StoreError> {
        self.read("read the outbox", read_outbox::count(&self.inner.readers, state).await)
    }

    /// When [`Store::claim`] will next find something for `channel`; in the past if it would now, `None` if nothing waits.
    pub async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, StoreError> {
        self.read("read the outbox", read_outbox::next_due(&self.inner.readers, channel).await)
    }

    /// Changes whenever a message was owed, or one that was owed moved on. Closed with the store.
    pub fn outbox_changes(&self) -> watch::Receiver<()> {
        self.inner.owed.clone()
    }

    fn read<T>(&self, action: &str, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| sqlite::classify(&self.inner.path, action, error))
    }
}

/// The journal.
impl Store {
    /// Entries of `lane` from `from` on, oldest first; at most 1000.
    pub async fn journal(&self, lane: u64, from: Seq, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let limit = limit.min(PAGE_LIMIT_MAX);
        self.read("read the journal", read_journal::entries(&self.inner.readers, lane, from, limit).await)
    }

    /// Entries about `subject` from `from` on, oldest first; at most 1000.
    pub async fn journal_of(
        &self,
        subject: &str,
        lane: u64,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let limit = limit.min(PAGE_LIMIT_MAX);
        self.read("read the journal", read_journal::entries_of(&self.inner.readers, subject, lane, from, limit).await)
    }

    /// Where `lane` stands.
    pub async fn journal_head(&self, lane: u64) -> Result<JournalHead, StoreError> {
        self.read("read the journal", read_journal::head(&self.inner.readers, lane).await)
    }

    /// Checks every entry of `lane` from `from` on, the first of which must follow an entry with `previous_link`
    /// ([`crate::FIRST_PREVIOUS_LINK`] for entry 1). Streams: flat memory whatever the length.
    pub async fn verify_journal(&self, lane: u64, from: Seq, previous_link: &str) -> Result<Verdict, StoreError> {
        self.read("verify the journal", read_journal::verify(&self.inner.readers, lane, from, previous_link).await)
    }

    /// Follows committed events from now on.
    pub fn subscribe(&self) -> CommitFeed {
        let closed = || broadcast::channel(1).1;
        CommitFeed(self.inner.feed.upgrade().map_or_else(closed, |feed| feed.subscribe()))
    }
}

fn decode<E: Entity>(found: read::Found) -> Result<Versioned<E>, StoreError> {
    let value = serde_json::from_str(&found.body).map_err(|e| undecodable(format!("{} {}", E::KIND, found.id), e))?;
    Ok(Versioned { value, version: Version(found.version) })
}

fn undecodable(what: String, error: serde_json::Error) -> StoreError {
    StoreError::Decode { what, source: Arc::new(error) }
}
