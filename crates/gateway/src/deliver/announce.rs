//! What Wakeman says of itself, in no conversation.

use wakeman_store::Commit;
use wakeman_types::{Channel, Delivery, DeliveryClass, NoticeView, Severity, View};

use super::{
    held::Held,
    route::{Matter, asleep, besides, chats, destinations},
    thread::outbox_row,
};
use crate::core::Core;

/// Owes `text` to everybody who hears of things this bad, with `commit`; when their quiet hours end, to those who have any.
pub fn announce(core: &Core, commit: Commit, class: DeliveryClass, severity: Severity, text: String) -> Commit {
    let matter = Matter::notice(severity);
    let chats = [destinations(core, matter), asleep(core, matter)];
    to_each(core, commit, chats, (class, severity), &text)
}

/// Owes `text` about a channel that is away, or back, to everybody on another one.
pub fn announce_besides(core: &Core, commit: Commit, away: Channel, text: &str) -> Commit {
    let severity = Severity::Warning;
    let awake = |(channel, chat): &(Channel, String)| chats(core, *channel, severity).contains(chat);
    let (now, later) = besides(core, away).into_iter().partition(awake);
    to_each(core, commit, [now, later], (DeliveryClass::Alert, severity), text)
}

/// A message to one chat that belongs to no conversation. `key`: the message it is, also when it is told again.
pub(crate) fn in_no_thread(
    core: &Core,
    (channel, chat): (Channel, String),
    (class, severity): (DeliveryClass, Severity),
    (view, key): (View, Option<String>),
) -> Delivery {
    Delivery {
        id: core.delivery_id(),
        channel,
        chat,
        thread: None,
        class,
        severity,
        finding: None,
        view,
        key,
        reply_key: None,
        refresh: false,
        instead_of: None,
        told_elsewhere: false,
        created_at: core.now(),
    }
}

fn to_each(
    core: &Core,
    commit: Commit,
    [now, later]: [Vec<(Channel, String)>; 2],
    (class, severity): (DeliveryClass, Severity),
    text: &str,
) -> Commit {
    let delivery = |chat: (Channel, String)| {
        let view = View::Notice(NoticeView { text: text.to_owned() });
        in_no_thread(core, chat, (class, severity), (view, None))
    };
    let commit = now.into_iter().fold(commit, |commit, chat| commit.send(outbox_row(core, &delivery(chat))));
    later.into_iter().fold(commit, |commit, chat| commit.put(&Held::of(core, &delivery(chat))))
}
