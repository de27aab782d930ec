//! Buttons of chats: what a press hands back is a random reference that stands for one verb, on one card, in one chat.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use wakeman_present::{Button, RenderContext, Verb};
use wakeman_store::{Commit, ListQuery, StoreError, canonical};
use wakeman_types::{
    ButtonStyle, CardButton, Channel, Delivery, DeliveryId, Digest, Entity, ProposalId, Timestamp, View,
};

use crate::core::Core;

/// What a press of one button means. The reference itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonRow {
    /// SHA-256 of the reference, lower-case hex.
    pub hash: String,
    /// The only platform it holds on.
    pub channel: Channel,
    /// The only chat it holds in.
    pub chat: String,
    /// The delivery it was made for.
    pub delivery: DeliveryId,
    /// What it asks for, as it would be typed.
    pub verb: String,
    /// The proposal it decides.
    pub proposal: Option<ProposalId>,
    /// The whole digest of what the card showed.
    pub digest: Option<Digest>,
    /// A later copy of the message took its place.
    pub revoked: bool,
    /// When it was made.
    pub at: Timestamp,
}

impl Entity for ButtonRow {
    const KIND: &'static str = "button";

    fn entity_id(&self) -> String {
        self.hash.clone()
    }

    fn state_name(&self) -> &str {
        if self.revoked { "revoked" } else { "live" }
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.delivery.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// Whether messages of this channel have buttons that a press hands back.
const fn has_buttons(channel: Channel) -> bool {
    matches!(channel, Channel::Telegram | Channel::Discord)
}

/// Whether a press can come with the words of a form.
pub(crate) const fn has_forms(channel: Channel) -> bool {
    matches!(channel, Channel::Discord)
}

/// The button that `reference` stands for.
pub(crate) async fn button(core: &Core, reference: &str) -> Result<Option<ButtonRow>, StoreError> {
    let found = core.store.get::<ButtonRow>(&canonical::sha256_hex(reference.as_bytes())).await?;
    Ok(found.map(|found| found.value))
}

/// Adds to `commit` a fresh reference for each button of `delivery`, in place of those of its earlier copies.
pub(super) async fn issue(
    core: &Core,
    mut commit: Commit,
    delivery: &Delivery,
) -> Result<(Commit, Vec<CardButton>), StoreError> {
    if !has_buttons(delivery.channel) {
        return Ok((commit, Vec::new()));
    }
    let context = RenderContext { now: core.now(), zone: core.zone() };
    let doc = wakeman_present::doc(&delivery.view, &context);
    let earlier = ListQuery::newest(100).parent(delivery.id.as_str()).state("live");
    for found in core.store.list::<ButtonRow>(&earlier).await?.items {
        commit = commit.put(&ButtonRow { revoked: true, ..found.value });
    }
    let mut made = Vec::new();
    for button in doc.buttons {
        let reference = URL_SAFE_NO_PAD.encode(core.random.bytes16());
        commit = commit.put(&row(core, delivery, &button.verb, &reference));
        made.push(card_button(button, reference));
    }
    Ok((commit, made))
}

fn row(core: &Core, delivery: &Delivery, verb: &Verb, reference: &str) -> ButtonRow {
    let shown = match &delivery.view {
        View::Proposal(view) | View::Details(view) => Some(&view.proposal),
        _ => None,
    };
    let proposal = match verb {
        Verb::Approve { id, .. } | Verb::Reject { id, .. } | Verb::Proposal(id) | Verb::Renew(id) => Some(*id),
        _ => None,
    };
    ButtonRow {
        hash: canonical::sha256_hex(reference.as_bytes()),
        channel: delivery.channel,
        chat: delivery.chat.clone(),
        delivery: delivery.id.clone(),
        verb: verb.to_string(),
        proposal,
        digest: shown.filter(|shown| Some(shown.id) == proposal).map(|shown| shown.digest.clone()),
        revoked: false,
        at: core.now(),
    }
}

fn card_button(button: Button, reference: String) -> CardButton {
    let (style, asks_reason) = match button.verb {
        Verb::Approve { .. } => (ButtonStyle::Yes, false),
        Verb::Reject { .. } => (ButtonStyle::No, true),
        _ => (ButtonStyle::Plain, false),
    };
    CardButton { label: button.label, reference, style, asks_reason }
}
