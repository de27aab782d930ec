//! `pair`: a code with which a person is let in from their chat; who was let in; how one is shut out.

use wakeman_present::{Block, Doc, Line, pairing_line};
use wakeman_types::{OperatorId, PairRequest, UnpairRequest};

use super::show::{clock, id, with_gateway};
use crate::{
    args::PairArgs,
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `pair [--operator ID] [--role viewer|approver|owner] | --list | --revoke ACCOUNT`
pub async fn run(global: &Global, args: PairArgs) -> Result<u8, Failure> {
    match args.revoke {
        Some(account) => revoke(global, &account).await,
        None if args.list => list(global).await,
        None => make(global, args).await,
    }
}

async fn revoke(global: &Global, account: &str) -> Result<u8, Failure> {
    let (by, request) = (global.principal(), UnpairRequest { principal: id(account)? });
    let gone = with_gateway!(global, |gateway| gateway.unpair(&by, request));
    let text = format!("{} is {} no longer.", gone.principal, gone.operator);
    global.answer(&gone, &Doc::bare().text(text))?;
    Ok(DONE)
}

async fn list(global: &Global) -> Result<u8, Failure> {
    let by = global.principal();
    let status = with_gateway!(global, |gateway| gateway.status(&by));
    let context = global.context(status.as_of, &status.timezone);
    let doc = Doc::bare();
    let doc = match status.pairings.is_empty() {
        true => doc.text("Nobody was let in. `wakeman pair` makes a code; settings name everybody else."),
        false => status.pairings.iter().fold(doc, |doc, pairing| doc.text(pairing_line(pairing, &context))),
    };
    global.answer(&status.pairings, &doc)?;
    Ok(DONE)
}

async fn make(global: &Global, args: PairArgs) -> Result<u8, Failure> {
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
