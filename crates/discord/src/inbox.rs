//! What comes in: read in its order, stored together with how far that is, and what was missed while away.

use std::collections::VecDeque;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use wakeman_types::{Channel, Inbound};

use crate::backoff::Backoff;
use crate::checkpoint::{Checkpoint, Session};
use crate::events::{Heard, Reader};
use crate::rest::{Ask, RestError};
use crate::{Adapter, DiscordError};

/// Events that wait to be stored.
pub(crate) const QUEUE: usize = 512;
/// Events stored together.
const BATCH: usize = 64;
/// Pages of what was missed that are fetched before anything new is taken; then they take turns.
const PAGES_FIRST: u32 = 20;
/// Messages of a page.
const PAGE: usize = 100;
/// Events after which the place in the session is stored even if nobody spoke to us.
const IDLE_MAX: u64 = 200;

/// What the socket tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// A new session: what was said before it was not told.
    Begun { session: Session },
    Event {
        kind: String,
        data: Value,
        seq: u64,
        session: String,
        /// When the socket brought it.
        heard: Instant,
    },
}

/// Stores what arrives, for ever.
pub(crate) async fn serve(adapter: &Adapter, me: u64, mut told: Receiver<Told>) -> Result<(), DiscordError> {
    let left = adapter.gateway.checkpoint(Channel::Discord).await?;
    let mut inbox = Inbox {
        adapter,
        me,
        checkpoint: Checkpoint::read(left.as_deref()),
        stored: 0,
        pages: 0,
        failed: 0,
        again: Instant::now(),
        tries: Backoff::new(&adapter.options),
    };
    for (channel, seen) in &inbox.checkpoint.seen {
        if let Some(user) = seen.with {
            adapter.chats.direct(user, *channel);
        }
    }
    let mut waiting = VecDeque::new();
    loop {
        // What was missed comes first, as long as Discord tells it.
        if inbox.has_page() {
            inbox.page().await;
            if inbox.has_page() && inbox.pages < PAGES_FIRST {
                continue;
            }
        }
        if waiting.is_empty() {
            let mut some = Vec::new();
            tokio::select! {
                count = told.recv_many(&mut some, BATCH) => if count == 0 { return Ok(()) },
                () = tokio::time::sleep_until(inbox.again), if !inbox.checkpoint.behind.is_empty() => {}
            }
            waiting.extend(some);
        }
        inbox.take(&mut waiting).await;
    }
}

struct Inbox<'a> {
    adapter: &'a Adapter,
    me: u64,
    checkpoint: Checkpoint,
    /// The place in the session that was last stored.
    stored: u64,
    /// Pages fetched since the session began.
    pages: u32,
    /// The channel that was asked in vain last.
    failed: u64,
    /// Nothing that was missed is asked for before.
    again: Instant,
    tries: Backoff,
}

