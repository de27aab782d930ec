//! The operator's words, done through the same methods as on every other surface.

use wakeman_present::{Part, RankingWord, RenderContext, Verb};
use wakeman_types::{
    Admin, Chat, DecisionRequest, ErrorKind, Finding, Findings, GatewayError, ListRequest, Principal, PromoteRequest,
    Proposal, ProposalId, Proposals, Ranking, ResolveRequest, SettledView, ThreadId, Verdict, View, Wakeups,
    WakeupsView,
};

use super::{end::Show, row::InboundRow, work::Inbox};
use crate::{
    deliver::{details_key, finding_key, proposal_key, zone_at},
    modes,
};

/// What a verb comes to.
pub(super) enum Done {
    /// A line.
    Told(String),
    /// A message of its own.
    Shown(Box<Show>),
}

fn shown(view: View) -> Done {
    Done::Shown(Box::new(Show::plain(view)))
}

/// What is said of a refusal. A database that fails or is busy is none: it is tried again.
pub(super) fn settled(error: GatewayError) -> Result<String, GatewayError> {
    match error.kind {
        ErrorKind::Storage | ErrorKind::Unavailable => Err(error),
        _ => Ok(error.message),
    }
}

/// Does what the word says, as `by` in the chat of `row`.
pub(super) async fn run(inbox: &Inbox, row: &InboundRow, by: &Principal, verb: Verb) -> Result<Done, GatewayError> {
    let desk = &inbox.desk;
    Ok(match verb {
        Verb::Approve { id, digest: None, part: Part::All } => card(inbox, by, id).await?,
        // The whole card has the button for a step. Which is next is nothing to find out when this is done: after a crash it is done
        // again, and by then it may be another.
        Verb::Approve { id, digest: None, .. } | Verb::Approve { id, part: Part::Next, .. } => {
            details(inbox, by, id).await?
        }
        Verb::Approve { id, digest: Some(digest), part } => approve(inbox, row, by, id, (digest, part)).await?,
        Verb::Reject { id, reason } => {
            let digest = desk.proposal(by, id).await?.proposal.digest.as_str().to_owned();
            decide(inbox, row, by, id, DecisionRequest { decision: Verdict::Reject, digest, reason, step: None })
                .await?
        }
        Verb::Renew(id) => decided(inbox, row, desk.renew(by, id).await?.proposal).await?,
        Verb::Settle { id, found, reason } => {
            let resolved = desk.resolve_proposal(by, id, ResolveRequest { outcome: found, reason }).await?;
            decided(inbox, row, resolved).await?
        }
        Verb::Acknowledge(id) => Done::Told(of_finding(inbox, row, &desk.acknowledge(by, id).await?)),
        Verb::Snooze { id, duration_ms } => {
            Done::Told(of_finding(inbox, row, &desk.snooze(by, id, duration_ms).await?))
        }
        Verb::Resolve(id) => Done::Told(of_finding(inbox, row, &desk.resolve(by, id).await?)),
        Verb::Feedback { id, useful } => {
            let view = desk.feedback(by, id, useful).await?;
            Done::Told(wakeman_present::feedback_line(&view, useful))
        }
        Verb::Wakeups(Some(order)) => {
            shown(View::Wakeups(WakeupsView { items: vec![desk.order_wakeup(by, order).await?] }))
        }
        Verb::Tip => shown(View::Tip(Box::new(desk.tip(by).await?))),
        Verb::TipFeedback { id, useful } => {
            desk.tip_feedback(by, id, useful).await?;
            let word = if useful { "useful" } else { "noise" };
            Done::Told(format!("{id} noted as {word}; your next tips are chosen by it."))
        }
        Verb::Ranking(word) => ranking(inbox, by, word).await?,
        Verb::Forget(operator) => {
            let gone = desk.forget(by, operator).await?;
            Done::Told(wakeman_present::forgotten_line(&gone))
        }
        Verb::Mute { id, duration_ms } => {
            let mute = desk.mute(by, id, duration_ms).await?;
            Done::Told(wakeman_present::mute_line(&mute, &context(inbox, row)).text())
        }
        Verb::Unmute(id) => {
            desk.unmute(by, id).await?;
            Done::Told(format!("{id} is no longer muted."))
        }
        Verb::Mode(Some(mode)) => shown(View::Control(Box::new(desk.set_mode(by, mode).await?))),
        Verb::Mode(None) => shown(View::Control(Box::new(desk.control(by).await?))),
        Verb::Halt(reason) => shown(View::Control(Box::new(desk.halt(by, reason).await?))),
        Verb::Resume => shown(View::Control(Box::new(desk.resume(by).await?))),
        look => looked(inbox, by, look).await?,
    })
}

async fn ranking(inbox: &Inbox, by: &Principal, word: RankingWord) -> Result<Done, GatewayError> {
    let desk = &inbox.desk;
    Ok(match word {
        RankingWord::Status => shown(View::Ranking(Box::new(desk.ranking(by).await?))),
        RankingWord::Promote(policy) => {
            let proposal = desk.promote(by, PromoteRequest { policy }).await?.proposal;
            Done::Told(wakeman_present::promotion_line(&proposal))
        }
        RankingWord::Rollback => Done::Told(wakeman_present::rolled_back_line(&desk.rollback(by).await?)),
        RankingWord::Reset(operator) => {
            Done::Told(wakeman_present::reset_line(desk.reset_ranking(by, operator).await?))
        }
    })
}

