//! A channel that was away says so when it is back.
//!
//! The first message of a chat that cannot be sent because its channel is away puts a line into that chat's queue, behind itself and
//! before everything that is owed from then on. When the line's turn comes the channel works again: then it says since when it did not, and
//! how many messages follow it late. An absence too short to notice is not told. One line per chat and absence.

use serde::{Deserialize, Serialize};
use wakeman_present::RenderContext;
use wakeman_store::{Commit, EntityRef, OutboxState, StoreError};
use wakeman_types::{
    Channel, Delivery, DeliveryClass, DeliveryId, Entity, MINUTE_MS, NoticeView, Severity, Timestamp, View,
};

use super::{route::zone_at, thread::outbox_row};
use crate::core::Core;

/// An absence shorter than this is not told.
const NOTICED_MS: i64 = MINUTE_MS;
/// Messages that are counted; more are "many".
const COUNTED_MAX: usize = 500;

/// A chat that could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Away {
    /// The channel.
    channel: Channel,
    /// The chat.
    chat: String,
    /// Since when.
    since: Timestamp,
    /// The delivery that will tell of it.
    line: DeliveryId,
}

impl Away {
    fn id(channel: Channel, chat: &str) -> String {
        format!("{channel}:{chat}")
    }
}

impl Entity for Away {
    const KIND: &'static str = "away";

    fn entity_id(&self) -> String {
        Self::id(self.channel, &self.chat)
    }

    fn sort_key(&self) -> i64 {
        self.since.ms()
    }
}

/// Adds to `commit`, which puts `message` back because its channel is away, the line that will tell of it; once for an absence.
pub(super) async fn begins(core: &Core, commit: Commit, message: &Delivery) -> Result<Commit, StoreError> {
    let (channel, chat) = (message.channel, message.chat.as_str());
    if channel == Channel::Cli {
        // The terminal is here or it is not; nobody waits for it elsewhere.
        return Ok(commit);
    }
    if core.store.get::<Away>(&Away::id(channel, chat)).await?.is_some() {
        return Ok(commit);
    }
    let (line, since) = (core.delivery_id(), core.now());
    let delivery = Delivery {
        id: line.clone(),
        channel,
        chat: chat.to_owned(),
        thread: None,
        class: DeliveryClass::Note,
        severity: Severity::Warning,
        finding: None,
        view: View::Notice(NoticeView { text: String::new() }),
        key: None,
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: since,
    };
    let away = Away { channel, chat: chat.to_owned(), since, line };
    Ok(commit.put(&away).send(outbox_row(core, &delivery)))
}

/// What a claimed delivery is, seen from here.
pub(super) enum Turn {
    /// Not a line of ours.
    Other,
    /// A line whose turn it is, with its words.
    Tell(String),
    /// A line of an absence that nobody noticed.
    Drop,
}

/// Whether `delivery` is the line of an absence, and what it says now.
pub(super) async fn turn(core: &Core, delivery: &Delivery) -> Result<Turn, StoreError> {
    if !matches!(&delivery.view, View::Notice(notice) if notice.text.is_empty()) {
        return Ok(Turn::Other);
    }
    let found = core.store.get::<Away>(&Away::id(delivery.channel, &delivery.chat)).await?;
    let Some(away) = found.map(|found| found.value).filter(|away| away.line == delivery.id) else {
        return Ok(Turn::Drop);
    };
    let now = core.now();
    if now.since(away.since) < NOTICED_MS {
        return Ok(Turn::Drop);
    }
    let waiting = core.store.outbox(OutboxState::Pending, 0, COUNTED_MAX).await?;
    let here = waiting.iter().filter(|item| item.channel == away.channel.name() && item.chat == away.chat).count();
    let context = RenderContext::new(now, zone_at(core, delivery.channel, &delivery.chat));
    let (from, until) = (context.time(away.since), context.time(now));
    let follow = match here {
        0 => "nothing else was held back".to_owned(),
        1 => "1 message follows late".to_owned(),
        n if waiting.len() >= COUNTED_MAX => format!("{n} messages and more follow late"),
        n => format!("{n} messages follow late"),
    };
    Ok(Turn::Tell(format!("{} was unreachable {from}–{until}; {follow}.", name(away.channel))))
}

/// Adds the end of an absence to `commit`, which ends its line, whether that went out or not.
pub(super) async fn ends(core: &Core, commit: Commit, delivery: &Delivery) -> Result<Commit, StoreError> {
    if !matches!(delivery.view, View::Notice(_)) || delivery.thread.is_some() {
        return Ok(commit);
    }
    let found = core.store.get::<Away>(&Away::id(delivery.channel, &delivery.chat)).await?;
    Ok(match found.filter(|found| found.value.line == delivery.id) {
        Some(found) => commit.delete(EntityRef::of(&found.value)),
        None => commit,
    })
}

/// What people call the channel.
fn name(channel: Channel) -> String {
    let name = channel.name();
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{}{rest}", first.to_uppercase())
}
