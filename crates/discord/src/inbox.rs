//! What comes in: read in its order, stored together with how far that is, and what was missed while away.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
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
/// How long something new waits at most for what was missed in its channel, once in a session; then they take turns.
const PATIENCE: Duration = Duration::from_secs(1);
/// Channels whose missed messages are asked for at once.
const TOGETHER: usize = 4;
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
        asked: FuturesUnordered::new(),
        asking: BTreeSet::new(),
        late: BTreeSet::new(),
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
        inbox.ask_on();
        if waiting.is_empty() {
            let mut some = Vec::new();
            tokio::select! {
                count = told.recv_many(&mut some, BATCH) => if count == 0 { return Ok(()) },
                Some(page) = inbox.asked.next() => {
                    if let Some(missed) = inbox.paged(page) {
                        inbox.store_now(missed).await;
                    }
                }
                () = tokio::time::sleep_until(inbox.again), if inbox.is_put_off() => {}
            }
            waiting.extend(some);
        }
        inbox.take(&mut waiting).await;
    }
}

/// A page of what was said in a channel after a message.
struct Page {
    channel: u64,
    after: u64,
    found: Result<Value, RestError>,
}

/// What is stored together.
#[derive(Default)]
struct Batch {
    inbound: Vec<Inbound>,
    /// How many of them are new, and not fetched.
    new: usize,
    /// When the first of those was heard.
    since: Option<Instant>,
}

/// The channel in which an event is somebody's words or deed.
fn spoken_in(kind: &str, data: &Value, me: u64) -> Option<u64> {
    let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
    let theirs = match kind {
        "MESSAGE_CREATE" => id(&data["author"]["id"]) != Some(me),
        "INTERACTION_CREATE" | "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => true,
        _ => false,
    };
    id(&data["channel_id"]).filter(|_| theirs)
}

/// Marks a message as said in a guild, if it is one at all.
fn in_guild(message: &mut Value) {
    if let Some(fields) = message.as_object_mut() {
        fields.insert("guild_id".to_owned(), "1".into());
    }
}

struct Inbox<'a> {
    adapter: &'a Adapter,
    me: u64,
    checkpoint: Checkpoint,
    /// The place in the session that was last stored.
    stored: u64,
    /// What was missed is asked for beside what is taken.
    asked: FuturesUnordered<BoxFuture<'a, Page>>,
    /// Of which channels.
    asking: BTreeSet<u64>,
    /// Channels that something new waited for in vain since the session began.
    late: BTreeSet<u64>,
    /// The channel that was asked in vain last.
    failed: u64,
    /// Nothing that was missed is asked for before.
    again: Instant,
    tries: Backoff,
}

impl<'a> Inbox<'a> {
    /// Stores what was told, up to the beginning of a session; what was missed in a channel before what is new there.
    async fn take(&mut self, waiting: &mut VecDeque<Told>) {
        let mut batch = Batch::default();
        while let Some(one) = waiting.pop_front() {
            match one {
                Told::Event { kind, data, seq, session, heard } => {
                    if let Some(channel) = spoken_in(&kind, &data, self.me).filter(|channel| self.is_awaited(*channel))
                    {
                        self.store(std::mem::take(&mut batch)).await;
                        batch.inbound = self.await_pages(channel).await;
                    }
                    if let Some(new) = self.event(&kind, data, seq, &session) {
                        batch.new += 1;
                        batch.since.get_or_insert(heard);
                        batch.inbound.push(new);
                    }
                }
                Told::Begun { session } => {
                    self.store(batch).await;
                    return self.begin(session).await;
                }
            }
        }
        self.store(batch).await;
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
        (self.stored, self.again) = (0, Instant::now());
        self.late.clear();
        // An answer of before does not hold what was said before this session began.
        self.asked.clear();
        self.asking.clear();
        self.store_now(Vec::new()).await;
    }

    /// Whether what was missed in a channel comes before what is new there. While Discord does not answer nobody waits.
    fn is_awaited(&self, channel: u64) -> bool {
        self.again <= Instant::now() && self.checkpoint.behind.contains_key(&channel) && !self.late.contains(&channel)
    }

    /// Whether what was missed is to be asked for later.
    fn is_put_off(&self) -> bool {
        self.asking.is_empty() && !self.checkpoint.behind.is_empty()
    }

    /// Asks for what was missed in the next channels, if it is time.
    fn ask_on(&mut self) {
        while self.asking.len() < TOGETHER && self.again <= Instant::now() {
            let behind = &self.checkpoint.behind;
            let later = behind.range((Bound::Excluded(self.failed), Bound::Unbounded));
            let mut in_turn = later.chain(behind.range(..=self.failed));
            let Some((&channel, &after)) = in_turn.find(|(channel, _)| !self.asking.contains(channel)) else { return };
            self.ask(channel, after);
        }
    }

