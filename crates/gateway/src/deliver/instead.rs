//! What could not be delivered to one chat is owed, once, where it is heard instead.
//!
//! Two ways lead here: a message was given up, or it waits for a channel that is known not to work and its route has a fallback. Under what
//! id it is owed follows from what it says and where: however many chats did not get it, one that stands in for them gets it once.

use serde_json::Value;
use wakeman_store::{Commit, Committed, OutboxItem, OutboxState, OutboxUpdate, Outcome, StoreError, canonical};
use wakeman_types::{Channel, Delivery, DeliveryClass, DeliveryId, View};

use super::{
    frontend::resends,
    route::{Matter, approver_chats, at_home, besides, fallback, heard_by, is_cut_off},
    thread::outbox_row,
};
use crate::{config::Route, core::Core};

/// Ends the id of a delivery that stands for one that failed: when it fails too, that is the end of it.
const INSTEAD: &str = "_instead";
/// What is read of the outbox in one go.
const PAGE: usize = 200;
/// For how long what is taken back is held: it is given back at once.
const LEASE_MS: i64 = 10_000;

/// A chat on a channel.
type Chat = (Channel, String);

/// Adds to `commit`, with which `delivery` is given up, the same for others, if it is something that must be heard.
///
/// # Errors
/// [`StoreError`] if it could not be read who was told already.
pub(super) async fn instead(core: &Core, commit: Commit, delivery: &Delivery) -> Result<Commit, StoreError> {
    if !must_be_heard(delivery) {
        return Ok(commit);
    }
    let routes: Vec<&Route> = came_by(core, delivery).collect();
    let there = stand_ins(core, delivery, &routes);
    let there = match (there.is_empty(), delivery.told_elsewhere) {
        (true, _) => besides(core, delivery.channel),
        // They were told when it was owed.
        (false, true) => Vec::new(),
        (false, false) => there,
    };
    owed(core, commit, delivery, there).await
}

/// Passes on what waits for `away`, a channel that is known not to work, to the fallback of the routes by which it was owed. Where those
/// have no fallback that works it goes on waiting. How many messages were passed on.
///
/// # Errors
/// [`StoreError`]: what is left is passed on the next time.
pub(crate) async fn pass_on(core: &Core, away: Channel) -> Result<usize, StoreError> {
    take_back(core, away).await?;
    let (mut passed, mut after) = (0, 0);
    loop {
        let page = core.store.outbox(OutboxState::Pending, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(passed) };
        after = last.position;
        for item in page.into_iter().filter(|item| item.channel == away.name()) {
            passed += usize::from(passed_on(core, item).await?);
        }
    }
}

/// What was being sent when `away` died is in nobody's hands once its lease is over: it waits again, in doubt.
async fn take_back(core: &Core, away: Channel) -> Result<(), StoreError> {
    let leased = core.store.outbox(OutboxState::Leased, 0, PAGE).await?;
    if !leased.iter().any(|item| item.channel == away.name()) {
        return Ok(());
    }
    for item in core.store.claim(away.name(), "pass_on", LEASE_MS, core.now(), PAGE).await? {
        let reason = "its channel does not work".to_owned();
        let outcome = Outcome::Unavailable { not_before: core.now(), reason };
        // A conflict: who sent it has answered by now.
        core.store.confirm(&item, outcome, None, core.now()).await.map(drop)?;
    }
    Ok(())
}

async fn passed_on(core: &Core, item: OutboxItem) -> Result<bool, StoreError> {
    // What this version cannot read is put aside when it is claimed.
    let Ok(delivery) = serde_json::from_value::<Delivery>(item.body) else { return Ok(false) };
    let resent = item.in_doubt && item.attempts >= resends(delivery.class);
    if !must_be_heard(&delivery) || delivery.told_elsewhere || resent {
        return Ok(false);
    }
    let routes: Vec<&Route> = came_by(core, &delivery).filter(|route| is_cut_off(core, route)).collect();
    let mut there = stand_ins(core, &delivery, &routes);
    there.retain(|(channel, _)| is_heard(core, *channel));
    if there.is_empty() {
        return Ok(false);
    }
    let reason = "its channel does not work; told on the fallback".to_owned();
    let withdrawn = OutboxUpdate::Revoke { id: item.id, reason };
    let commit = owed(core, Commit::durable(core.now()), &delivery, there).await?.update_outbox(withdrawn);
    // Somebody has just claimed it: then it is sent, or seen again when the claim has lapsed.
    Ok(matches!(core.store.commit(commit).await?, Committed::Seq(_)))
}

