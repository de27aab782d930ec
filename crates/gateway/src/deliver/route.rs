//! Who hears of it.

use wakeman_types::{Channel, Principal, Proposal, Severity};

use crate::{act::rule_of, config::Operator, core::Core, notify::is_quiet};

/// The one chat of the terminal.
pub const LOCAL_CHAT: &str = "local";

/// The channels and chats that a message of this severity goes to, without repeats, in the settings' order.
///
/// Only `served` channels are owed anything: a message nobody can send would wait for ever.
pub fn destinations(core: &Core, severity: Severity) -> Vec<(Channel, String)> {
    let mut out: Vec<(Channel, String)> = Vec::new();
    for channel in channels(core, severity) {
        for chat in chats(core, channel, severity) {
            if !out.contains(&(channel, chat.clone())) {
                out.push((channel, chat));
            }
        }
    }
    out
}

/// The served channels that hear of this severity.
fn channels(core: &Core, severity: Severity) -> Vec<Channel> {
    let settings = &core.settings;
    let mut wanted: Vec<Channel> = Vec::new();
    for route in settings.routes.iter().filter(|route| route.min_severity <= severity) {
        wanted.extend(route.to.iter().copied());
        if route.to.iter().all(|channel| !core.served.contains(channel) || core.surfaces.is_away(*channel, core.now()))
        {
            wanted.extend(route.fallback.iter().copied());
        }
    }
    if settings.routes.is_empty() {
        wanted.extend(settings.runtime.channels.iter().flatten().copied());
    }
    wanted.retain(|channel| *channel == Channel::Cli || !listening(core, *channel).is_empty());
    wanted.retain(|channel| core.served.contains(channel));
    if wanted.is_empty() && core.served.contains(&Channel::Cli) {
        wanted.push(Channel::Cli);
    }
    wanted
}

/// Every chat that hears of this severity, in quiet hours too, with whose it is.
pub(crate) fn listeners(core: &Core, severity: Severity) -> Vec<(Channel, String, Option<&Operator>)> {
    let mut out: Vec<(Channel, String, Option<&Operator>)> = Vec::new();
    for channel in channels(core, severity) {
        for (chat, whose) in listening(core, channel) {
            if !out.iter().any(|(known, there, _)| (*known, there) == (channel, &chat)) {
                out.push((channel, chat, whose));
            }
        }
    }
    out
}

/// Those who hear of this severity and have quiet hours now.
pub(super) fn asleep(core: &Core, severity: Severity) -> Vec<(Channel, String)> {
    let awake = destinations(core, severity);
    let all = listeners(core, severity).into_iter().map(|(channel, chat, _)| (channel, chat));
    all.filter(|chat| !awake.contains(chat)).collect()
}

/// Where the card of a proposal goes: to the approver channel of its class, in the chats of those who may approve there, if it has
/// one that is served; else where everything of this severity goes. What somebody asked for waits for nobody's quiet hours.
pub fn card_destinations(core: &Core, proposal: &Proposal, severity: Severity) -> Vec<(Channel, String)> {
    let rule = rule_of(core, proposal);
    let may = core.approvers(&rule);
    let mut there = Vec::new();
    for channel in rule.channels.iter().flatten().filter(|channel| core.served.contains(channel)) {
        let listed = core.settings.operators.iter().filter(|operator| may.contains(&operator.id));
        let paired = core.surfaces.paired().into_iter().filter(|pairing| may.contains(&pairing.operator));
        let principals = listed.flat_map(|operator| operator.principals.iter().cloned());
        let principals = principals.chain(paired.map(|pairing| pairing.principal)).filter(|p| p.channel() == *channel);
        match channel {
            Channel::Cli => there.push((*channel, LOCAL_CHAT.to_owned())),
            _ => there.extend(principals.map(|principal| (*channel, private_chat(*channel, principal.id())))),
        }
    }
    if !there.is_empty() {
        return there;
    }
    let mut there = destinations(core, severity);
    if proposal.requested_by != Principal::system() {
        there.extend(asleep(core, severity));
    }
    there
}

/// The chats of every served channel but one, for what must be heard although that one is away. The terminal, if there is no other.
pub fn besides(core: &Core, away: Channel) -> Vec<(Channel, String)> {
    let others = core.served.iter().copied().filter(|channel| *channel != away && *channel != Channel::Cli);
    let mut out: Vec<_> = others
        .flat_map(|channel| chats(core, channel, Severity::Critical).into_iter().map(move |chat| (channel, chat)))
        .collect();
    if out.is_empty() && core.served.contains(&Channel::Cli) {
        out.push((Channel::Cli, LOCAL_CHAT.to_owned()));
    }
    out
}

/// The chats of `channel` that are told now of what is this bad: of operators in quiet hours only what is critical.
pub(crate) fn chats(core: &Core, channel: Channel, severity: Severity) -> Vec<String> {
    let disturbs = |whose: Option<&Operator>| whose.is_some_and(|operator| is_quiet(core, operator));
    let all = listening(core, channel).into_iter();
    all.filter(|(_, whose)| severity == Severity::Critical || !disturbs(*whose)).map(|(chat, _)| chat).collect()
}

/// Whether a message to this chat would disturb nobody in quiet hours; `None`: there is nobody any more.
pub(super) fn awake(core: &Core, channel: Channel, chat: &str) -> Option<bool> {
    let found = listening(core, channel).into_iter().find(|(there, _)| there == chat);
    found.map(|(_, whose)| whose.is_none_or(|operator| !is_quiet(core, operator)))
}

/// The chats of `channel`, with whose they are.
fn listening(core: &Core, channel: Channel) -> Vec<(String, Option<&Operator>)> {
    if channel == Channel::Cli {
        return vec![(LOCAL_CHAT.to_owned(), None)];
    }
    let operators = &core.settings.operators;
    let listed = operators.iter().flat_map(|one| one.principals.iter().map(move |p| (p.clone(), Some(one))));
    let paired = core.surfaces.paired().into_iter();
    let paired = paired.map(|pairing| (pairing.principal, operators.iter().find(|one| one.id == pairing.operator)));
    let all = listed.chain(paired).filter(|(principal, _)| principal.channel() == channel);
    all.map(|(principal, whose)| (private_chat(channel, principal.id()), whose)).collect()
}

/// The chat in which only this person and we are.
pub(crate) fn private_chat(channel: Channel, id: &str) -> String {
    match channel {
        Channel::Discord => format!("dm:{id}"),
        _ => id.to_owned(),
    }
}
