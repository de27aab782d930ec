//! The verbs that only look.

use std::str::FromStr;

use wakeman_present::{self as present, Verb};
use wakeman_types::{ListRequest, Timestamp};

use super::verbs::once;
use crate::{
    args::{StateArgs, WakeupsArgs, WakeupsCommand},
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// Attaches, asks with `ask`, lets go.
macro_rules! with_gateway {
    ($global:expr, |$gateway:ident| $ask:expr) => {{
        let Attached { gateway: $gateway, embedded } = attach($global).await?;
        let answer = $ask.await;
        if let Some(embedded) = embedded {
            embedded.close().await;
        }
        answer?
    }};
}
pub(super) use with_gateway;

/// An id as typed.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Failure::usage(error))
}

/// The present and the instance's zone, for words: what the gateway says, so that every surface tells the same time.
pub(super) async fn clock(
    gateway: &dyn wakeman_types::Gateway,
    by: &wakeman_types::Principal,
) -> Result<(Timestamp, String), wakeman_types::GatewayError> {
    let status = gateway.status(by).await?;
    Ok((status.as_of, status.timezone))
}

/// `status`
pub async fn status(global: &Global) -> Result<u8, Failure> {
    once(global, Verb::Status).await
}

/// `findings`
pub async fn findings(global: &Global, args: StateArgs) -> Result<u8, Failure> {
    once(global, Verb::Findings(args.state)).await
}

/// `finding ID`
pub async fn finding(global: &Global, text: &str) -> Result<u8, Failure> {
    once(global, Verb::Finding(id(text)?)).await
}

/// `why ID`
pub async fn why(global: &Global, text: &str) -> Result<u8, Failure> {
    once(global, Verb::Why(id(text)?)).await
}

/// `proposals`
pub async fn proposals(global: &Global, args: StateArgs) -> Result<u8, Failure> {
    once(global, Verb::Proposals(args.state)).await
}

/// `threads`
pub async fn threads(global: &Global) -> Result<u8, Failure> {
    once(global, Verb::Threads).await
}

/// `wakeups` and `wakeups history`
pub async fn wakeups(global: &Global, args: WakeupsArgs) -> Result<u8, Failure> {
    let by = global.principal();
    let Some(WakeupsCommand::History(StateArgs { state })) = args.command else {
        let (views, (now, zone)) = with_gateway!(global, |gateway| async {
            Ok::<_, wakeman_types::GatewayError>((gateway.wakeups(&by).await?, clock(&*gateway, &by).await?))
        });
        global.answer(&views, &present::wakeups_table(&views, &global.context(now, &zone)))?;
        return Ok(DONE);
    };
    let list = ListRequest { state, ..ListRequest::default() };
    let (page, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, wakeman_types::GatewayError>((gateway.wakeup_history(&by, list).await?, clock(&*gateway, &by).await?))
    });
    global.answer(&page.items, &present::occurrences_table(&page.items, &global.context(now, &zone)))?;
    Ok(DONE)
}

/// `whoami`
pub async fn whoami(global: &Global) -> Result<u8, Failure> {
    once(global, Verb::Whoami).await
}
