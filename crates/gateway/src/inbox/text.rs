//! A message: who wrote it, whether it is for us, and what it asks for.

use std::sync::Arc;

use wakeman_present::Verb;
use wakeman_store::{Commit, Version};
use wakeman_types::{Chat, GatewayError, Principal, Said, View};

use super::{
    InboundRow, InboundState, ask,
    chat::ChatRow,
    door,
    end::{End, Show},
    feedback, reason,
    verbs::{self, Done},
    work::Inbox,
};
use crate::{core::Core, desk::storage_error};

/// What a message becomes. `None`: a turn, whose end is its end.
pub(super) async fn said(inbox: &Arc<Inbox>, row: &InboundRow, version: Version) -> Result<Option<End>, GatewayError> {
    let core = &inbox.core;
    let Said::Text { text, addressed, forwarded, edited, .. } = &row.inbound.said else {
        return Ok(Some(End::ignored(core, "not a message")));
    };
    let ignored = |why: &str| Ok(Some(End::ignored(core, why)));
    if !addressed && !row.inbound.direct {
        return ignored("not addressed to Wakeman");
    }
    if *edited {
        return ignored("an edited message asks for nothing anew");
    }
    if *forwarded {
        return ignored("forwarded: somebody else's words ask for nothing");
    }
    let Some(from) = &row.inbound.from else { return ignored("from nobody in particular") };
    let who = core.identify(from).await.map_err(|error| storage_error(&error))?;
    if who.is_none() && !row.inbound.direct {
        return ignored("from nobody known");
    }
    let text = text.trim();
    let (word, rest) = command(text);
    if word == "pair" || who.is_none() {
        return door::knocked(core, row, from, who, (word == "pair").then_some(rest)).await.map(Some);
    }
    match word {
        "new" => Ok(Some(new_conversation(inbox, row))),
        "stop" => stop(inbox, row, from).await.map(Some),
        "start" => Ok(Some(End { show: Some(Show::plain(View::Help)), ..done(inbox, "showed the words") })),
        _ => spoken(inbox, row, version, from, text).await,
    }
}

/// `/new@our_bot now` as `new` and `now`; without a slash no command.
fn command(text: &str) -> (&str, &str) {
    let Some(slashed) = text.strip_prefix('/') else { return ("", text) };
    let (word, rest) = slashed.split_once(char::is_whitespace).unwrap_or((slashed, ""));
    (word.split_once('@').map_or(word, |(word, _)| word), rest.trim())
}

fn done(inbox: &Inbox, detail: &str) -> End {
    End::new(&inbox.core, InboundState::Done, detail)
}

fn new_conversation(inbox: &Inbox, row: &InboundRow) -> End {
    let (channel, chat, at) = (row.channel, row.inbound.chat.clone(), inbox.core.now());
    let text = "A new conversation begins with your next message.";
    let commit = Commit::durable(at).put(&ChatRow { channel, chat, thread: None, at });
    End { show: Some(Show::notice(text)), commit, ..done(inbox, text) }
}

async fn stop(inbox: &Inbox, row: &InboundRow, from: &Principal) -> Result<End, GatewayError> {
    let stopped = match ask::current_thread(inbox, row).await? {
        Some(thread) => inbox.desk.stop(from, &thread).await?,
        None => 0,
    };
    let text = if stopped > 0 { "Stopped." } else { "Nothing is being answered here." };
    Ok(End::told(&inbox.core, row, InboundState::Done, text.to_owned()))
}

/// A verb is done at once and costs nothing; anything else is a turn.
async fn spoken(
    inbox: &Arc<Inbox>,
    row: &InboundRow,
    version: Version,
    from: &Principal,
    text: &str,
) -> Result<Option<End>, GatewayError> {
    let core = &inbox.core;
    let refused = |text: String| End::told(core, row, InboundState::Refused, text);
    let slashed = text.starts_with('/');
    match wakeman_present::parse_verb(text) {
        Ok(verb) if !slashed && erases(core, &verb) => Ok(Some(refused(wakeman_present::with_slash(&verb)))),
        // Before the reason that a rejection asks for: the question makes the next message its answer, and that may be a halt.
        Ok(verb) if slashed || !verb.erases() => does(inbox, row, from, verb).await.map(Some),
        Err(error) if text.is_empty() || slashed => Ok(Some(refused(error.to_string()))),
        _ => match replied(inbox, row, from, text).await? {
            Some(end) => Ok(Some(end)),
            None => ask::ask(inbox, row, version, from, text).await,
        },
    }
}

/// What a reply to one of our messages is by which that is: a reason, or feedback.
async fn replied(inbox: &Inbox, row: &InboundRow, from: &Principal, text: &str) -> Result<Option<End>, GatewayError> {
    match reason::given(inbox, row, from, text).await? {
        Some(end) => Ok(Some(end)),
        None => feedback::given(inbox, row, from, text).await,
    }
}

/// Does what a word says, and what came of it.
pub(super) async fn does(inbox: &Inbox, row: &InboundRow, from: &Principal, verb: Verb) -> Result<End, GatewayError> {
    Ok(match verbs::run(inbox, row, from, verb).await {
        Ok(Done::Told(text)) => End::told(&inbox.core, row, InboundState::Done, text),
        Ok(Done::Shown(show)) => End { show: Some(*show), ..done(inbox, "shown") },
        Err(error) => End::told(&inbox.core, row, InboundState::Refused, verbs::settled(error)?),
    })
}

/// Whether this takes away what was learnt, of somebody there is: "forget it" is said in passing.
fn erases(core: &Core, verb: &Verb) -> bool {
    match verb {
        Verb::Forget(whose) => core.settings.operators.iter().any(|operator| operator.id == *whose),
        other => other.erases(),
    }
}
