//! What operators' reactions teach.

use wakeman_present::{self as present, Doc, Part, RankingWord, Verb};
use wakeman_types::{Gateway, LearntRequest, OperatorId, Principal, PromoteRequest};

use super::{
    decide,
    show::{clock, id},
    verbs::once,
};
use crate::{
    args::{FeedbackArgs, FeedbackWord, ForgetArgs, LearntArgs, RankingCommand},
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

/// `ranking …`
pub async fn run(global: &Global, command: RankingCommand) -> Result<u8, Failure> {
    let word = match command {
        RankingCommand::Score(args) => return looked(global, Look::Score, args).await,
        RankingCommand::Stats(args) => return looked(global, Look::Stats, args).await,
        RankingCommand::Features(args) => return looked(global, Look::Features, args).await,
        RankingCommand::Status => RankingWord::Status,
        RankingCommand::Promote(args) => RankingWord::Promote(args.policy),
        RankingCommand::Rollback => RankingWord::Rollback,
        RankingCommand::Reset(args) => RankingWord::Reset(args.operator.map(OperatorId::new)),
    };
    once(global, Verb::Ranking(word)).await
}

/// What is looked at.
#[derive(Clone, Copy)]
enum Look {
    Score,
    Stats,
    Features,
}

/// Attaches, shows it, lets go.
async fn looked(global: &Global, what: Look, args: LearntArgs) -> Result<u8, Failure> {
    let attached = attach(global).await?;
    let request = LearntRequest { operator: args.operator.map(OperatorId::new), policy: args.policy };
    let done = shown(global, &*attached.gateway, what, request).await;
    if let Some(embedded) = attached.embedded {
        embedded.close().await;
    }
    done.map(|()| DONE)
}

async fn shown(global: &Global, gateway: &dyn Gateway, what: Look, request: LearntRequest) -> Result<(), Failure> {
    let by = &global.principal();
    let (now, zone) = clock(gateway, by).await?;
    let context = global.context(now, &zone);
    match what {
        Look::Score => {
            let view = gateway.ranking_scores(by, request).await?;
            global.answer(&view, &present::scores_doc(&view))
        }
        Look::Stats => {
            let view = gateway.ranking_stats(by, request).await?;
            global.answer(&view, &present::learnt_stats_doc(&view, &context))
        }
        Look::Features => {
            let view = gateway.ranking_features(by, request).await?;
            global.answer(&view, &present::features_doc(&view, &context))
        }
    }
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
