//! `mode`, `halt`, `resume`, `mute`, `unmute`.

use wakeman_present::{self as present, Doc};
use wakeman_types::{ControlView, ExecutionMode, FindingId, GatewayError, Principal, Timestamp};

use super::show::{clock, id, with_gateway};
use crate::{
    args::{HaltArgs, ModeArgs, MuteArgs},
    attach::{Attached, attach},
    failure::{DONE, Failure},
    global::Global,
};

/// `mode [observe|propose|execute]`
pub async fn mode(global: &Global, args: ModeArgs) -> Result<u8, Failure> {
    let mode: Option<ExecutionMode> = args.mode.map(|mode| mode.parse()).transpose().map_err(Failure::usage)?;
    let by = global.principal();
    let told = with_gateway!(global, |gateway| async {
        let view = match mode {
            Some(mode) => gateway.set_mode(&by, mode).await?,
            None => gateway.control(&by).await?,
        };
        Ok::<_, GatewayError>((view, clock(&*gateway, &by).await?))
    });
    tell(global, told)
}

/// `halt [REASON]`
pub async fn halt(global: &Global, args: HaltArgs) -> Result<u8, Failure> {
    let (by, reason) = (global.principal(), (!args.reason.is_empty()).then(|| args.reason.join(" ")));
    let told = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.halt(&by, reason).await?, clock(&*gateway, &by).await?))
    });
    tell(global, told)
}

/// `resume`
pub async fn resume(global: &Global) -> Result<u8, Failure> {
    let by = global.principal();
    let told = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.resume(&by).await?, clock(&*gateway, &by).await?))
    });
    tell(global, told)
}

fn tell(global: &Global, (view, (now, zone)): (ControlView, (Timestamp, String))) -> Result<u8, Failure> {
    global.answer(&view, &present::control_doc(&view, &global.context(now, &zone)))?;
    Ok(DONE)
}

/// `mute ID [--for DUR]`
pub async fn mute(global: &Global, args: MuteArgs) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(&args.id)?);
    let duration = args.duration.as_deref().map(present::parse_duration).transpose().map_err(Failure::usage)?;
    let (mute, (now, zone)) = with_gateway!(global, |gateway| async {
        Ok::<_, GatewayError>((gateway.mute(&by, id, duration).await?, clock(&*gateway, &by).await?))
    });
    global.answer(&mute, &Doc::bare().text(present::mute_line(&mute, &global.context(now, &zone))))?;
    Ok(DONE)
}

/// `unmute ID`
pub async fn unmute(global: &Global, text: &str) -> Result<u8, Failure> {
    let (by, id) = (global.principal(), id::<FindingId>(text)?);
    let finding = with_gateway!(global, |gateway| gateway.unmute(&by, id));
    global.answer(&finding, &Doc::bare().text(format!("{id} is no longer muted.")))?;
    Ok(DONE)
}

/// The same words typed into a chat.
pub(super) async fn typed(
    global: &Global,
    attached: &Attached,
    by: &Principal,
    verb: present::Verb,
    context: &present::RenderContext,
) -> Result<(), Failure> {
    let gateway = &*attached.gateway;
    let view = match verb {
        present::Verb::Mute { id, duration_ms } => {
            let mute = gateway.mute(by, id, duration_ms).await?;
            return global.answer(&mute, &Doc::bare().text(present::mute_line(&mute, context)));
        }
        present::Verb::Unmute(id) => {
            let finding = gateway.unmute(by, id).await?;
            return global.answer(&finding, &Doc::bare().text(format!("{id} is no longer muted.")));
        }
        present::Verb::Mode(Some(mode)) => gateway.set_mode(by, mode).await?,
        present::Verb::Halt(reason) => gateway.halt(by, reason).await?,
        present::Verb::Resume => gateway.resume(by).await?,
        _ => gateway.control(by).await?,
    };
    global.answer(&view, &present::control_doc(&view, context))
}
