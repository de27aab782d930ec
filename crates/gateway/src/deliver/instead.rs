//! What could not be delivered to one chat is owed, once, where it is heard instead.

use wakeman_store::Commit;
use wakeman_types::{Channel, Delivery, DeliveryClass, DeliveryId, View};

use super::{
    route::{Matter, besides, card_destinations, destinations, fallback, heard_by},
    thread::outbox_row,
};
use crate::{config::Route, core::Core};

/// Ends the id of a delivery that stands for one that failed: when it fails too, that is the end of it.
const INSTEAD: &str = "_instead";

/// Adds to `commit`, with which `delivery` is given up, the same for others, if it is something that must be heard.
pub(super) fn instead(core: &Core, commit: Commit, delivery: &Delivery) -> Commit {
    if delivery.class == DeliveryClass::Note || delivery.id.as_str().ends_with(INSTEAD) || is_edit(delivery) {
        return commit;
    }
    elsewhere(core, delivery).into_iter().fold(commit, |commit, (channel, chat)| {
        let id = DeliveryId::new(format!("{}{INSTEAD}", core.delivery_id()));
        let again = Delivery { id, channel, chat, created_at: core.now(), ..delivery.clone() };
        commit.send(outbox_row(core, &again))
    })
}

/// What became of a card is said by a message beside the edit.
fn is_edit(delivery: &Delivery) -> bool {
    matches!(delivery.view, View::Settled(_)) && delivery.key.is_some()
}

/// The fallback of the routes it came by; without one every other channel. Who was told of it anyway is not told twice.
fn elsewhere(core: &Core, delivery: &Delivery) -> Vec<(Channel, String)> {
    let (away, severity) = (delivery.channel, delivery.severity);
    let matter = Matter::of(&delivery.view, severity);
    // A route for some operators alone stands in for their chats and for nobody else's.
    let came_by = |route: &&Route| {
        let theirs = || heard_by(core, (away, Some(route))).iter().any(|(chat, _)| *chat == delivery.chat);
        route.takes(severity, matter.kind) && route.to.contains(&away) && (route.operators.is_none() || theirs())
    };
    let routes = core.settings.routes.iter().filter(came_by);
    let fallback: Vec<_> = routes.flat_map(|route| fallback(core, route, severity, Some(away))).collect();
    let there = if fallback.is_empty() { besides(core, away) } else { fallback };
    let told = match &delivery.view {
        View::Proposal(card) => card_destinations(core, &card.proposal, severity),
        _ => destinations(core, matter),
    };
    let mut out: Vec<(Channel, String)> = Vec::new();
    for chat in there {
        if !told.contains(&chat) && !out.contains(&chat) {
            out.push(chat);
        }
    }
    out
}
