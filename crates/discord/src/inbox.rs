//! What comes in: read in its order, stored together with how far that is, and what was missed while away.

use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use wakeman_types::{Channel, Inbound};

use crate::backoff::Backoff;
use crate::checkpoint::{Checkpoint, Session};
use crate::events::{Heard, Reader};
use crate::rest::{Ask, RestError};
use crate::{Adapter, DiscordError, commands};

/// Events that wait to be stored.
pub(crate) const QUEUE: usize = 512;
/// Events stored together.
const BATCH: usize = 64;
/// Messages of one channel that are fetched after an absence, in pages of 100.
const PAGES_MAX: usize = 20;
/// Events after which the place in the session is stored even if nobody spoke to us.
const IDLE_MAX: u64 = 200;

/// What the socket tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// A new session: what was said before it was not told.
    Begun {
        session: Session,
    },
    Event {
        kind: String,
        data: Value,
        seq: u64,
        session: String,
    },
}

/// Stores what arrives, for ever.
pub(crate) async fn serve(adapter: &Adapter, me: u64, mut told: Receiver<Told>) -> Result<(), DiscordError> {
    let left = adapter.gateway.checkpoint(Channel::Discord).await?;
    let mut inbox = Inbox { adapter, me, checkpoint: Checkpoint::read(left.as_deref()), stored: 0 };
    for (channel, seen) in &inbox.checkpoint.seen {
        if let Some(user) = seen.with {
            adapter.chats.direct(user, *channel);
        }
    }
    let mut some = Vec::new();
    let mut registered = false;
    loop {
        if told.recv_many(&mut some, BATCH).await == 0 {
            return Ok(());
        }
        let mut batch = Vec::new();
        for one in some.drain(..) {
            match one {
                Told::Event { kind, data, seq, session } => batch.extend(inbox.event(&kind, data, seq, &session)),
                Told::Begun { session } => {
                    inbox.begin(session, &mut batch).await;
                    if !std::mem::replace(&mut registered, true) {
                        commands::register(adapter).await;
                    }
                }
            }
        }
        inbox.store(batch).await;
    }
}

struct Inbox<'a> {
    adapter: &'a Adapter,
    me: u64,
    checkpoint: Checkpoint,
    /// The place in the session that was last stored.
    stored: u64,
}

impl Inbox<'_> {
    fn event(&mut self, kind: &str, data: Value, seq: u64, session: &str) -> Option<Inbound> {
        if let Some(current) = self.checkpoint.session.as_mut().filter(|current| current.id == session) {
            current.seq = current.seq.max(seq);
        }
        let now = (self.adapter.options.now)();
        let heard = Reader { me: self.me, now, session, seq }.read(kind, data);
        self.note(heard)
    }

    fn note(&mut self, heard: Heard) -> Option<Inbound> {
        if let Some(place) = heard.place {
            if let Some(user) = place.with {
                self.adapter.chats.direct(user, place.channel);
            }
            self.checkpoint.saw(place.channel, place.message, place.with);
        }
        heard.inbound
    }

    /// A new session: stores where it begins, and what was said since the last message that was taken.
    async fn begin(&mut self, session: Session, batch: &mut Vec<Inbound>) {
        self.store(std::mem::take(batch)).await;
        let seen: Vec<(u64, u64, Option<u64>)> =
            self.checkpoint.seen.iter().map(|(channel, seen)| (*channel, seen.message, seen.with)).collect();
        for (channel, after, with) in seen {
            self.catch_up(channel, after, with).await;
        }
        self.stored = 0;
        self.checkpoint.session = Some(session);
        self.store_now(Vec::new()).await;
    }

    /// What was said in a channel after a message.
    async fn catch_up(&mut self, channel: u64, mut after: u64, with: Option<u64>) {
        if after == 0 {
            return;
        }
        let mut tries = Backoff::new(&self.adapter.options);
        let mut pages = 0;
        while pages < PAGES_MAX {
            let path = format!("/channels/{channel}/messages?after={after}&limit=100");
            match self.adapter.rest.ask(Ask::new(Method::GET, path, None)).await {
                Ok(Value::Array(page)) => {
                    pages += 1;
                    if page.is_empty() {
                        return;
                    }
                    after = self.missed(page, after, with).await;
                }
                Ok(_) => return,
                Err(error @ (RestError::Refused { .. } | RestError::Token)) => {
                    tracing::info!(%error, channel, "discord: a channel is out of reach");
                    self.checkpoint.seen.remove(&channel);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, channel, "discord: what was missed is not told yet");
                    tries.wait(error.retry_after()).await;
                }
            }
        }
        tracing::warn!(channel, "discord: more was missed than is fetched; the rest has to be said again");
    }

    /// One page of what was missed; the newest message of it.
    async fn missed(&mut self, page: Vec<Value>, after: u64, with: Option<u64>) -> u64 {
        let mut batch = Vec::new();
        let mut newest = after;
        // Discord tells the newest first.
        for mut message in page.into_iter().rev() {
            let id = message["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
            newest = newest.max(id);
            // What is fetched does not say which guild it is of, and without one it would count as said in private.
            if with.is_none() {
                message["guild_id"] = serde_json::json!("1");
            }
            let now = (self.adapter.options.now)();
            let heard = Reader { me: self.me, now, session: "fetched", seq: id }.read("MESSAGE_CREATE", message);
            batch.extend(self.note(heard));
        }
        self.store(batch).await;
        newest
    }

    async fn store(&mut self, batch: Vec<Inbound>) {
        let seq = self.checkpoint.session.as_ref().map_or(0, |session| session.seq);
        if !batch.is_empty() || seq >= self.stored + IDLE_MAX {
            self.store_now(batch).await;
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
