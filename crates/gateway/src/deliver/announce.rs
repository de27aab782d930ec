//! What Wakeman says of itself, in no conversation.

use wakeman_store::Commit;
use wakeman_types::{Channel, Delivery, DeliveryClass, NoticeView, Severity, View};

use super::{
    route::{besides, destinations},
    thread::outbox_row,
};
use crate::core::Core;

/// Owes `text` to everybody who hears of things this bad, with `commit`.
pub fn announce(core: &Core, commit: Commit, class: DeliveryClass, severity: Severity, text: String) -> Commit {
    to_each(core, commit, destinations(core, severity), (class, severity), &text)
}

/// Owes `text` about a channel that is away, or back, to everybody on another one.
pub fn announce_besides(core: &Core, commit: Commit, away: Channel, text: &str) -> Commit {
    to_each(core, commit, besides(core, away), (DeliveryClass::Alert, Severity::Warning), text)
}

fn to_each(
    core: &Core,
    commit: Commit,
    chats: Vec<(Channel, String)>,
    (class, severity): (DeliveryClass, Severity),
    text: &str,
) -> Commit {
    chats.into_iter().fold(commit, |commit, (channel, chat)| {
        let delivery = Delivery {
            id: core.delivery_id(),
            channel,
            chat,
            thread: None,
            class,
            severity,
            finding: None,
            view: View::Notice(NoticeView { text: text.to_owned() }),
            key: None,
            reply_key: None,
            created_at: core.now(),
        };
        commit.send(outbox_row(core, &delivery))
    })
}
