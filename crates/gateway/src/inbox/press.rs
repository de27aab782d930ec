//! A button and a reaction: what they stand for, and who may.

use wakeman_present::Verb;
use wakeman_types::{DecisionRequest, GatewayError, Said, Verdict};

use super::{
    InboundRow, InboundState,
    end::End,
    reason,
    verbs::{self, Done},
    work::Inbox,
};
use crate::{
    deliver::{ButtonRow, SentMessage, button, has_forms},
    desk::storage_error,
};

/// Of a button that was never made, or not for this chat: it says the same, so that nobody learns which.
const UNKNOWN: &str =
    "This button does not count in this chat. Ask for the finding or proposal again and press the button under that.";
const STALE: &str = "This message was sent again later; use the later one's buttons.";
const STRANGER: &str = "You are not an operator here, so this does nothing.";

/// What a press comes to.
pub(super) async fn pressed(inbox: &Inbox, row: &InboundRow) -> Result<End, GatewayError> {
    let core = &inbox.core;
    let Said::Press { reference, note, .. } = &row.inbound.said else { return Ok(End::ignored(core, "no press")) };
    let refused = |text: &str| Ok(End::new(core, InboundState::Refused, text));
    let found = button(core, reference).await.map_err(|error| storage_error(&error))?;
    let Some(button) = found.filter(|button| button.channel == row.channel && button.chat == row.inbound.chat) else {
        return refused(UNKNOWN);
    };
    if on_another_card(inbox, row, &button).await? {
        return refused(UNKNOWN);
    }
    let Some(from) = &row.inbound.from else { return refused(STRANGER) };
    if core.identify(from).await.map_err(|error| storage_error(&error))?.is_none() {
        return refused(STRANGER);
    }
    if button.revoked {
        return refused(STALE);
    }
    let done = match (wakeman_present::parse_verb(&button.verb), button.digest) {
        (Ok(Verb::Approve { id, part, .. }), Some(digest)) => {
            verbs::approve(inbox, row, from, id, (digest.as_str().to_owned(), part)).await
        }
        (Ok(Verb::Reject { id, .. }), Some(digest)) => {
            let (digest, reason) = (digest.as_str().to_owned(), note.clone());
            let request = DecisionRequest { decision: Verdict::Reject, digest, reason, step: None };
            match verbs::decide(inbox, row, from, id, request).await {
                // It counts already; a channel without forms asks why afterwards.
                Ok(Done::Told(text)) if note.is_none() && !has_forms(row.channel) => {
                    return Ok(End { show: Some(reason::ask(id)), ..End::new(core, InboundState::Done, text) });
                }
                done => done,
            }
        }
        // A decision without what was shown is none.
        (Ok(Verb::Approve { .. } | Verb::Reject { .. }) | Err(_), _) => return refused(UNKNOWN),
        (Ok(verb), _) => verbs::run(inbox, row, from, verb).await,
    };
    Ok(match done {
        Ok(Done::Told(text)) => End::new(core, InboundState::Done, text),
        Ok(Done::Shown(show)) => End { show: Some(*show), ..End::new(core, InboundState::Done, "") },
        Err(error) => End::new(core, InboundState::Refused, verbs::settled(error)?),
    })
}

/// Whether the message that was pressed is known to show another proposal than the button is for.
async fn on_another_card(inbox: &Inbox, row: &InboundRow, button: &ButtonRow) -> Result<bool, GatewayError> {
    let Said::Press { message: Some(message), .. } = &row.inbound.said else { return Ok(false) };
    let sent = sent(inbox, row, message).await?.and_then(|sent| sent.proposal);
    Ok(matches!((sent, button.proposal), (Some(shown), Some(meant)) if shown != meant))
}

/// Our message with this reference in the chat of `row`.
pub(super) async fn sent(inbox: &Inbox, row: &InboundRow, message: &str) -> Result<Option<SentMessage>, GatewayError> {
    let id = SentMessage::row_id(row.channel, &row.inbound.chat, message);
    let found = inbox.core.store.get::<SentMessage>(&id).await.map_err(|error| storage_error(&error))?;
    Ok(found.map(|found| found.value))
}

/// What a judgement of the message `sent` is, by which message that is; `None`: it is of neither a finding nor a tip.
pub(super) fn judges(sent: &SentMessage, useful: bool) -> Option<Verb> {
    match (sent.proposal, sent.finding, sent.tip) {
        (None, _, Some(id)) => Some(Verb::TipFeedback { id, useful }),
        (None, Some(id), None) => Some(Verb::Feedback { id, useful }),
        _ => None,
    }
}

/// What a reaction comes to. It judges findings and tips; it never says yes to a card.
pub(super) async fn reacted(inbox: &Inbox, row: &InboundRow) -> Result<End, GatewayError> {
    let core = &inbox.core;
    let ignored = |why: &str| Ok(End::ignored(core, why));
    let Said::Reaction { message, useful } = &row.inbound.said else { return ignored("no reaction") };
    let Some(useful) = *useful else { return ignored("a reaction that was taken back") };
    let Some(from) = &row.inbound.from else { return ignored("from nobody in particular") };
    if core.identify(from).await.map_err(|error| storage_error(&error))?.is_none() {
        return ignored("from nobody known");
    }
    let sent = sent(inbox, row, message).await?;
    let Some(verb) = sent.and_then(|sent| judges(&sent, useful)) else {
        return ignored("not on the message of a finding or a tip");
    };
    let judgement = if useful { "useful" } else { "noise" };
    let told = match &verb {
        Verb::TipFeedback { id, .. } => format!("{id}: {judgement}"),
        Verb::Feedback { id, .. } => format!("{id}: {judgement}"),
        _ => judgement.to_owned(),
    };
    match verbs::run(inbox, row, from, verb).await {
        Ok(_) => Ok(End::new(core, InboundState::Done, told)),
        Err(error) => Ok(End::new(core, InboundState::Refused, verbs::settled(error)?)),
    }
}