impl Inbox<'_> {
    /// Stores what was told, up to the beginning of a session.
    async fn take(&mut self, waiting: &mut VecDeque<Told>) {
        let mut batch = Vec::new();
        let mut since = None;
        while let Some(one) = waiting.pop_front() {
            match one {
                Told::Event { kind, data, seq, session, heard } => {
                    since.get_or_insert(heard);
                    batch.extend(self.event(&kind, data, seq, &session));
                }
                Told::Begun { session } => {
                    self.store(std::mem::take(&mut batch), since).await;
                    self.begin(session).await;
                    return;
                }
            }
        }
        self.store(batch, since).await;
    }

    fn event(&mut self, kind: &str, data: Value, seq: u64, session: &str) -> Option<Inbound> {
        if let Some(current) = self.checkpoint.session.as_mut().filter(|current| current.id == session) {
            current.seq = current.seq.max(seq);
        }
        let now = (self.adapter.options.now)();
        let heard = Reader { me: self.me, now, session, seq }.read(kind, data);
        self.note(heard)
    }

    fn note(&mut self, heard: Heard) -> Option<Inbound> {
        // A channel counts once somebody spoke to us there.
        let known = |channel: u64| self.checkpoint.seen.contains_key(&channel);
        if let Some(place) = heard.place.filter(|place| heard.inbound.is_some() || known(place.channel)) {
            if let Some(user) = place.with {
                self.adapter.chats.direct(user, place.channel);
            }
            self.checkpoint.saw(place.channel, place.message, place.with);
        }
        heard.inbound
    }

    /// A new session: stores where it begins, and that what was said since the last message that was taken is to be fetched.
    async fn begin(&mut self, session: Session) {
        self.checkpoint.fall_behind();
        self.checkpoint.session = Some(session);
        (self.stored, self.pages, self.again) = (0, 0, Instant::now());
        self.store_now(Vec::new()).await;
    }

    /// Whether something that was missed can be asked for now.
    fn has_page(&self) -> bool {
        !self.checkpoint.behind.is_empty() && self.again <= Instant::now()
    }

    /// Fetches one page of what was missed in one channel and stores it with how far that is. What Discord does not tell is asked for
    /// later; nobody waits for it.
    async fn page(&mut self) {
        let behind = &self.checkpoint.behind;
        let next = behind.range(self.failed + 1..).next().or(behind.first_key_value());
        let Some((&channel, &after)) = next else { return };
        let path = format!("/channels/{channel}/messages?after={after}&limit={PAGE}");
        match self.adapter.rest.ask(Ask::new(Method::GET, path, None)).await {
            Ok(answer) => {
                self.tries.reset();
                self.pages += 1;
                self.missed(channel, after, answer).await;
            }
            Err(error @ RestError::Refused { .. }) => {
                tracing::info!(%error, channel, "discord: a channel is out of reach");
                self.checkpoint.forget(channel);
            }
            Err(error) => {
                tracing::warn!(%error, channel, "discord: what was missed is not told yet");
                // The next try is another channel's: what one does not tell keeps no other waiting.
                self.failed = channel;
                self.again = Instant::now() + self.tries.next().max(error.retry_after().unwrap_or_default());
            }
        }
    }

    /// One page of what was missed.
    async fn missed(&mut self, channel: u64, after: u64, answer: Value) {
        let page = if let Value::Array(page) = answer { page } else { Vec::new() };
        let whole = page.len() >= PAGE;
        let direct = self.checkpoint.seen.get(&channel).is_some_and(|seen| seen.with.is_some());
        let mut batch = Vec::new();
        let mut newest = after;
        // Discord tells the newest first.
        for mut message in page.into_iter().rev() {
            let id = message["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
            newest = newest.max(id);
            // What is fetched does not say which guild it is of, and without one it would count as said in private.
            if !direct {
                message["guild_id"] = serde_json::json!("1");
            }
            let now = (self.adapter.options.now)();
            let heard = Reader { me: self.me, now, session: "fetched", seq: id }.read("MESSAGE_CREATE", message);
            batch.extend(self.note(heard));
        }
        if whole && newest > after {
            self.checkpoint.behind.insert(channel, newest);
        } else {
            self.checkpoint.behind.remove(&channel);
        }
        self.store_now(batch).await;
    }

    /// Stores what was heard `since`, if it is something or the place in the session moved far.
    async fn store(&mut self, batch: Vec<Inbound>, since: Option<Instant>) {
        let seq = self.checkpoint.session.as_ref().map_or(0, |session| session.seq);
        let new = batch.len();
        if new > 0 || seq >= self.stored + IDLE_MAX {
            self.store_now(batch).await;
        }
        if let Some(since) = since.filter(|_| new > 0) {
            let took_ms = since.elapsed().as_millis();
            tracing::debug!(accepted.new = new, accepted.took_ms = took_ms, "discord: stored");
        }
    }

    /// One commit of what was said and how far that is; tried until it is stored, for nothing else may be taken before.
    async fn store_now(&mut self, batch: Vec<Inbound>) {
        let mut tries = Backoff::new(&self.adapter.options);
        let text = self.checkpoint.text();
        while let Err(error) =
            self.adapter.gateway.accept_inbound(Channel::Discord, batch.clone(), Some(text.clone())).await
        {
            tracing::error!(%error, messages = batch.len(), "discord: what was said cannot be stored; trying again");
            tries.wait(None).await;
        }
        self.stored = self.checkpoint.session.as_ref().map_or(0, |session| session.seq);
    }
}