    fn ask(&mut self, channel: u64, after: u64) {
        self.asking.insert(channel);
        self.asked.push(self.fetch(channel, after));
    }

    fn fetch(&self, channel: u64, after: u64) -> BoxFuture<'a, Page> {
        let adapter = self.adapter;
        Box::pin(async move {
            let path = format!("/channels/{channel}/messages?after={after}&limit={PAGE}");
            Page { channel, after, found: adapter.rest.ask(Ask::new(Method::GET, path, None)).await }
        })
    }

    /// What was missed in a channel in which something new waits, though not for long, and in others that are answered meanwhile; its
    /// last part is still to be stored.
    async fn await_pages(&mut self, channel: u64) -> Vec<Inbound> {
        let until = Instant::now() + PATIENCE;
        let mut missed = Vec::new();
        while self.is_awaited(channel)
            && let Some(&after) = self.checkpoint.behind.get(&channel)
        {
            if missed.len() >= BATCH {
                self.store_now(std::mem::take(&mut missed)).await;
            }
            if !self.asking.contains(&channel) {
                self.ask(channel, after);
            }
            self.ask_on();
            match tokio::time::timeout_at(until, self.asked.next()).await {
                Ok(Some(page)) => missed.extend(self.paged(page).unwrap_or_default()),
                Ok(None) | Err(_) => {
                    tracing::debug!(channel, "discord: what was missed takes too long to wait for");
                    self.late.insert(channel);
                }
            }
        }
        missed
    }

    /// What a page brings, to be stored with how far it is. What Discord does not tell is asked for later.
    fn paged(&mut self, Page { channel, after, found }: Page) -> Option<Vec<Inbound>> {
        self.asking.remove(&channel);
        if self.checkpoint.behind.get(&channel) != Some(&after) {
            return None;
        }
        match found {
            Ok(Value::Array(page)) => {
                self.tries.reset();
                return Some(self.missed(channel, after, page));
            }
            // Cut, or not Discord's: to take it for an empty page would lose what was missed.
            Ok(_) => {
                tracing::warn!(channel, "discord: what was missed is not told yet: the answer is no list of messages");
                self.put_off(channel, Duration::ZERO);
            }
            Err(error @ RestError::Refused { .. }) => {
                tracing::info!(%error, channel, "discord: a channel is out of reach");
                self.checkpoint.forget(channel);
            }
            Err(error) => {
                tracing::warn!(%error, channel, "discord: what was missed is not told yet");
                self.put_off(channel, error.retry_after().unwrap_or_default());
            }
        }
        None
    }

    /// The next try is another channel's, later: what one does not tell keeps no other waiting.
    fn put_off(&mut self, channel: u64, least: Duration) {
        self.failed = channel;
        let now = Instant::now();
        // Those that were asked together fail together: that is one try.
        let wait = if self.again > now { Duration::ZERO } else { self.tries.next() };
        self.again = self.again.max(now + wait.max(least));
    }

    /// One page of what was missed.
    fn missed(&mut self, channel: u64, after: u64, page: Vec<Value>) -> Vec<Inbound> {
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
                in_guild(&mut message);
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
        batch
    }

    /// Stores what was heard, if it is something or the place in the session moved far.
    async fn store(&mut self, batch: Batch) {
        let seq = self.checkpoint.session.as_ref().map_or(0, |session| session.seq);
        if !batch.inbound.is_empty() || seq >= self.stored + IDLE_MAX {
            self.store_now(batch.inbound).await;
        }
        if let Some(since) = batch.since {
            let took_ms = since.elapsed().as_millis();
            tracing::debug!(accepted.new = batch.new, accepted.took_ms = took_ms, "discord: stored");
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wakeman_types::Timestamp;

    use super::*;

    #[test]
    fn what_is_no_message_in_a_page_is_kept_as_not_understood_and_breaks_nothing() {
        let reader = Reader { me: 1, now: Timestamp::from_ms(0), session: "fetched", seq: 0 };
        for mut wrong in [json!("x"), json!(7), json!(null), json!([]), json!({}), json!({"id": 5, "author": "x"})] {
            in_guild(&mut wrong);
            let heard = reader.read("MESSAGE_CREATE", wrong.clone());
            assert!(heard.inbound.is_some() && heard.place.is_none(), "{wrong}");
            assert_eq!(spoken_in("MESSAGE_CREATE", &wrong, 1), None, "{wrong}");
        }
    }
}
