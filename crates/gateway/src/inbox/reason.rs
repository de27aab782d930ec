//! Why something was rejected, asked for afterwards where a press comes without words: the rejection stands, the answer adds to it.

use serde_json::json;
use wakeman_store::{Commit, Committed, Versioned};
use wakeman_types::{
    AskReasonView, Delivery, ErrorKind, GatewayError, Principal, Proposal, ProposalId, ProposalState, Said, Verdict,
    View,
};

use super::{
    InboundRow, InboundState,
    end::{End, Show},
    press::sent,
    work::Inbox,
};
use crate::{deliver::refresh_card, desk::storage_error, modes::REASON_LEN_MAX};

/// The message that asks.
pub(super) fn ask(proposal: ProposalId) -> Show {
    Show::plain(View::AskReason(AskReasonView { proposal }))
}

/// What becomes of a message that answers the question; `None`: it answers none.
pub(super) async fn given(
    inbox: &Inbox,
    row: &InboundRow,
    from: &Principal,
    text: &str,
) -> Result<Option<End>, GatewayError> {
    let core = &inbox.core;
    let Some(id) = asked(inbox, row).await? else { return Ok(None) };
    let refused = |text: String| Ok(Some(End::told(core, row, InboundState::Refused, text)));
    let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
    let Some(Versioned { value: mut proposal, version }) = found else { return Ok(None) };
    let who = core.identify(from).await.map_err(|error| storage_error(&error))?.map(|who| who.operator);
    let rejected = proposal.state == ProposalState::Rejected;
    let no = proposal.decisions.iter_mut().find(|decision| rejected && decision.verdict == Verdict::Reject);
    let Some(no) = no else { return refused(format!("{id} is not rejected; a reason changes nothing.")) };
    if who.as_ref() != Some(&no.operator) {
        return refused(format!("{} rejected {id}; only they say why.", no.operator));
    }
    let reason: String = core.clean(text).chars().take(REASON_LEN_MAX).collect();
    let kept = || Ok(Some(End::told(core, row, InboundState::Done, format!("Kept with {id}."))));
    match &no.reason {
        // The process ended between the two commits.
        Some(there) if *there == reason => return kept(),
        Some(_) => return refused(format!("{id} has its reason already.")),
        None => no.reason = Some(reason.clone()),
    }
    let payload = json!({"principal": from.to_string(), "digest": proposal.digest.as_str(), "reason": reason});
    let event = core.event("proposal.reason", &no.operator, id, payload);
    let commit = Commit::durable(core.now()).replace(&proposal, version).event(event);
    match core.store.commit(commit).await.map_err(|error| storage_error(&error))? {
        Committed::Seq(_) => {}
        Committed::Conflict(_) => {
            let text = format!("{id} was changed at the same moment; say it again");
            return Err(GatewayError::new(ErrorKind::Conflict, text));
        }
    }
    refresh_card(core, &proposal).await;
    kept()
}

/// The proposal whose reason the message that is answered asks for.
async fn asked(inbox: &Inbox, row: &InboundRow) -> Result<Option<ProposalId>, GatewayError> {
    let Said::Text { reply_to: Some(reference), .. } = &row.inbound.said else { return Ok(None) };
    let Some(delivery) = sent(inbox, row, reference).await?.and_then(|sent| sent.delivery) else { return Ok(None) };
    let item = inbox.core.store.outbox_item(delivery.as_str()).await.map_err(|error| storage_error(&error))?;
    let delivery: Option<Delivery> = item.and_then(|item| serde_json::from_value(item.body).ok());
    Ok(match delivery.map(|delivery| delivery.view) {
        Some(View::AskReason(view)) => Some(view.proposal),
        _ => None,
    })
}
