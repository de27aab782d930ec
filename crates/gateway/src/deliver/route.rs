//! Who hears of it.

use chrono_tz::Tz;
use wakeman_types::{Channel, Principal, Proposal, Severity, View};

use crate::{
    act::rule_of,
    config::{Operator, Route, RouteKind},
    core::Core,
    notify::is_quiet,
};

/// The one chat of the terminal.
pub const LOCAL_CHAT: &str = "local";

/// What a message is, for the routes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matter {
    pub severity: Severity,
    pub kind: RouteKind,
}

impl Matter {
    /// Something that Wakeman says of itself.
    pub const fn notice(severity: Severity) -> Self {
        Self { severity, kind: RouteKind::Notice }
    }

    /// A message with this content.
    pub const fn of(view: &View, severity: Severity) -> Self {
        let kind = match view {
            View::Finding(_) | View::Recovery(_) | View::Storm(_) | View::ModelNote(_) | View::Why(_) => {
                RouteKind::Finding
            }
            View::Proposal(_) | View::Settled(_) | View::Details(_) => RouteKind::Proposal,
            View::Source(_) => RouteKind::Source,
            View::Digest(_) => RouteKind::Digest,
            View::Brief(_) | View::Tip(_) => RouteKind::Brief,
            _ => RouteKind::Notice,
        };
        Self { severity, kind }
    }
}

/// The channels and chats that such a message goes to, without repeats, in the settings' order.
///
/// Only `served` channels are owed anything: a message nobody can send would wait for ever.
pub(crate) fn destinations(core: &Core, matter: Matter) -> Vec<(Channel, String)> {
    let awake = |whose: Option<&Operator>| matter.severity == Severity::Critical || !disturbs(core, whose);
    let all = listeners(core, matter).into_iter().filter(|(_, _, whose)| awake(*whose));
    all.map(|(channel, chat, _)| (channel, chat)).collect()
}

/// A channel that hears of something, by a route; `None`: by no route, all of it.
type Way<'a> = (Channel, Option<&'a Route>);

/// Whether none of a route's channels works.
pub(super) fn is_cut_off(core: &Core, route: &Route) -> bool {
    route.to.iter().all(|channel| !core.served.contains(channel) || core.surfaces.is_away(*channel, core.now()))
}

/// The served channels that hear of it, each by every route that leads there; `stands_in`: whether a route's fallback hears of it too.
fn ways(core: &Core, matter: Matter, stands_in: impl Fn(&Route) -> bool) -> Vec<Way<'_>> {
    let settings = &core.settings;
    let mut wanted: Vec<Way<'_>> = Vec::new();
    for route in settings.routes.iter().filter(|route| route.takes(matter.severity, matter.kind)) {
        wanted.extend(route.to.iter().map(|channel| (*channel, Some(route))));
        if stands_in(route) {
            wanted.extend(route.fallback.iter().map(|channel| (*channel, Some(route))));
        }
    }
    if settings.routes.is_empty() {
        wanted.extend(settings.runtime.channels.iter().flatten().map(|channel| (*channel, None)));
    }
    wanted.retain(|way| core.served.contains(&way.0) && !heard_by(core, *way).is_empty());
    if wanted.is_empty() && core.served.contains(&Channel::Cli) {
        wanted.push((Channel::Cli, None));
    }
    wanted
}

/// The chats at the end of a way, with whose they are.
pub(super) fn heard_by<'a>(core: &'a Core, (channel, route): Way<'_>) -> Vec<(String, Option<&'a Operator>)> {
    let mut all = listening(core, channel);
    all.retain(|(_, whose)| route.is_none_or(|route| route.reaches(channel, *whose)));
    all
}

/// A chat, with whose it is.
type Listener<'a> = (Channel, String, Option<&'a Operator>);

/// Every chat that hears of it, in quiet hours too, with whose it is.
pub(crate) fn listeners(core: &Core, matter: Matter) -> Vec<Listener<'_>> {
    at_the_end_of(core, ways(core, matter, |route| is_cut_off(core, route)))
}

/// The chats that hear of it by a route itself, whether its channels work or not.
pub(super) fn at_home(core: &Core, matter: Matter) -> Vec<(Channel, String)> {
    let all = at_the_end_of(core, ways(core, matter, |_| false)).into_iter();
    all.map(|(channel, chat, _)| (channel, chat)).collect()
}

fn at_the_end_of<'a>(core: &'a Core, ways: Vec<Way<'a>>) -> Vec<Listener<'a>> {
    let mut out: Vec<Listener<'a>> = Vec::new();
    for way in ways {
        for (chat, whose) in heard_by(core, way) {
            if !out.iter().any(|(known, there, _)| (*known, there) == (way.0, &chat)) {
                out.push((way.0, chat, whose));
            }
        }
    }
    out
}

