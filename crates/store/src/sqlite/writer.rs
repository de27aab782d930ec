//! The one task that writes. It answers after the fsync, never before.
//!
//! A batch is whatever waits when the one before is done, so the busier the store the larger the batch: the fsync's cost
//! is shared, no timer needed. A commit that conflicts leaves the others alone (the plan decides that). A batch that the
//! database refuses as a whole, for want of space or a broken disk, fails for all its members, and the next one starts
//! on a fresh connection.

use std::path::PathBuf;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{
    commit::{Committed, Durability, Seq},
    crash::reach_commit,
    error::StoreError,
    feed::CommittedEvent,
    plan::{self, Needs, Plan},
    prepare::Prepared,
};

use super::{Job, classify, faults::Faults, flush::flush, load::load, reserve};

/// The most members of one batch: bounds the memory and how long a waiter waits for others.
const BATCH_MAX: usize = 256;
/// The reserve is looked after behind the first batch that landed, and then behind every so many.
const REFILL_EVERY: u64 = 64;

/// What the writer is asked to do.
pub(crate) enum Request {
    Commit(Box<Prepared>, oneshot::Sender<Result<Committed, StoreError>>),
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

pub(crate) struct Writer {
    pub path: PathBuf,
    pub options: SqliteConnectOptions,
    pub conn: Option<SqliteConnection>,
    /// What the connection's `synchronous` stands at; `None`: not known.
    pub durability: Option<Durability>,
    pub queue: mpsc::Receiver<Request>,
    pub feed: broadcast::Sender<CommittedEvent>,
    /// Marked changed whenever the outbox is.
    pub owed: watch::Sender<()>,
    pub faults: Faults,
    /// Batches that landed.
    pub batches: u64,
}

#[derive(Default)]
struct Batch {
    commits: Vec<Prepared>,
    replies: Vec<oneshot::Sender<Result<Committed, StoreError>>>,
    jobs: Vec<Box<dyn Job>>,
    close: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn add(&mut self, request: Request) {
        match request {
            Request::Commit(commit, reply) => {
                self.commits.push(*commit);
                self.replies.push(reply);
            }
            Request::Job(job) => self.jobs.push(job),
            Request::Close(done) => self.close = Some(done),
        }
    }

    fn len(&self) -> usize {
        self.commits.len() + self.jobs.len()
    }

    fn is_open(&self) -> bool {
        self.close.is_none() && self.len() < BATCH_MAX
    }

    fn fail(mut self, error: &StoreError) {
        self.replies.into_iter().for_each(|reply| drop(reply.send(Err(error.clone()))));
        self.jobs.iter_mut().for_each(|job| job.answer(Err(error.clone())));
    }

    /// Fails everyone but the essential commits, and keeps those.
    fn keep_essential(self, error: &StoreError) -> Self {
        let mut kept = Self::default();
        let mut rest = Self { jobs: self.jobs, ..Self::default() };
        for (commit, reply) in self.commits.into_iter().zip(self.replies) {
            let batch = if commit.essential { &mut kept } else { &mut rest };
            batch.commits.push(commit);
            batch.replies.push(reply);
        }
        rest.fail(error);
        kept
    }
}

impl Writer {
    /// Serves until closed, or until the last handle is gone.
    pub async fn run(mut self) {
        while let Some(first) = self.queue.recv().await {
            let mut batch = Batch::default();
            batch.add(first);
            self.gather(&mut batch);
            // Those just answered get to run and may join: one fsync for all of them instead of two.
            tokio::task::yield_now().await;
            self.gather(&mut batch);
            let close = batch.close.take();
            if batch.len() > 0 {
                self.serve(batch).await;
            }
            if let Some(done) = close {
                self.shut().await;
                // A closer that no longer waits does not mind.
                let _ = done.send(());
                return;
            }
        }
        self.shut().await;
    }

    /// Adds whatever waits.
    fn gather(&mut self, batch: &mut Batch) {
        while batch.is_open()
            && let Ok(next) = self.queue.try_recv()
        {
            batch.add(next);
        }
    }

    async fn serve(&mut self, mut batch: Batch) {
        let alone = batch.len() == 1;
        match self.attempt(&batch.commits, &mut batch.jobs).await {
            Err(StoreError::Unexpected { .. }) if !alone => self.serve_each(batch).await,
            Err(error @ StoreError::Full { .. }) if batch.commits.iter().any(|commit| commit.essential) => {
                let batch = batch.keep_essential(&error);
                if !reserve::release(&self.path) {
                    return batch.fail(&error);
                }
                tracing::warn!(members = batch.len(), "store.reserve_used");
                // Ends: the reserve can be released only once.
                Box::pin(self.serve(batch)).await;
            }
            Err(error) => {
                tracing::warn!(members = batch.len(), error = %error, "store.batch_failed");
                batch.fail(&error);
            }
            Ok(answers) => {
                // A waiter that gave up still had its commit land; nobody is left to tell.
                batch.replies.into_iter().zip(answers).for_each(|(reply, answer)| drop(reply.send(Ok(answer))));
                batch.jobs.iter_mut().for_each(|job| job.answer(Ok(())));
                self.batches += 1;
                if self.batches % REFILL_EVERY == 1 {
                    reserve::refill(&self.path).await;
                }
            }
        }
    }

