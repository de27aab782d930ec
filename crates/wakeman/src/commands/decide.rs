//! The verbs that decide: yes, no, mine, later, over.

use wakeman_cli::{choices_of, read_key};
use wakeman_present as present;
use wakeman_types::{
    DecisionRequest, Finding, FindingId, FindingNews, FindingView, GatewayError, Principal, Proposal, ProposalId,
    SettledView, Verdict, View,
};

use super::show::{clock, id, with_gateway};
use crate::{
    args::{ApproveArgs, RejectArgs, SnoozeArgs},
    attach::{Attached, Embedded, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `approve ID [--digest D]`
pub async fn approve(global: &Global, args: ApproveArgs) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<ProposalId>(&args.id)?);
    let attached = attach(global).await?;
    let result = approved(global, &attached, &by, id, args.digest).await;
    close(attached.embedded).await;
    result.map(|()| DONE)
}

pub(super) async fn approved(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    digest: Option<String>,
) -> Result<(), Failure> {
    let digest = match digest {
        Some(digest) => digest,
        None => confirmed(global, attached, by, id).await?,
    };
    let request = DecisionRequest { decision: Verdict::Approve, digest, reason: None };
    let mut proposal = attached.gateway.decide(by, id, request).await?;
    if let Some(embedded) = &attached.embedded {
        let progress = wakeman_cli::Progress::start("running what you approved", global.interactive, global.style);
        let left = embedded.work().await;
        drop(progress);
        if left? > 0 {
            global.note("not finished yet; `wakeman run` goes on with it");
        }
        proposal = attached.gateway.proposal(by, id).await?.proposal;
    }
    tell(global, attached, by, proposal).await
}

/// Shows the card and asks; the digest of what was shown.
async fn confirmed(global: &Global, attached: &Attached, by: &Principal, id: ProposalId) -> Result<String, Failure> {
    let proposal = attached.gateway.proposal(by, id).await?.proposal;
    let digest = proposal.digest.as_str().to_owned();
    let (now, zone) = clock(&*attached.gateway, by).await?;
    let doc = present::proposal_doc(&proposal, &global.context(now, &zone));
    if !global.interactive || global.json {
        let short = proposal.digest.short();
        if !global.json {
            global.print(&wakeman_cli::render(&doc, &global.style))?;
        }
        return Err(Failure::usage(format!(
            "nobody can be asked here; to approve exactly this card: wakeman approve {id} --digest {short}"
        )));
    }
    global.print(&wakeman_cli::render(&doc, &global.style))?;
    loop {
        match read_key("Approve exactly this?", &choices_of(&doc))? {
            'a' => return Ok(digest),
            'd' => {
                let details = present::details_doc(&proposal, &global.context(now, &zone));
                global.print(&wakeman_cli::render(&details, &global.style))?;
            }
            _ => return Err(Failure::refused(format!("{id} was not approved; it still waits"))),
        }
    }
}

/// `reject ID [--reason R]`
pub async fn reject(global: &Global, args: RejectArgs) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<ProposalId>(&args.id)?);
    let attached = attach(global).await?;
    let result = rejected(global, &attached, &by, id, args.reason).await;
    close(attached.embedded).await;
    result.map(|()| DONE)
}

pub(super) async fn rejected(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    id: ProposalId,
    reason: Option<String>,
) -> Result<(), Failure> {
    let digest = attached.gateway.proposal(by, id).await?.proposal.digest.as_str().to_owned();
    let request = DecisionRequest { decision: Verdict::Reject, digest, reason };
    let proposal = attached.gateway.decide(by, id, request).await?;
    tell(global, attached, by, proposal).await
}

async fn tell(global: &Global, attached: &Attached, by: &Principal, proposal: Proposal) -> Result<(), Failure> {
    let (now, zone) = clock(&*attached.gateway, by).await?;
    let view = SettledView { proposal: proposal.clone(), finding: None, verification: None };
    global.answer(&proposal, &present::doc(&View::Settled(Box::new(view)), &global.context(now, &zone)))
}

async fn close(embedded: Option<Embedded>) {
    if let Some(embedded) = embedded {
        embedded.close().await;
    }
}

/// `ack ID`
pub async fn acknowledge(global: &Global, text: &str) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(text)?);
    let (finding, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.acknowledge(&by, id).await?, clock(&*gateway, &by).await?))
    });
    tell_finding(global, finding, &global.context(now, &zone))
}

/// `snooze ID DUR`
pub async fn snooze(global: &Global, args: &SnoozeArgs) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(&args.id)?);
    let duration_ms = present::parse_duration(&args.duration).map_err(Failure::usage)?;
    let (finding, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.snooze(&by, id, duration_ms).await?, clock(&*gateway, &by).await?))
    });
    tell_finding(global, finding, &global.context(now, &zone))
}

/// `resolve ID`
pub async fn resolve(global: &Global, text: &str) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(text)?);
    let (finding, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.resolve(&by, id).await?, clock(&*gateway, &by).await?))
    });
    tell_finding(global, finding, &global.context(now, &zone))
}

pub(super) fn tell_finding(global: &Global, finding: Finding, context: &present::RenderContext) -> Result<u8, Failure> {
    let view = FindingView { proposal: finding.proposal, repair: None, news: FindingNews::Asked, finding };
    let doc = present::doc(&View::Finding(Box::new(view.clone())), context);
    global.answer(&view.finding, &doc)?;
    Ok(DONE)
}
