//! What is owed: claimed, shown, confirmed.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use wakeman_present::{Block, Doc, Line, RenderContext, SENT_AGAIN, chart_image, delivery_doc, discord, parse_zone};
use wakeman_types::{Channel, ClaimedDelivery, DeliveryReport, Stuck, View};

use crate::backoff::Backoff;
use crate::body::Picture;
use crate::post::{Post, show};
use crate::rest::RestError;
use crate::{Adapter, DiscordError};

/// Chats served at once.
const CHATS_MAX: usize = 48;
/// Claims in vain before a pause.
const IDLE_MAX: u32 = 2;
/// See [`IDLE_MAX`].
const PAUSE: Duration = Duration::from_millis(200);
/// How long to listen for more before looking again.
const WAIT_MS: i64 = 30_000;

/// Delivers for ever: a task for each chat, so that none holds up another.
pub(crate) async fn serve(adapter: &Arc<Adapter>) -> Result<(), DiscordError> {
    let mut tries = Backoff::new(&adapter.options);
    let lease_ms = i64::try_from(adapter.options.pace.lease.as_millis()).unwrap_or(i64::MAX);
    let mut busy = JoinSet::new();
    let mut idle = 0;
    loop {
        while busy.len() >= CHATS_MAX {
            ended(busy.join_next().await)?;
        }
        well(adapter).await?;
        let until = Instant::now() + adapter.options.pace.lease;
        let room = u32::try_from(CHATS_MAX - busy.len()).unwrap_or(1);
        let claimed = match adapter.gateway.claim_deliveries(Channel::Discord, lease_ms, room).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "discord: what is owed cannot be claimed");
                tries.wait(None).await;
                continue;
            }
        };
        tries.reset();
        if claimed.is_empty() {
            idle += 1;
            more(adapter, &mut busy, idle).await?;
            continue;
        }
        idle = 0;
        for (chat, owed) in by_chat(claimed) {
            busy.spawn(in_order(Arc::clone(adapter), chat, owed, until));
        }
    }
}

type Ended = Result<(), DiscordError>;

fn ended(task: Option<Result<Ended, JoinError>>) -> Ended {
    match task {
        Some(Ok(result)) => result,
        // The lease lapses and it is owed again.
        Some(Err(error)) => {
            tracing::error!(%error, "discord: a delivery broke");
            Ok(())
        }
        None => Ok(()),
    }
}

/// Waits until more may be owed, or a chat is done.
async fn more(adapter: &Adapter, busy: &mut JoinSet<Ended>, idle: u32) -> Ended {
    tokio::select! {
        Some(task) = busy.join_next() => ended(Some(task)),
        () = async {
            // An error here is the next claim's too.
            let _ = adapter.gateway.deliveries_ready(Channel::Discord, WAIT_MS).await;
            if idle > IDLE_MAX {
                // Something was to be had, and it was not: it is not yet time, or what is before it is under way.
                tokio::time::sleep(PAUSE).await;
            }
        } => Ok(()),
    }
}

fn by_chat(claimed: Vec<ClaimedDelivery>) -> Vec<(String, Vec<ClaimedDelivery>)> {
    let mut chats: Vec<(String, Vec<ClaimedDelivery>)> = Vec::new();
    for one in claimed {
        match chats.iter_mut().find(|(chat, _)| *chat == one.delivery.chat) {
            Some((_, owed)) => owed.push(one),
            None => chats.push((one.delivery.chat.clone(), vec![one])),
        }
    }
    chats
}

/// Waits while Discord is not well: what is claimed then only comes back.
async fn well(adapter: &Adapter) -> Result<(), DiscordError> {
    let mut tries = Backoff::new(&adapter.options);
    while adapter.health.is_ill() {
        match adapter.rest.me().await {
            Ok(_) => adapter.health.set_ill(false),
            Err(RestError::Token) => return Err(DiscordError::Token),
            Err(error) => tries.wait(error.retry_after()).await,
        }
    }
    Ok(())
}

