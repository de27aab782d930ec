//! Who works on what came in: one chat after the order of arrival, different chats side by side.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;
use tokio::sync::{Notify, Semaphore};
use wakeman_store::{ListQuery, StoreError, Versioned};
use wakeman_types::{Entity, ErrorKind, GatewayError, Said};

use super::{
    InboundRow, InboundState,
    end::{End, land},
    press, text, watchman,
};
use crate::{core::Core, desk::Desk, pairing};

/// Chats that are worked on at the same time.
const CHATS_MAX: usize = 64;
/// Rows of one look.
const LOOK_MAX: usize = 1_000;
/// How often the inbox looks by itself; what comes in rings it at once.
const LOOK_MS: i64 = 5_000;
/// How often what cannot be done is tried before its end is that it could not be done.
const TRIES_MAX: u32 = 5;
/// The pause after each try.
const PAUSE_MS: i64 = 1_000;
/// What is said when our own code broke.
const BROKEN: &str = "That went wrong inside Wakeman; its log says where. Everything else goes on.";

/// Answers what came in. One for a process.
pub struct Inbox {
    pub(super) core: Arc<Core>,
    pub(super) desk: Arc<Desk>,
    /// Chats and turns that are under way, and whether something came in meanwhile.
    busy: Mutex<BTreeMap<String, bool>>,
    /// How often each row was tried in vain.
    tried: Mutex<BTreeMap<String, u32>>,
    room: Semaphore,
    /// Rings when one of them ended.
    ended: Notify,
}

/// Marks a chat or a turn as under way while it lives.
pub(super) struct Seat {
    inbox: Arc<Inbox>,
    name: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let wanted = self.inbox.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        self.inbox.ended.notify_waiters();
        // It may have come in after the last look here.
        if wanted == Some(true) {
            self.inbox.core.surfaces.arrived_in([std::mem::take(&mut self.name)]);
        }
    }
}

impl Inbox {
    /// An inbox whose verbs are the desk's. Call [`Inbox::recover`] before the first look.
    pub fn new(core: Arc<Core>, desk: Arc<Desk>) -> Arc<Self> {
        let (room, ended) = (Semaphore::new(CHATS_MAX), Notify::new());
        Arc::new(Self { core, desk, busy: Mutex::default(), tried: Mutex::default(), room, ended })
    }

