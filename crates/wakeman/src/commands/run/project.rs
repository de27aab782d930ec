//! Projections: conversations and snapshots on disk, within a second of the commit. The database is the truth; these follow.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;
use wakeman_gateway::{
    Core, Desk,
    brain::Brain,
    instance::{InstanceDir, findings_snapshot, sync_conversation, threads_snapshot},
};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{Thread, ThreadId, Timestamp};

/// Between two looks.
const LOOK_MS: i64 = 400;
/// Where it is kept how far the files are.
const CHECKPOINT: &str = "projection.conversations";
/// Between two times that is kept.
const KEEP_MS: i64 = 5_000;
/// A start goes back by so much: what was written shortly before a power cut may not be on the disk.
const AGAIN_MS: i64 = 600_000;
/// What is left when the process ends is written by the next start.
const LAST: Duration = Duration::from_secs(3);
/// Threads of a page.
const THREADS: usize = 200;

/// Writes what changed since it looked last.
pub struct Projection {
    dir: InstanceDir,
    core: Arc<Core>,
    brain: Arc<Brain>,
    written: HashMap<ThreadId, u64>,
    spoken: Timestamp,
    last: Option<String>,
    /// How far it was when that was kept last, and when that was. `None`: not looked up yet.
    kept: Option<(Timestamp, Timestamp)>,
    status: bool,
}

impl Projection {
    /// A projection that has written nothing yet.
    pub fn new(dir: InstanceDir, core: Arc<Core>, brain: Arc<Brain>) -> Self {
        Self {
            dir,
            core,
            brain,
            written: HashMap::new(),
            spoken: Timestamp::default(),
            last: None,
            kept: None,
            status: true,
        }
    }

    /// For a process that asks no source: what the watch last saw of them stays as it wrote it.
    pub fn without_status(self) -> Self {
        Self { status: false, ..self }
    }

    /// Follows the database until stopped; what changed last is written before it ends.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = self.pass() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            tokio::select! {
                () = self.core.clock.sleep_until(self.core.now().plus_ms(LOOK_MS)) => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        if tokio::time::timeout(LAST, self.pass()).await.is_err() {
            tracing::warn!("projection.left_to_the_next_start");
        }
        self.keep().await;
    }

    /// From where the last process left off.
    async fn begin(&mut self) -> Result<(), String> {
        if self.kept.is_none() {
            let found = self.core.store.checkpoint(CHECKPOINT).await.map_err(|error| error.to_string())?;
            let spoken = found.and_then(|value| value["spoken"].as_i64()).unwrap_or_default();
            self.spoken = Timestamp::from_ms((spoken - AGAIN_MS).max(0));
            self.kept = Some((self.spoken, self.core.now()));
        }
        Ok(())
    }

    async fn keep(&mut self) {
        let now = self.core.now();
        if self.kept.is_none_or(|(spoken, _)| spoken == self.spoken) {
            return;
        }
        let commit = Commit::new(now).checkpoint(CHECKPOINT, json!({"spoken": self.spoken.ms()}));
        match self.core.store.commit(commit).await {
            Ok(_) => self.kept = Some((self.spoken, now)),
            // It costs the next start some work, no more.
            Err(error) => tracing::warn!(%error, "projection.not_kept"),
        }
    }

    /// One look. A file that cannot be written is logged and tried again; the database has it all.
    pub async fn pass(&mut self) {
        let changed = match self.conversations().await {
            Ok(changed) => changed,
            Err(error) => return tracing::error!(error, "projection.conversations"),
        };
        if let Err(error) = self.snapshots(changed).await {
            tracing::error!(error, "projection.snapshots");
        }
    }

    async fn conversations(&mut self) -> Result<bool, String> {
        self.begin().await?;
        let mut changed = false;
        // Oldest first and page by page: however many threads were spoken in since the last look, none is left out.
        let mut query = ListQuery::oldest(THREADS).since(self.spoken.ms());
        loop {
            let page = self.core.store.list::<Thread>(&query).await.map_err(|error| error.to_string())?;
            for found in &page.items {
                changed |= self.conversation(&found.value, found.version.0).await?;
            }
            // Threads older than the newest are never listed again: no need to remember them.
            let (spoken, listed) = (self.spoken, &page.items);
            self.written
                .retain(|id, _| listed.iter().any(|t| t.value.thread_id == *id && t.value.updated_at >= spoken));
            if self.kept.is_some_and(|(_, at)| self.core.now().since(at) >= KEEP_MS) {
                self.keep().await;
            }
            match page.next {
                Some(next) => query = query.after(Some(next)),
                None => return Ok(changed),
            }
        }
    }

    async fn conversation(&mut self, thread: &Thread, version: u64) -> Result<bool, String> {
        if self.written.get(&thread.thread_id) == Some(&version) {
            return Ok(false);
        }
        let synced = sync_conversation(&self.dir, &self.core.store, &thread.thread_id).await;
        synced.map_err(|error| error.to_string())?;
        self.written.insert(thread.thread_id.clone(), version);
        self.spoken = self.spoken.max(thread.updated_at);
        Ok(true)
    }

    async fn snapshots(&mut self, threads_changed: bool) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        if threads_changed {
            let threads = threads_snapshot(&self.core.store).await.map_err(|e| text(&e))?;
            self.dir.write_threads(&threads).map_err(|e| text(&e))?;
        }
        let findings = findings_snapshot(&self.core.store).await.map_err(|e| text(&e))?;
        let desk = Desk::with_brain(Arc::clone(&self.core), Arc::clone(&self.brain));
        let status = desk.status_now().await.map_err(|e| text(&e))?;
        let steady =
            json!([findings, status.open_findings, status.awaiting, status.components, status.model]).to_string();
        if self.last.as_deref() == Some(&steady) {
            return Ok(());
        }
        self.dir.write_findings(&findings).map_err(|e| text(&e))?;
        if self.status {
            self.dir.write_status(&json!(status)).map_err(|e| text(&e))?;
        }
        self.last = Some(steady);
        Ok(())
    }
}
