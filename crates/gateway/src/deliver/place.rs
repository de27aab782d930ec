//! Where messages stand in chats: by their key, so that they can be edited and replied to, and by their reference, so that who
//! answers one is understood.

use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, ListQuery, StoreError, crash};
use wakeman_types::{
    Channel, Delivery, DeliveryId, Entity, FindingId, ProposalId, ThreadId, Timestamp, TipId, Turn, TurnId, View,
};

use crate::core::Core;

/// Before a reference in a `reply_key`: the message itself, not one of ours with a key.
const MESSAGE: &str = "message:";
/// Before a turn's id in a key.
const TURN: &str = "turn:";

/// The `reply_key` of a message that somebody else wrote.
pub(crate) fn reply_to_message(reference: &str) -> String {
    format!("{MESSAGE}{reference}")
}

/// The key of a turn's answer.
pub(crate) fn turn_key(turn: &TurnId) -> String {
    format!("{TURN}{turn}")
}

/// Between a key and what tells its copies apart.
const COPY: char = '#';

/// The message with this key in one chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which platform.
    pub channel: Channel,
    /// Which chat there.
    pub chat: String,
    /// `finding:F-1`, `proposal:P-3`, `turn:<id>`.
    pub key: String,
    /// The platform's id of the message.
    pub reference: String,
    /// Those of its further parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// The conversation it belongs to.
    pub thread: Option<ThreadId>,
    /// When it was sent.
    pub at: Timestamp,
}

impl Place {
    /// The row of `key` in a chat.
    pub fn row_id(channel: Channel, chat: &str, key: &str) -> String {
        format!("{channel}/{chat}/{key}")
    }

    /// Whether it is the message with `key`, or one further up that shows the same.
    pub fn shows(&self, key: &str) -> bool {
        self.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(COPY))
    }

    /// The same message, after a later one took its key: it is still edited when what it shows changes.
    #[must_use]
    pub fn earlier(&self) -> Self {
        Self { key: format!("{}{COPY}{}", self.key, self.reference), ..self.clone() }
    }
}

impl Entity for Place {
    const KIND: &'static str = "place";

    fn entity_id(&self) -> String {
        Self::row_id(self.channel, &self.chat, &self.key)
    }

    fn parent_id(&self) -> Option<String> {
        self.thread.as_ref().map(ToString::to_string)
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// A message of ours in a chat, by the platform's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    /// Which platform.
    pub channel: Channel,
    /// Which chat there.
    pub chat: String,
    /// The platform's id of the message.
    pub reference: String,
    /// The conversation it belongs to.
    pub thread: Option<ThreadId>,
    /// The finding it tells of.
    pub finding: Option<FindingId>,
    /// The proposal it shows.
    pub proposal: Option<ProposalId>,
    /// The tip it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<TipId>,
    /// The delivery that it was; `None`: a live message.
    pub delivery: Option<DeliveryId>,
    /// When it was sent.
    pub at: Timestamp,
}

impl SentMessage {
    /// The row of a message. Telegram numbers messages by chat, not by topic, and tells a reaction without its topic.
    pub fn row_id(channel: Channel, chat: &str, reference: &str) -> String {
        let chat = match channel {
            Channel::Telegram => chat.split_once('/').map_or(chat, |(chat, _)| chat),
            _ => chat,
        };
        format!("{channel}/{chat}/{reference}")
    }
}

impl Entity for SentMessage {
    const KIND: &'static str = "sent";

    fn entity_id(&self) -> String {
        Self::row_id(self.channel, &self.chat, &self.reference)
    }

