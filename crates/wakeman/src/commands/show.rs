//! The verbs that only look.

use std::str::FromStr;

use wakeman_present::Verb;
use wakeman_types::{Timestamp, WakeupOrder};

use super::verbs::once;
use crate::{
    args::{StateArgs, WakeupsArgs, WakeupsCommand},
    failure::Failure,
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
    let verb = match text.trim().starts_with(['T', 't']) {
        true => Verb::WhyTip(id(text)?),
        false => Verb::Why(id(text)?),
    };
    once(global, verb).await
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
    let order = match args.command {
        None => return once(global, Verb::Wakeups(None)).await,
        Some(WakeupsCommand::History(StateArgs { state })) => return once(global, Verb::WakeupHistory(state)).await,
        Some(WakeupsCommand::Add { when, what, rules }) => {
            WakeupOrder::Add { when, what: what.join(" "), rules: rules.into() }
        }
        Some(WakeupsCommand::Edit { id, when, rules }) => {
            let when = Some(when.join(" ")).filter(|when| !when.is_empty());
            WakeupOrder::Edit { id, when, rules: rules.into() }
        }
        Some(WakeupsCommand::Pause { id }) => WakeupOrder::Pause { id },
        Some(WakeupsCommand::Resume { id }) => WakeupOrder::Resume { id },
        Some(WakeupsCommand::Run { id }) => WakeupOrder::Run { id },
        Some(WakeupsCommand::Skip { id }) => WakeupOrder::Skip { id },
    };
    once(global, Verb::Wakeups(Some(order))).await
}

/// `whoami`
pub async fn whoami(global: &Global) -> Result<u8, Failure> {
    once(global, Verb::Whoami).await
}