/// Those who hear of it and have quiet hours now.
pub(super) fn asleep(core: &Core, matter: Matter) -> Vec<(Channel, String)> {
    let awake = destinations(core, matter);
    let all = listeners(core, matter).into_iter().map(|(channel, chat, _)| (channel, chat));
    all.filter(|chat| !awake.contains(chat)).collect()
}

/// The chats of a route's fallback that are told now, on served channels other than `away`.
pub(crate) fn fallback(
    core: &Core,
    route: &Route,
    severity: Severity,
    away: Option<Channel>,
) -> Vec<(Channel, String)> {
    let served = route.fallback.iter().filter(|channel| Some(**channel) != away && core.served.contains(channel));
    let told = served.flat_map(|channel| {
        let heard = heard_by(core, (*channel, Some(route))).into_iter();
        let awake = heard.filter(move |(_, whose)| severity == Severity::Critical || !disturbs(core, *whose));
        awake.map(move |(chat, _)| (*channel, chat))
    });
    told.collect()
}

/// Whether a message now would come into somebody's quiet hours.
fn disturbs(core: &Core, whose: Option<&Operator>) -> bool {
    whose.is_some_and(|operator| is_quiet(core, operator))
}

/// Where the card of a proposal goes: to the approver channel of its class, in the chats of those who may approve there, if it has
/// one that is served; else where everything of this severity goes. What somebody asked for waits for nobody's quiet hours.
pub fn card_destinations(core: &Core, proposal: &Proposal, severity: Severity) -> Vec<(Channel, String)> {
    let there = approver_chats(core, proposal);
    if !there.is_empty() {
        return there;
    }
    let card = Matter { severity, kind: RouteKind::Proposal };
    let mut there = destinations(core, card);
    if proposal.requested_by != Principal::system() {
        there.extend(asleep(core, card));
    }
    there
}

/// The chats of those who may approve it, on the approver channels of its class that are served.
pub(super) fn approver_chats(core: &Core, proposal: &Proposal) -> Vec<(Channel, String)> {
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
    there
}

/// The chats of every served channel but one, for what must be heard although that one is away. The terminal, if there is no other.
pub fn besides(core: &Core, away: Channel) -> Vec<(Channel, String)> {
    let others = core.served.iter().copied().filter(|channel| *channel != away && *channel != Channel::Cli);
    let mut out: Vec<(Channel, String)> = Vec::new();
    for channel in others {
        for chat in chats(core, channel, Severity::Critical) {
            if !out.contains(&(channel, chat.clone())) {
                out.push((channel, chat));
            }
        }
    }
    if out.is_empty() && core.served.contains(&Channel::Cli) {
        out.push((Channel::Cli, LOCAL_CHAT.to_owned()));
    }
    out
}

/// The chats of `channel` that are told now of what is this bad: of operators in quiet hours only what is critical.
pub(crate) fn chats(core: &Core, channel: Channel, severity: Severity) -> Vec<String> {
    let all = listening(core, channel).into_iter();
    all.filter(|(_, whose)| severity == Severity::Critical || !disturbs(core, *whose)).map(|(chat, _)| chat).collect()
}

/// Whether a message to this chat would disturb nobody in quiet hours; `None`: there is nobody any more.
pub(super) fn awake(core: &Core, channel: Channel, chat: &str) -> Option<bool> {
    let found = listening(core, channel).into_iter().find(|(there, _)| there == chat);
    found.map(|(_, whose)| whose.is_none_or(|operator| !is_quiet(core, operator)))
}

/// The zone in which times are read in a chat: the operator's where only that person and we are, the instance's elsewhere.
pub(crate) fn zone_at(core: &Core, channel: Channel, chat: &str) -> Tz {
    let found = listening(core, channel).into_iter().find(|(there, _)| there == chat);
    found.and_then(|(_, whose)| whose?.timezone).unwrap_or(core.zone())
}

/// The zone of what is written once for all who hear of it: theirs where it is one, the instance's where they live in several. The
/// terminal's is that of whoever sits there.
pub(crate) fn zone_for(core: &Core, matter: Matter) -> Tz {
    let chats = listeners(core, matter).into_iter().filter(|(channel, ..)| *channel != Channel::Cli);
    let mut zones = chats.map(|(_, _, whose)| whose.and_then(|one| one.timezone).unwrap_or(core.zone()));
    match zones.next() {
        Some(first) if zones.all(|zone| zone == first) => first,
        _ => core.zone(),
    }
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