    /// One member spoilt the batch in a way the plan did not foresee: each gets a transaction of its own.
    async fn serve_each(&mut self, batch: Batch) {
        for (commit, reply) in batch.commits.iter().zip(batch.replies) {
            let answer = self.attempt(std::slice::from_ref(commit), &mut []).await;
            drop(reply.send(answer.map(|mut answers| answers.remove(0))));
        }
        for mut job in batch.jobs {
            let outcome = self.attempt(&[], std::slice::from_mut(&mut job)).await;
            job.answer(outcome.map(drop));
        }
    }

    async fn attempt(&mut self, commits: &[Prepared], jobs: &mut [Box<dyn Job>]) -> Result<Vec<Committed>, StoreError> {
        let result = self.transact(commits, jobs).await;
        if result.is_err() {
            // Whatever state the failure left the connection in, a new one has none of it.
            self.disconnect().await;
        }
        result
    }

    async fn transact(
        &mut self,
        commits: &[Prepared],
        jobs: &mut [Box<dyn Job>],
    ) -> Result<Vec<Committed>, StoreError> {
        let path = self.path.clone();
        let failed = |error| classify(&path, "commit", error);
        let of_commits = commits.iter().map(|commit| commit.durability);
        let durability = of_commits.chain(jobs.iter().map(|job| job.durability())).max().unwrap_or_default();
        self.connect(durability).await.map_err(failed)?;
        let Some(conn) = self.conn.as_mut() else { return Err(StoreError::Closed) };
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let known = load(&mut tx, &Needs::of(commits)).await.map_err(failed)?;
        let plan = plan::plan(&known, commits);
        flush(&mut tx, &plan).await.map_err(failed)?;
        for job in jobs.iter_mut() {
            job.run(&mut tx).await.map_err(failed)?;
        }
        self.faults.check(&path)?;
        let events = || plan.entries.iter().map(|entry| &*entry.event.event_type);
        reach_commit(events(), !plan.settles.is_empty(), true);
        tx.commit().await.map_err(failed)?;
        reach_commit(events(), !plan.settles.is_empty(), false);
        if jobs.iter().any(|job| job.scrubs()) {
            scrub(conn).await;
        }
        announce(&self.feed, &plan);
        if !plan.sends.is_empty() || !plan.settles.is_empty() {
            self.owed.send_replace(());
        }
        Ok(plan.answers)
    }

    /// A connection that gives `durability`.
    async fn connect(&mut self, durability: Durability) -> Result<(), sqlx::Error> {
        if self.conn.is_none() {
            self.durability = None;
            self.conn = Some(self.options.connect().await?);
        }
        if let Some(conn) = self.conn.as_mut().filter(|_| self.durability != Some(durability)) {
            let pragma = match durability {
                Durability::Normal => "PRAGMA synchronous = NORMAL",
                Durability::Full => "PRAGMA synchronous = FULL",
            };
            sqlx::query(pragma).execute(conn).await?;
            self.durability = Some(durability);
        }
        Ok(())
    }

    async fn disconnect(&mut self) {
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::debug!(error = %error, "store.disconnect_failed");
        }
    }

    async fn shut(&mut self) {
        if let Some(conn) = self.conn.as_mut() {
            scrub(conn).await;
        }
        self.disconnect().await;
    }
}

/// Moves the write-ahead log into the database and empties it, so that erased bytes do not linger there.
async fn scrub(conn: &mut SqliteConnection) {
    // Readers may keep a part of it; the next checkpoint takes that.
    if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(conn).await {
        tracing::debug!(error = %error, "store.checkpoint_failed");
    }
}

fn announce(feed: &broadcast::Sender<CommittedEvent>, plan: &Plan<'_>) {
    if feed.receiver_count() == 0 {
        return;
    }
    for entry in &plan.entries {
        // Fails only when the last reader has just left.
        let _ = feed.send(CommittedEvent {
            seq: Seq(entry.seq),
            at: wakeman_types::Timestamp::from_ms(entry.at_ms),
            event_type: entry.event.event_type.clone(),
            subject: entry.event.subject.clone(),
        });
    }
}