async fn looked(inbox: &Inbox, by: &Principal, verb: Verb) -> Result<Done, GatewayError> {
    let desk = &inbox.desk;
    let of = |state: Option<String>| ListRequest { state, limit: 20, ..ListRequest::default() };
    Ok(match verb {
        Verb::Status => shown(View::Status(Box::new(desk.status(by).await?))),
        Verb::Findings(state) => shown(View::Findings(desk.findings(by, of(state)).await?)),
        Verb::Finding(id) => {
            let view = desk.finding(by, id).await?;
            let (key, thread) = (Some(finding_key(id)), Some(view.finding.thread.clone()));
            let view = View::Finding(Box::new(view));
            Done::Shown(Box::new(Show { view, key, afresh: true, thread, finding: Some(id) }))
        }
        Verb::Why(id) => {
            let view = desk.why(by, id).await?;
            let thread = Some(view.finding.thread.clone());
            let view = View::Why(Box::new(view));
            Done::Shown(Box::new(Show { thread, finding: Some(id), ..Show::plain(view) }))
        }
        Verb::WhyTip(id) => shown(View::TipWhy(Box::new(desk.tip_why(by, id).await?))),
        Verb::Proposals(state) => shown(View::Proposals(desk.proposals(by, of(state)).await?)),
        Verb::Proposal(id) => details(inbox, by, id).await?,
        Verb::Wakeups(None) => shown(View::Wakeups(WakeupsView { items: desk.wakeups(by).await? })),
        Verb::WakeupHistory(state) => shown(View::Occurrences(desk.wakeup_history(by, of(state)).await?)),
        Verb::Threads => shown(View::Threads(desk.threads(by, of(None)).await?)),
        Verb::Thread(id) => thread(inbox, by, id).await?,
        Verb::Whoami => shown(View::Whoami(desk.whoami(by).await?)),
        _ => shown(View::Help),
    })
}

async fn thread(inbox: &Inbox, by: &Principal, id: ThreadId) -> Result<Done, GatewayError> {
    let view = inbox.desk.thread(by, &id, ListRequest { limit: 20, ..ListRequest::default() }).await?;
    Ok(Done::Shown(Box::new(Show { thread: Some(id), ..Show::plain(View::Thread(Box::new(view))) })))
}

/// A yes without a digest is no yes: the card is shown, and its button knows the digest.
async fn card(inbox: &Inbox, by: &Principal, id: ProposalId) -> Result<Done, GatewayError> {
    let view = inbox.desk.proposal(by, id).await?;
    Ok(of_proposal(&view.proposal.clone(), proposal_key(id), View::Proposal(Box::new(view))))
}

/// All that the digest covers.
async fn details(inbox: &Inbox, by: &Principal, id: ProposalId) -> Result<Done, GatewayError> {
    let view = inbox.desk.proposal(by, id).await?;
    Ok(of_proposal(&view.proposal.clone(), details_key(id), View::Details(Box::new(view))))
}

/// Yes to exactly what was shown, or to a part of it.
pub(super) async fn approve(
    inbox: &Inbox,
    row: &InboundRow,
    by: &Principal,
    id: ProposalId,
    (digest, part): (String, Part),
) -> Result<Done, GatewayError> {
    let step = match part {
        Part::All => None,
        part => part.step_of(&inbox.desk.proposal(by, id).await?.proposal),
    };
    decide(inbox, row, by, id, DecisionRequest { decision: Verdict::Approve, digest, reason: None, step }).await
}

fn of_proposal(proposal: &Proposal, key: String, view: View) -> Done {
    Done::Shown(Box::new(Show {
        view,
        key: Some(key),
        afresh: true,
        thread: Some(proposal.thread.clone()),
        finding: proposal.finding,
    }))
}

/// Decides, and says what came of it in one line.
pub(super) async fn decide(
    inbox: &Inbox,
    row: &InboundRow,
    by: &Principal,
    id: ProposalId,
    request: DecisionRequest,
) -> Result<Done, GatewayError> {
    decided(inbox, row, inbox.desk.decide(by, id, request).await?).await
}

async fn decided(inbox: &Inbox, row: &InboundRow, proposal: Proposal) -> Result<Done, GatewayError> {
    let id = proposal.id;
    // It is decided: that what holds it cannot be read now is no reason to say otherwise.
    let held = modes::held(&inbox.core).await.unwrap_or_default();
    let view = SettledView { proposal, finding: None, verification: None, held };
    Ok(Done::Told(format!("{id}: {}", wakeman_present::settled_line(&view, &context(inbox, row)).text())))
}

/// Times as everything else in the chat of `row` tells them.
fn context(inbox: &Inbox, row: &InboundRow) -> RenderContext {
    RenderContext { now: inbox.core.now(), zone: zone_at(&inbox.core, row.channel, &row.inbound.chat) }
}

/// How a finding stands after somebody said something of it.
fn of_finding(inbox: &Inbox, row: &InboundRow, finding: &Finding) -> String {
    wakeman_present::standing_line(finding, &context(inbox, row))
}
