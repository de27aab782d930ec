//! What makes a chat feel alive: typing, answers as they grow, the short answer to a press. None of it is owed; what is late is left out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;
use wakeman_present::discord;
use wakeman_types::{Channel, LiveEvent};

use crate::backoff::Backoff;
use crate::post::{Post, show};
use crate::rest::Ask;
use crate::{Adapter, DiscordError};

/// Discord shows typing for ten seconds.
const TYPING_EVERY: Duration = Duration::from_secs(8);
/// Only the person who pressed sees it.
const EPHEMERAL: u64 = 1 << 6;

/// An answer that grew since it was last shown.
struct Grown {
    text: String,
    reply_to: Option<String>,
    due: Instant,
}

/// A chat, and the key of an answer there.
type Place = (String, String);

/// An answer was shown; `again`: there was no room for it.
struct After {
    place: Place,
    again: Option<Grown>,
}

/// Listens for ever.
pub(crate) async fn serve(adapter: &Adapter) -> Result<(), DiscordError> {
    let mut tries = Backoff::new(&adapter.options);
    loop {
        match adapter.gateway.live(Channel::Discord).await {
            Ok(mut events) => {
                tries.reset();
                listen(adapter, &mut events).await;
            }
            Err(error) => tracing::debug!(%error, "discord: nothing to listen to"),
        }
        tries.wait(None).await;
    }
}

async fn listen(adapter: &Adapter, events: &mut wakeman_types::LiveStream) {
    let mut grown: HashMap<Place, Grown> = HashMap::new();
    let mut shown_at: HashMap<Place, Instant> = HashMap::new();
    let every = adapter.options.pace.edit;
    let mut typing: HashMap<String, Instant> = HashMap::new();
    let mut busy: FuturesUnordered<BoxFuture<'_, Option<After>>> = FuturesUnordered::new();
    // What is being shown at this moment.
    let mut under_way: HashSet<Place> = HashSet::new();
    loop {
        let free = grown.iter().filter(|(place, _)| !under_way.contains(*place));
        let next = free.min_by_key(|(_, one)| one.due).map(|(place, one)| (place.clone(), one.due));
        tokio::select! {
            event = events.next() => match event {
                Some(LiveEvent::Text { chat, key, reply_to, text }) => {
                    let place = (chat, key);
                    match grown.get_mut(&place) {
                        // Only the newest counts: edits in between are left out.
                        Some(one) => one.text = text,
                        None => {
                            let now = Instant::now();
                            let due = shown_at.get(&place).map_or(now, |at| *at + every);
                            grown.insert(place, Grown { text, reply_to, due });
                        }
                    }
                }
                Some(LiveEvent::Typing { chat }) => {
                    let now = Instant::now();
                    if typing.get(&chat).is_none_or(|last| now - *last >= TYPING_EVERY) {
                        typing.retain(|_, last| now - *last < TYPING_EVERY);
                        typing.insert(chat.clone(), now);
                        busy.push(type_in(adapter, chat).map(|()| None).boxed());
                    }
                }
                Some(LiveEvent::Answer { inbound, text, alert: _ }) => {
                    busy.push(answer(adapter, inbound, text).map(|()| None).boxed());
                }
                None => return,
            },
            place = wait(next) => {
                let Some(one) = grown.remove(&place) else { continue };
                under_way.insert(place.clone());
                busy.push(async move { Some(After { again: grow(adapter, &place, one).await, place }) }.boxed());
            }
            Some(done) = busy.next(), if !busy.is_empty() => if let Some(After { place, again }) = done {
                let now = Instant::now();
                under_way.remove(&place);
                // What was said meanwhile is newer than what had no room.
                match (grown.get_mut(&place), again) {
                    (Some(one), _) => one.due = now + every,
                    (None, Some(again)) => drop(grown.insert(place.clone(), again)),
                    (None, None) => {}
                }
                shown_at.retain(|_, at| now - *at < every);
                shown_at.insert(place, now);
            }
        }
    }
}

/// The answer that is due next, once it is.
async fn wait(next: Option<(Place, Instant)>) -> Place {
    match next {
        Some((place, due)) => {
            tokio::time::sleep_until(due).await;
            place
        }
        None => std::future::pending().await,
    }
}

async fn type_in(adapter: &Adapter, chat: String) {
    let Ok(channel) = adapter.chats.channel(&chat, &adapter.rest).await else { return };
    // Nothing is lost if nobody sees it.
    let _ = adapter.rest.ask(Ask::new(Method::POST, format!("/channels/{channel}/typing"), None)).await;
}

/// Shows a growing answer; it is handed back if there is no room for it now.
async fn grow(adapter: &Adapter, place: &Place, one: Grown) -> Option<Grown> {
    let (chat, key) = (place.0.as_str(), place.1.as_str());
    let channel = adapter.chats.channel(chat, &adapter.rest).await.ok()?;
    let every = adapter.options.pace.edit;
    if !adapter.rest.allowance.spare(channel) {
        return Some(Grown { due: Instant::now() + every, ..one });
    }
    let held = adapter.chats.chat(chat);
    let mut held = held.lock().await;
    let shown = held.shown(key);
    let parts = discord::text(&one.text);
    if shown.settled || parts.is_empty() {
        return None;
    }
    let begun = shown.ids.is_empty();
    let post = Post {
        channel,
        parts: &parts,
        buttons: &[],
        picture: None,
        nonce: [chat, key],
        reply_to: one.reply_to.as_deref(),
        refresh: false,
        until: Instant::now() + adapter.options.pace.lease,
    };
    if let Err(error) = show(adapter, shown, &post).await {
        tracing::debug!(%error, "discord: a growing answer was not shown");
    }
    let first = shown.ids.first().filter(|_| begun).map(u64::to_string);
    drop(held);
    if let Some(reference) = first
        && let Err(error) = adapter.gateway.placed(Channel::Discord, chat, key, &reference).await
    {
        tracing::warn!(%error, "discord: where an answer grows could not be stored");
    }
    None
}

/// The short answer to a press, for the person alone.
async fn answer(adapter: &Adapter, inbound: String, text: String) {
    let Some(token) = adapter.chats.token(&inbound).filter(|_| !text.trim().is_empty()) else { return };
    let path = format!("/webhooks/{}/{token}", adapter.chats.application());
    for part in discord::text(&text).into_iter().take(1) {
        let mut body = crate::body::message(&part, &[]);
        body["flags"] = json!(EPHEMERAL | 4);
        let mut tries = Backoff::new(&adapter.options);
        // A short answer that comes twice is better than none; after that the card says it.
        while let Err(error) = adapter.rest.ask(Ask::new(Method::POST, path.clone(), Some(body.clone()))).await {
            tracing::debug!(%error, "discord: a press was not answered");
            if tries.tries() >= 2 || matches!(error, crate::rest::RestError::Refused { .. }) {
                return;
            }
            tries.wait(error.retry_after()).await;
        }
    }
}
