//! What Wakeman says of itself, in no conversation.

use wakeman_store::Commit;
use wakeman_types::{Channel, Delivery, DeliveryClass, NoticeView, Severity, View};

use super::{
    held::Held,
    route::{asleep, besides, chats, destinations},
    thread::outbox_row,
};
use crate::core::Core;

/// Owes `text` to everybody who hears of things this bad, with `commit`; when their quiet hours end, to those who have any.
pub fn announce(core: &Core, commit: Commit, class: DeliveryClass, severity: Severity, text: String) -> Commit {
    let chats = [destinations(core, severity), asleep(core, severity)];
    to_each(core, commit, chats, (class, severity), &text)
}

/// Owes `text` about a channel that is away, or back, to everybody on another one.
pub fn announce_besides(core: &Core, commit: Commit, away: Channel, text: &str) -> Commit {
    let severity = Severity::Warning;
    let awake = |(channel, chat): &(Channel, String)| chats(core, *channel, severity).contains(chat);
    let (now, later) = besides(core, away).into_iter().partition(awake);
    to_each(core, commit, [now, later], (DeliveryClass::Alert, severity), text)
}

fn to_each(
    core: &Core,
    commit: Commit,
    [now, later]: [Vec<(Channel, String)>; 2],
    (class, severity): (DeliveryClass, Severity),
    text: &str,
) -> Commit {
    let delivery = |(channel, chat): (Channel, String)| Delivery {
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
    let commit = now.into_iter().fold(commit, |commit, chat| commit.send(outbox_row(core, &delivery(chat))));
    later.into_iter().fold(commit, |commit, chat| commit.put(&Held::of(core, &delivery(chat))))
}