    fn parent_id(&self) -> Option<String> {
        self.thread.as_ref().map(ToString::to_string)
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// The proposal that a message shows.
fn proposal_of(view: &View) -> Option<ProposalId> {
    match view {
        View::Proposal(view) | View::Details(view) => Some(view.proposal.id),
        View::Settled(view) => Some(view.proposal.id),
        _ => None,
    }
}

/// The tip that a message shows.
fn tip_of(view: &View) -> Option<TipId> {
    match view {
        View::Tip(view) => view.tip.as_ref().map(|tip| tip.id),
        _ => None,
    }
}

/// Records with `commit` that `delivery` stands at `reference`, and its further parts at `more`.
pub(super) fn stands(core: &Core, mut commit: Commit, delivery: &Delivery, reference: &str, more: &[String]) -> Commit {
    let (channel, chat, at) = (delivery.channel, delivery.chat.clone(), core.now());
    for part in std::iter::once(reference).chain(more.iter().map(String::as_str)) {
        commit = commit.put(&SentMessage {
            channel,
            chat: chat.clone(),
            reference: part.to_owned(),
            thread: delivery.thread.clone(),
            finding: delivery.finding,
            proposal: proposal_of(&delivery.view),
            tip: tip_of(&delivery.view),
            delivery: Some(delivery.id.clone()),
            at,
        });
    }
    let Some(key) = delivery.key.clone() else { return commit };
    let (reference, more, thread) = (reference.to_owned(), more.to_vec(), delivery.thread.clone());
    commit.put(&Place { channel, chat, key, reference, more, thread, at })
}

/// Where the message with `key` stands in a chat.
pub(super) async fn place_of(
    core: &Core,
    (channel, chat): (Channel, &str),
    key: &str,
) -> Result<Option<Place>, StoreError> {
    let found = core.store.get::<Place>(&Place::row_id(channel, chat, key)).await?;
    Ok(found.map(|found| found.value))
}

/// The reference of the message with `key` in a chat. A key of somebody's message is its reference.
pub(super) async fn reference_of(
    core: &Core,
    (channel, chat): (Channel, &str),
    key: &str,
) -> Result<Option<String>, StoreError> {
    if let Some(reference) = key.strip_prefix(MESSAGE) {
        return Ok(Some(reference.to_owned()));
    }
    Ok(place_of(core, (channel, chat), key).await?.map(|place| place.reference))
}

/// Every place of a conversation's messages.
pub(crate) async fn places_of(core: &Core, thread: &ThreadId) -> Result<Vec<Place>, StoreError> {
    let found = core.store.list::<Place>(&ListQuery::newest(200).parent(thread.as_str())).await?;
    Ok(found.items.into_iter().map(|found| found.value).collect())
}

/// A live message was sent.
///
/// # Errors
/// [`StoreError`] if it could not be stored; a restart then sends another message.
pub async fn placed(core: &Core, channel: Channel, chat: &str, key: &str, reference: &str) -> Result<(), StoreError> {
    let turn = match key.strip_prefix(TURN) {
        Some(turn) => core.store.get::<Turn>(turn).await?,
        None => None,
    };
    let (thread, at) = (turn.map(|found| found.value.thread_id), core.now());
    let (chat, reference) = (chat.to_owned(), reference.to_owned());
    let place = Place {
        channel,
        chat: chat.clone(),
        key: key.to_owned(),
        reference: reference.clone(),
        more: Vec::new(),
        thread: thread.clone(),
        at,
    };
    let sent =
        SentMessage { channel, chat, reference, thread, finding: None, proposal: None, tip: None, delivery: None, at };
    // Whatever was there before: the newest word holds.
    crash::reach("live.placed.before");
    let landed = core.store.commit(Commit::new(at).put(&place).put(&sent)).await;
    crash::reach("live.placed.after");
    landed.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_by_its_chat_with_or_without_its_topic() {
        let id = |channel, chat| SentMessage::row_id(channel, chat, "7");
        assert_eq!(id(Channel::Telegram, "-100/5"), id(Channel::Telegram, "-100"));
        assert_ne!(id(Channel::Telegram, "-100/5"), id(Channel::Telegram, "-101/5"));
        assert_ne!(id(Channel::Discord, "5"), id(Channel::Discord, "6"));
    }
}
