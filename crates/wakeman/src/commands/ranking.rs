//! What operators' reactions teach.

use wakeman_present::{self as present, Doc, Part, RankingWord, Verb};
use wakeman_types::{OperatorId, Principal, PromoteRequest};

use super::{
    decide,
    show::{clock, id},
    verbs::once,
};
use crate::{
    args::{FeedbackArgs, FeedbackWord, ForgetArgs, RankingCommand},
    attach::Attached,
    failure::Failure,
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
    let word = match command {
        RankingCommand::Status => RankingWord::Status,
        RankingCommand::Promote(args) => RankingWord::Promote(args.policy),
        RankingCommand::Rollback => RankingWord::Rollback,
        RankingCommand::Reset(args) => RankingWord::Reset(args.operator.map(OperatorId::new)),
    };
    once(global, Verb::Ranking(word)).await
}

/// The same words, here and typed into a chat.
pub(super) async fn typed(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    word: RankingWord,
) -> Result<(), Failure> {
    let gateway = &*attached.gateway;
    match word {
        RankingWord::Status => {
            let view = gateway.ranking(by).await?;
            global.answer(&view, &present::ranking_doc(&view))
        }
        RankingWord::Promote(policy) => promote(global, attached, by, PromoteRequest { policy }).await,
        RankingWord::Rollback => {
            let view = gateway.rollback(by).await?;
            global.answer(&view, &Doc::bare().text(present::rolled_back_line(&view)))
        }
        RankingWord::Reset(operator) => {
            let count = gateway.reset_ranking(by, operator).await?;
            global.answer(&serde_json::json!({"reset": count}), &Doc::bare().text(present::reset_line(count)))
        }
    }
}

/// Puts it before an owner; where one can be asked here, asks.
async fn promote(global: &Global, attached: &Attached, by: &Principal, request: PromoteRequest) -> Result<(), Failure> {
    let view = attached.gateway.promote(by, request).await?;
    if global.interactive && !global.json {
        return decide::approved(global, attached, by, view.proposal.id, (None, Part::All)).await;
    }
    let (now, zone) = clock(&*attached.gateway, by).await?;
    global.answer(&view.proposal, &present::proposal_doc(&view.proposal, &global.context(now, &zone)))
}

/// `forget OPERATOR`
pub async fn forget(global: &Global, args: ForgetArgs) -> Result<u8, Failure> {
    once(global, Verb::Forget(OperatorId::new(args.operator))).await
}
