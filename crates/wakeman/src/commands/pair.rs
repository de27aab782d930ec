//! `pair`: a code with which a person is let in from their chat.

use wakeman_present::{Block, Doc, Line};
use wakeman_types::{OperatorId, PairRequest};

use super::show::{clock, with_gateway};
use crate::{
    args::PairArgs,
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `pair [--operator ID] [--role viewer|approver|owner]`
pub async fn run(global: &Global, args: PairArgs) -> Result<u8, Failure> {
    let by = global.principal();
    let request = PairRequest { operator: args.operator.map(OperatorId::new), role: args.role.map(Into::into) };
    let (made, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, wakeman_types::GatewayError>((gateway.pair(&by, request).await?, clock(&*gateway, &by).await?))
    });
    let until = global.context(now, &zone).time(made.expires_at);
    let doc = Doc::bare()
        .block(Block::Headline(Line::new().strong(format!("/pair {}", made.code))))
        .text(format!(
            "Sent to the bot in a direct chat until {until}, it makes that account {} ({}).",
            made.operator, made.role
        ))
        .text(Line::new().dim("It works once. Whoever has it can use it: hand it over where only they read it."));
    global.answer(&made, &doc)?;
    Ok(DONE)
}