    /// Takes up what an earlier process left: turns it was waiting for are asked after again, by their key.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn recover(&self) -> Result<(), StoreError> {
        pairing::load(&self.core).await?;
        let left = ListQuery::oldest(LOOK_MAX).state(InboundState::Asked.name());
        loop {
            let asked = self.core.store.list::<InboundRow>(&left).await?;
            for Versioned { value, version } in &asked.items {
                let again = InboundRow { state: InboundState::Received, ..value.clone() };
                let commit = wakeman_store::Commit::new(self.core.now()).replace(&again, *version);
                self.core.store.commit(commit).await.map(drop)?;
            }
            if asked.items.is_empty() {
                return Ok(());
            }
        }
    }

    /// Looks, and works until `stopped` resolves.
    pub async fn run(self: Arc<Self>, stopped: impl Future<Output = ()> + Send) {
        tokio::pin!(stopped);
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "inbox.look");
            }
            if let Err(error) = watchman::look(&self.core).await {
                tracing::error!(%error, "inbox.frontends");
            }
            tokio::select! {
                biased;
                () = &mut stopped => return,
                () = self.rung() => {}
                () = self.core.clock.sleep_until(self.core.now().plus_ms(LOOK_MS)) => {}
            }
        }
    }

    /// Begins on each chat that something comes into, until everything must be looked at: a long queue is not read again for each arrival.
    async fn rung(self: &Arc<Self>) {
        loop {
            self.core.surfaces.arrived.notified().await;
            let places = self.core.surfaces.take_places();
            if places.is_empty() {
                return;
            }
            self.begin(places);
        }
    }

    /// Works until nothing is left to do, the turns that are being answered included.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn idle(self: &Arc<Self>) -> Result<(), StoreError> {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.look().await? == 0 && self.busy.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Ok(());
            }
            ended.await;
        }
    }

    /// Waits until what was begun has ended, for `most_ms` at most. What has not is taken up by the next start.
    pub async fn rest(&self, most_ms: i64) {
        let until = self.core.now().plus_ms(most_ms);
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.busy.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            tokio::select! {
                () = ended => {}
                () = self.core.clock.sleep_until(until) => return,
            }
        }
    }

    /// Begins on every chat in which something waits. How many those were.
    async fn look(self: &Arc<Self>) -> Result<usize, StoreError> {
        let waiting = ListQuery::oldest(LOOK_MAX).state(InboundState::Received.name());
        let rows = self.core.store.list::<InboundRow>(&waiting).await?.items;
        Ok(self.begin(rows.into_iter().map(|row| row.value.place()).collect()))
    }

    /// Begins on those of these chats that nobody works on. How many those were.
    fn begin(self: &Arc<Self>, chats: BTreeSet<String>) -> usize {
        let seats: Vec<Seat> = chats.into_iter().filter_map(|chat| self.sit(chat)).collect();
        let begun = seats.len();
        for seat in seats {
            tokio::spawn(Arc::clone(self).serve(seat));
        }
        begun
    }

    /// The seat of a chat or a turn, if it is free; else it is taken up again when it is.
    pub(super) fn sit(self: &Arc<Self>, name: String) -> Option<Seat> {
        match self.busy.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()) {
            Entry::Occupied(mut taken) => {
                taken.insert(true);
                None
            }
            Entry::Vacant(free) => {
                free.insert(false);
                Some(Seat { inbox: Arc::clone(self), name })
            }
        }
    }

    /// One chat, until nothing waits there.
    async fn serve(self: Arc<Self>, seat: Seat) {
        let Ok(_room) = self.room.acquire().await else { return };
        let next = ListQuery::oldest(1).parent(seat.name.clone()).state(InboundState::Received.name());
        loop {
            let row = match self.core.store.list::<InboundRow>(&next).await {
                Ok(page) => page.items.into_iter().next(),
                Err(error) => return tracing::error!(%error, "inbox.read"),
            };
            let Some(row) = row else { return };
            let handled = AssertUnwindSafe(self.handle(&row)).catch_unwind().await;
            let handled = handled.unwrap_or_else(|_| Err(GatewayError::new(ErrorKind::Storage, BROKEN)));
            let Err(error) = handled else {
                self.forget(&row);
                continue;
            };
            tracing::error!(%error, inbound.id = row.value.inbound.id, "inbox.handle");
            if !self.in_vain(&row, &error).await {
                // It stays where it is, and is taken up anew.
                self.core.clock.sleep_until(self.core.now().plus_ms(PAUSE_MS)).await;
                return drop(self.sit(seat.name.clone()));
            }
        }
    }

    fn forget(&self, row: &Versioned<InboundRow>) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).remove(&row.value.entity_id());
    }

    /// Counts a try that failed, and after the last one ends the row with why. Whether it has its end now.
    async fn in_vain(&self, row: &Versioned<InboundRow>, error: &GatewayError) -> bool {
        // While we close and while its answer is on its way it is taken up later, however often that is.
        if self.desk.is_closing() || error.kind == ErrorKind::AlreadyDecided {
            return false;
        }
        let tries = {
            let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
            let tries = tried.entry(row.value.entity_id()).or_default();
            *tries += 1;
            *tries
        };
        if tries < TRIES_MAX {
            return false;
        }
        let end = End::told(&self.core, &row.value, InboundState::Failed, error.message.clone());
        let ended = land(&self.core, &row.value, row.version, end).await;
        if let Err(error) = &ended {
            tracing::error!(%error, inbound.id = row.value.inbound.id, "inbox.end");
        } else {
            self.forget(row);
        }
        ended.is_ok()
    }

    async fn handle(self: &Arc<Self>, row: &Versioned<InboundRow>) -> Result<(), GatewayError> {
        let Versioned { value: row, version } = row;
        let end = match &row.inbound.said {
            Said::Text { .. } => match text::said(self, row, *version).await? {
                Some(end) => end,
                // It became a turn, whose end is its end.
                None => return Ok(()),
            },
            Said::Press { .. } => press::pressed(self, row).await?,
            Said::Reaction { .. } => press::reacted(self, row).await?,
            Said::Other { kind } => {
                let kind = wakeman_present::sanitize(kind, 60);
                End::ignored(&self.core, &format!("not understood: {kind}"))
            }
        };
        // A lost race is decided anew: the row still waits.
        land(&self.core, row, *version, end).await.map(drop)
    }
}
