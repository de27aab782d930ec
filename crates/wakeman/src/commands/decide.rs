//! The verbs that decide: yes, no, mine, later, over.

use wakeman_cli::{Choice, choices_of, read_key};
use wakeman_present::{self as present, Doc, Part, Verb};
use wakeman_types::{
    DecisionRequest, Finding, Principal, Proposal, ProposalId, ProposalState, ResolveRequest, SettledView, Verdict,
    View,
};

use super::{
    show::{clock, id},
    verbs::once,
};
use crate::{
    args::{ApproveArgs, RejectArgs, ResolveArgs, SnoozeArgs},
    attach::Attached,
    failure::Failure,
    global::Global,
};

/// `approve ID [--step [N]] [--digest D]`
pub async fn approve(global: &Global, args: ApproveArgs) -> Result<u8, Failure> {
    let part = match args.step {
        None => Part::All,
        Some(0) => Part::Next,
        Some(number) => Part::Step(number),
    };
    once(global, Verb::Approve { id: id(&args.id)?, digest: args.digest, part }).await
}

pub(super) async fn approved(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    (digest, part): (Option<String>, Part),
) -> Result<(), Failure> {
    let (digest, step) = match digest {
        Some(digest) if part == Part::All => (digest, None),
        Some(digest) => (digest, part.step_of(&attached.gateway.proposal(by, id).await?.proposal)),
        None => confirmed(global, attached, by, id, part).await?,
    };
    let request = DecisionRequest { decision: Verdict::Approve, digest, reason: None, step };
    let mut proposal = attached.gateway.decide(by, id, request).await?;
    if let Some(embedded) = &attached.embedded {
        let progress = global.progress("running what you approved");
        let left = embedded.work().await;
        drop(progress);
        if left? > 0 && attached.gateway.control(by).await?.held().is_none() {
            global.note("not finished yet; `wakeman run` goes on with it");
        }
        proposal = attached.gateway.proposal(by, id).await?.proposal;
    }
    tell(global, attached, by, proposal).await
}

/// Shows the card and asks; the digest of what was shown, and the step that alone is meant.
async fn confirmed(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    part: Part,
) -> Result<(String, Option<u32>), Failure> {
    let proposal = attached.gateway.proposal(by, id).await?.proposal;
    let digest = proposal.digest.as_str().to_owned();
    let (now, zone) = clock(&*attached.gateway, by).await?;
    let mut doc = present::proposal_doc(&proposal, &global.context(now, &zone));
    let step = part.step_of(&proposal);
    if proposal.state != ProposalState::Pending || now >= proposal.expires_at {
        if !global.json {
            global.print(&wakeman_cli::render(&doc, &global.style))?;
        }
        let state = if proposal.state == ProposalState::Pending { "expired" } else { proposal.state.name() };
        return Err(Failure::refused(format!(
            "{id} is {state} and waits for no yes; `wakeman proposals` lists what does"
        )));
    }
    if !global.interactive || global.json {
        let short = proposal.digest.short();
        if !global.json {
            global.print(&wakeman_cli::render(&doc, &global.style))?;
        }
        let only = step.map(|step| format!(" --step {step}")).unwrap_or_default();
        return Err(Failure::usage(format!(
            "nobody can be asked here; to approve exactly this card: wakeman approve {id} --digest {short}{only}"
        )));
    }
    global.print(&wakeman_cli::render(&doc, &global.style))?;
    doc.buttons.retain(|button| !matches!(button.verb, Verb::Reject { .. }));
    let question = match step {
        None => "Approve exactly this?".to_owned(),
        Some(step) => {
            doc.buttons.retain(|button| button.key != 'w');
            format!("Approve step {step} of exactly this, alone?")
        }
    };
    let mut choices = choices_of(&doc);
    choices.push(Choice::new('q', "leave it"));
    loop {
        let key = read_key(&question, &choices)?;
        match doc.buttons.iter().find(|button| button.key == key).map(|button| &button.verb) {
            Some(Verb::Approve { part, .. }) => return Ok((digest, step.or_else(|| part.step_of(&proposal)))),
            Some(_) => {
                let details = present::details_doc(&proposal, &global.context(now, &zone));
                global.print(&wakeman_cli::render(&details, &global.style))?;
            }
            None => return Err(Failure::refused(format!("{id} was not approved; it still waits"))),
        }
    }
}

/// `reject ID [--reason R]`
pub async fn reject(global: &Global, args: RejectArgs) -> Result<u8, Failure> {
    once(global, Verb::Reject { id: id(&args.id)?, reason: args.reason }).await
}

pub(super) async fn rejected(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    reason: Option<String>,
) -> Result<(), Failure> {
    let digest = attached.gateway.proposal(by, id).await?.proposal.digest.as_str().to_owned();
    let request = DecisionRequest { decision: Verdict::Reject, digest, reason, step: None };
    let proposal = attached.gateway.decide(by, id, request).await?;
    tell(global, attached, by, proposal).await
}

async fn tell(global: &Global, attached: &Attached, by: &Principal, proposal: Proposal) -> Result<(), Failure> {
    let (now, zone) = clock(&*attached.gateway, by).await?;
    let held = attached.gateway.control(by).await?.held();
    let view = SettledView { proposal: proposal.clone(), finding: None, verification: None, held };
    global.answer(&proposal, &present::doc(&View::Settled(Box::new(view)), &global.context(now, &zone)))
}

/// `renew ID`
pub async fn renew(global: &Global, text: &str) -> Result<u8, Failure> {
    once(global, Verb::Renew(id(text)?)).await
}

/// `ack ID`
pub async fn acknowledge(global: &Global, text: &str) -> Result<u8, Failure> {
    once(global, Verb::Acknowledge(id(text)?)).await
}

/// `snooze ID DUR`
pub async fn snooze(global: &Global, args: &SnoozeArgs) -> Result<u8, Failure> {
    let duration_ms = present::parse_duration(&args.duration).map_err(Failure::usage)?;
    once(global, Verb::Snooze { id: id(&args.id)?, duration_ms }).await
}

/// `resolve ID [done|failed]`
pub async fn resolve(global: &Global, args: ResolveArgs) -> Result<u8, Failure> {
    let words = [Some(args.id), args.outcome, args.reason].into_iter().flatten().collect::<Vec<_>>().join(" ");
    once(global, present::parse_verb(&format!("resolve {words}")).map_err(Failure::usage)?).await
}

/// What became of a step in doubt, recorded; what is left of the proposal goes on.
pub(super) async fn resolved(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    request: ResolveRequest,
) -> Result<(), Failure> {
    let mut proposal = attached.gateway.resolve_proposal(by, id, request).await?;
    if let Some(embedded) = attached.embedded.as_ref().filter(|_| proposal.state == ProposalState::Executing) {
        embedded.work().await?;
        proposal = attached.gateway.proposal(by, id).await?.proposal;
    }
    tell(global, attached, by, proposal).await
}

/// A finding as it is after a word about it: the line that chats say, the card is one word away.
pub(super) fn tell_finding(
    global: &Global,
    finding: &Finding,
    context: &present::RenderContext,
) -> Result<(), Failure> {
    global.answer(finding, &Doc::bare().text(present::standing_line(finding, context)))
}
