//! What the adapter remembers of chats while it runs: where direct messages are, what stands on the screen, whose press waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use crate::rest::{Rest, RestError};

/// Presses whose answer may still come.
const TOKENS_MAX: usize = 500;
/// Messages of one chat whose text is remembered.
const SHOWN_MAX: usize = 200;

/// One message on the screen, in as many parts as it needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) ids: Vec<u64>,
    /// What each part says, to skip edits that change nothing.
    pub(crate) says: Vec<String>,
    /// The last word was said: nothing that grew before may overwrite it.
    pub(crate) settled: bool,
}

/// One chat; whoever sends or edits there holds it, so that messages go out in order.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    shown: HashMap<String, Shown>,
    order: VecDeque<String>,
}

impl Chat {
    /// The message with a key; an empty one if there is none yet.
    pub(crate) fn shown(&mut self, key: &str) -> &mut Shown {
        if !self.shown.contains_key(key) {
            self.order.push_back(key.to_owned());
            while self.order.len() > SHOWN_MAX {
                self.order.pop_front().map(|old| self.shown.remove(&old));
            }
        }
        self.shown.entry(key.to_owned()).or_default()
    }
}

#[derive(Debug, Default)]
struct Inner {
    direct: HashMap<u64, u64>,
    chats: HashMap<String, Arc<AsyncMutex<Chat>>>,
    tokens: VecDeque<(String, String)>,
    application: u64,
}

/// All chats.
#[derive(Debug, Default)]
pub(crate) struct Chats {
    inner: Mutex<Inner>,
}

impl Chats {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn chat(&self, name: &str) -> Arc<AsyncMutex<Chat>> {
        self.with(|inner| Arc::clone(inner.chats.entry(name.to_owned()).or_default()))
    }

    /// Notes that `channel` is where we are alone with `user`.
    pub(crate) fn direct(&self, user: u64, channel: u64) {
        self.with(|inner| {
            inner.direct.insert(user, channel);
        });
    }

    /// The channel of a chat; direct messages are opened if they are not known.
    pub(crate) async fn channel(&self, chat: &str, rest: &Rest) -> Result<u64, RestError> {
        let unknown =
            || RestError::Refused { status: 404, code: 10_003, message: format!("{chat:?} is no Discord chat") };
        let Some(user) = chat.strip_prefix("dm:") else { return chat.parse().map_err(|_| unknown()) };
        let user: u64 = user.parse().map_err(|_| unknown())?;
        if let Some(channel) = self.with(|inner| inner.direct.get(&user).copied()) {
            return Ok(channel);
        }
        let channel = rest.direct(user).await?;
        self.direct(user, channel);
        Ok(channel)
    }

    /// Keeps what an interaction can be followed up with.
    pub(crate) fn keep_token(&self, inbound: &str, token: &str) {
        self.with(|inner| {
            inner.tokens.push_back((inbound.to_owned(), token.to_owned()));
            while inner.tokens.len() > TOKENS_MAX {
                inner.tokens.pop_front();
            }
        });
    }

    pub(crate) fn token(&self, inbound: &str) -> Option<String> {
        self.with(|inner| inner.tokens.iter().find(|(id, _)| id == inbound).map(|(_, token)| token.clone()))
    }

    pub(crate) fn set_application(&self, id: u64) {
        self.with(|inner| inner.application = id);
    }

    pub(crate) fn application(&self) -> u64 {
        self.with(|inner| inner.application)
    }
}
