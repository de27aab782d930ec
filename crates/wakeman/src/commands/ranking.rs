//! What operators' reactions teach.

use wakeman_present::{self as present, Doc, Verb};
use wakeman_types::{OperatorId, Principal, PromoteRequest};

use super::{
    decide,
    show::{clock, id, with_gateway},
    verbs::once,
};
use crate::{
    args::{FeedbackArgs, FeedbackWord, ForgetArgs, PromoteArgs, RankingCommand},
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `feedback ID useful|noise`
pub async fn feedback(global: &Global, args: &FeedbackArgs) -> Result<u8, Failure> {
    let useful = args.word == FeedbackWord::Useful;
    let verb = match args.id.trim().starts_with(['T', 't']) {
        true => Verb::TipFeedback { id: id(&args.id)?, useful },
        false => Verb::Feedback { id: id(&args.id)?, useful },
    };
    once(global, verb).await
}

/// `ranking status|promote|rollback|reset`
pub async fn run(global: &Global, command: RankingCommand) -> Result<u8, Failure> {
    let by = global.principal();
    match command {
        RankingCommand::Status => {
            let view = with_gateway!(global, |gateway| gateway.ranking(&by));
            global.answer(&view, &present::ranking_doc(&view))?;
        }
        RankingCommand::Promote(args) => promote(global, args).await?,
        RankingCommand::Rollback => {
            let view = with_gateway!(global, |gateway| gateway.rollback(&by));
            global.answer(&view, &Doc::bare().text(format!("{} is rolled back; rule-v1 decides.", view.policy)))?;
        }
        RankingCommand::Reset(args) => {
            let operator = args.operator.map(OperatorId::new);
            let count = with_gateway!(global, |gateway| gateway.reset_ranking(&by, operator));
            let s = if count == 1 { "" } else { "s" };
            let doc = Doc::bare().text(format!("{count} learnt state{s} reset; reactions from now on count."));
            global.answer(&serde_json::json!({"reset": count}), &doc)?;
        }
    }
    Ok(DONE)
}

/// Puts it before an owner; where one can be asked here, asks.
async fn promote(global: &Global, args: PromoteArgs) -> Result<(), Failure> {
    let (by, request) = (global.principal(), PromoteRequest { policy: args.policy });
    let attached = attach(global).await?;
    let done = proposed(global, &attached, &by, request).await;
    if let Some(embedded) = attached.embedded {
        embedded.close().await;
    }
    done
}

async fn proposed(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    request: PromoteRequest,
) -> Result<(), Failure> {
    let view = attached.gateway.promote(by, request).await?;
    if global.interactive && !global.json {
        return decide::approved(global, attached, by, view.proposal.id, None).await;
    }
    let (now, zone) = clock(&*attached.gateway, by).await?;
    global.answer(&view.proposal, &present::proposal_doc(&view.proposal, &global.context(now, &zone)))
}

/// `forget OPERATOR`
pub async fn forget(global: &Global, args: ForgetArgs) -> Result<u8, Failure> {
    let (by, operator) = (global.principal(), OperatorId::new(args.operator));
    let view = with_gateway!(global, |gateway| gateway.forget(&by, operator));
    let s = if view.reactions == 1 { "" } else { "s" };
    let doc = Doc::bare().text(format!("Forgotten: {}, with {} reaction{s}.", view.operator, view.reactions));
    global.answer(&view, &doc)?;
    Ok(DONE)
}
