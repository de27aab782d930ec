//! What operators' reactions teach.

use wakeman_cli::{Choice, read_key};
use wakeman_present::{self as present, Doc, Verb};
use wakeman_types::{OperatorId, PromoteRequest, PromotionView};

use super::{
    show::{id, with_gateway},
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

async fn promote(global: &Global, args: PromoteArgs) -> Result<(), Failure> {
    let by = global.principal();
    let asked = |confirmed| PromoteRequest { policy: args.policy.clone(), confirmed };
    if !args.yes {
        let view = with_gateway!(global, |gateway| gateway.promote(&by, asked(false)));
        if !global.interactive || global.json {
            let message =
                format!("nobody can be asked here; to let {0} decide: wakeman ranking promote {0} --yes", view.policy);
            return Err(Failure::usage(message));
        }
        let doc = promotion_doc(&view);
        global.print(&wakeman_cli::render(&doc, &global.style))?;
        if read_key("Let it decide one in ten?", &[Choice::new('p', "Promote"), Choice::new('n', "Not now")])? != 'p' {
            return Err(Failure::refused(format!("{} was not promoted", view.policy)));
        }
    }
    let view = with_gateway!(global, |gateway| gateway.promote(&by, asked(true)));
    global.answer(&view, &promotion_doc(&view))
}

fn promotion_doc(view: &PromotionView) -> Doc {
    let share = format!("{:.0} %", view.share * 100.0);
    let head = match view.begun {
        true => format!("{} decides {share} now, more as it proves itself.", view.policy),
        false => format!("{} would decide {share} of what is open to choice.", view.policy),
    };
    view.conditions.iter().fold(Doc::bare().text(head), |doc, line| doc.text(format!("✓ {line}")))
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