/// Whether what is owed there now is seen soon: at the terminal only while somebody sits there.
fn is_heard(core: &Core, channel: Channel) -> bool {
    let attended = channel != Channel::Cli || core.surfaces.is_attended(channel);
    attended && !core.surfaces.is_away(channel, core.now())
}

fn must_be_heard(delivery: &Delivery) -> bool {
    delivery.class != DeliveryClass::Note && !delivery.id.as_str().ends_with(INSTEAD) && !is_edit(delivery)
}

/// What became of a card is said by a message beside the edit.
fn is_edit(delivery: &Delivery) -> bool {
    matches!(delivery.view, View::Settled(_)) && delivery.key.is_some()
}

/// The routes that it came by. One for some operators alone stands in for their chats and for nobody else's.
fn came_by<'a>(core: &'a Core, delivery: &'a Delivery) -> impl Iterator<Item = &'a Route> {
    let (away, severity) = (delivery.channel, delivery.severity);
    let kind = Matter::of(&delivery.view, severity).kind;
    let theirs =
        move |route: &Route| heard_by(core, (away, Some(route))).iter().any(|(chat, _)| *chat == delivery.chat);
    core.settings.routes.iter().filter(move |route| {
        route.takes(severity, kind) && route.to.contains(&away) && (route.operators.is_none() || theirs(route))
    })
}

/// The chats of the routes' fallbacks: of whoever's chat it is, if they have one there.
fn stand_ins(core: &Core, delivery: &Delivery, routes: &[&Route]) -> Vec<Chat> {
    let away = delivery.channel;
    let mut out: Vec<Chat> = Vec::new();
    for route in routes {
        let owner = heard_by(core, (away, Some(route))).into_iter().find(|(chat, _)| *chat == delivery.chat);
        let owner = owner.and_then(|(_, whose)| whose).map(|whose| &whose.id);
        let all = fallback(core, route, delivery.severity, Some(away));
        let is_theirs = |(channel, chat): &Chat| {
            let found = heard_by(core, (*channel, Some(route))).into_iter().find(|(there, _)| there == chat);
            owner.is_some() && found.and_then(|(_, whose)| whose).map(|whose| &whose.id) == owner
        };
        let theirs: Vec<Chat> = all.iter().filter(|chat| is_theirs(chat)).cloned().collect();
        out.extend(if theirs.is_empty() { all } else { theirs });
    }
    out
}

/// Adds `delivery` to `commit` for each of these chats that was not told of it anyway, once.
async fn owed(core: &Core, mut commit: Commit, delivery: &Delivery, there: Vec<Chat>) -> Result<Commit, StoreError> {
    let mut told = match &delivery.view {
        View::Proposal(card) => approver_chats(core, &card.proposal),
        _ => Vec::new(),
    };
    if told.is_empty() {
        told = at_home(core, Matter::of(&delivery.view, delivery.severity));
    }
    for chat in there {
        if told.contains(&chat) {
            continue;
        }
        let id = id_for(delivery, &chat);
        if core.store.outbox_item(id.as_str()).await?.is_none() {
            let (channel, to) = chat.clone();
            let again = Delivery {
                id,
                channel,
                chat: to,
                instead_of: Some(delivery.channel),
                created_at: core.now(),
                ..delivery.clone()
            };
            commit = commit.send(outbox_row(core, &again));
        }
        told.push(chat);
    }
    Ok(commit)
}

/// The same for the same words, to whomever they were owed first.
fn id_for(delivery: &Delivery, (channel, chat): &Chat) -> DeliveryId {
    let mut body = serde_json::to_value(delivery).unwrap_or(Value::Null);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("id".to_owned(), Value::Null);
        fields.insert("channel".to_owned(), channel.name().into());
        fields.insert("chat".to_owned(), chat.as_str().into());
    }
    DeliveryId::new(format!("dlv_{}{INSTEAD}", &canonical::digest_of(&body)[..32]))
}