/// The messages of one chat, one after the other; ours until `until`.
async fn in_order(adapter: Arc<Adapter>, chat: String, owed: Vec<ClaimedDelivery>, until: Instant) -> Ended {
    let held = adapter.chats.chat(&chat);
    for one in owed {
        let mut held = held.lock().await;
        let result = deliver(&adapter, &mut held, &one, until).await;
        drop(held);
        let refused = matches!(result, Err(RestError::Token));
        let id = one.delivery.id.as_str();
        if result.is_ok() {
            stuck(&adapter).arrived(id);
        }
        match &result {
            Err(error) if error.is_ill() => adapter.health.sent(Some(error.to_string())),
            Ok(_) | Err(RestError::Refused { .. }) => adapter.health.sent(None),
            Err(_) => {}
        }
        let report = match result {
            Ok(mut references) if references.len() < 2 => DeliveryReport::Sent { reference: references.pop() },
            Ok(references) => DeliveryReport::SentInParts { references },
            Err(error) => {
                tracing::warn!(%error, delivery = %one.delivery.id, "discord: not delivered");
                report(&adapter, &error, id)
            }
        };
        if let Err(error) = adapter.gateway.confirm_delivery(&one.delivery.id, one.epoch, report).await {
            // The lease lapses and it is owed again; its nonce keeps it from being said twice.
            tracing::warn!(%error, delivery = %one.delivery.id, "discord: a delivery could not be confirmed");
        }
        if refused {
            return Err(DiscordError::Token);
        }
    }
    Ok(())
}

fn stuck(adapter: &Adapter) -> MutexGuard<'_, Stuck> {
    adapter.stuck.lock().unwrap_or_else(PoisonError::into_inner)
}

fn report(adapter: &Adapter, error: &RestError, id: &str) -> DeliveryReport {
    let reason = error.to_string();
    adapter.health.set_ill(adapter.health.is_ill() || error.is_ill());
    match error {
        // The channel is well and this message never gets through: it must not hold up its chat for ever.
        RestError::Server(_) | RestError::Silent(_) if stuck(adapter).failed(id) => DeliveryReport::Retry {
            not_before: (adapter.options.now)(),
            reason: format!("{reason}; this message failed every time although others get through"),
        },
        // It costs no try, however long it lasts: should it have arrived, its nonce keeps it from being said twice.
        RestError::Token | RestError::Unreached(_) | RestError::Server(_) | RestError::Silent(_) => {
            DeliveryReport::Unavailable { reason }
        }
        RestError::Refused { .. } => DeliveryReport::Failed { reason },
        RestError::Throttled(_) | RestError::Late => {
            let wait = error.retry_after().unwrap_or_default();
            let not_before = (adapter.options.now)().plus_ms(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
            DeliveryReport::Busy { not_before, reason }
        }
    }
}

/// Shows one message; the references of its parts.
async fn deliver(
    adapter: &Adapter,
    chat: &mut crate::chats::Chat,
    one: &ClaimedDelivery,
    until: Instant,
) -> Result<Vec<String>, RestError> {
    let delivery = &one.delivery;
    let channel = adapter.chats.channel(&delivery.chat, &adapter.rest).await?;
    // Of whoever reads it.
    let zone = one.timezone.as_deref().and_then(|name| parse_zone(name).ok());
    let ctx = RenderContext::new((adapter.options.now)(), zone.unwrap_or(adapter.options.zone));
    let mut words = delivery_doc(delivery, &ctx);
    if one.in_doubt && one.edit.is_none() {
        words = marked(words);
    }
    let picture = picture(one, &ctx);
    let parts = match &delivery.view {
        // As it grew: code stays code.
        View::Answer(answer) => discord::text(&answer.text),
        _ if picture.is_some() => discord::message_with_picture(&words),
        _ => discord::message(&words),
    };
    let id = delivery.id.to_string();
    let mut once = crate::chats::Shown::default();
    let shown = match &delivery.key {
        Some(key) => chat.shown(key),
        None => &mut once,
    };
    if let Some(edit) =
        one.edit.as_deref().and_then(|edit| edit.parse().ok()).filter(|id| shown.ids.first() != Some(id))
    {
        let more = one.edit_more.iter().filter_map(|id| id.parse().ok());
        (shown.ids, shown.says) = (std::iter::once(edit).chain(more).collect(), Vec::new());
    }
    shown.settled = true;
    // A growing answer has its key for a nonce, and so has what ends it: if where it stands was never stored, this finds it.
    let grew = delivery.key.as_deref().filter(|key| key.starts_with("turn:"));
    let nonce = grew.map_or([id.as_str(), ""], |key| [delivery.chat.as_str(), key]);
    let post = Post {
        channel,
        parts: &parts,
        buttons: &one.buttons,
        picture: picture.as_ref(),
        nonce,
        reply_to: one.reply_to.as_deref(),
        refresh: one.is_refresh(),
        until,
    };
    show(adapter, shown, &post).await?;
    Ok(shown.ids.iter().map(u64::to_string).collect())
}

/// Says that an earlier try may have arrived.
fn marked(words: Doc) -> Doc {
    words.block(Block::Text(Line::new().dim(SENT_AGAIN)))
}

/// The picture of a message's numbers, where there is one.
fn picture(one: &ClaimedDelivery, ctx: &RenderContext) -> Option<Picture> {
    let image = chart_image(&one.delivery.view, ctx)?;
    Some(Picture { png: image.png, alt: image.alt })
}
