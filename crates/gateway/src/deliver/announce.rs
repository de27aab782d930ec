//! What Wakeman says of itself, in no conversation.

use wakeman_store::Commit;
use wakeman_types::{Delivery, DeliveryClass, NoticeView, Severity, View};

use super::{route::destinations, thread::outbox_row};
use crate::core::Core;

/// Owes `text` to everybody who hears of things this bad, with `commit`.
pub fn announce(core: &Core, mut commit: Commit, class: DeliveryClass, severity: Severity, text: String) -> Commit {
    for (channel, chat) in destinations(core, severity) {
        let delivery = Delivery {
            id: core.delivery_id(),
            channel,
            chat,
            thread: None,
            class,
            severity,
            finding: None,
            view: View::Notice(NoticeView { text: text.clone() }),
            key: None,
            reply_key: None,
            created_at: core.now(),
        };
        commit = commit.send(outbox_row(core, &delivery));
    }
    commit
}
