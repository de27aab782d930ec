//! What people say: the mode, stop, go on, not this one.

use serde_json::json;
use wakeman_ranking::reward::Reaction;
use wakeman_store::{Commit, Committed, EntityRef, JournalEvent};
use wakeman_types::{
    Control, ControlView, DAY_MS, DeliveryClass, ErrorKind, ExecutionMode, Finding, FindingId, GatewayError, HaltSet,
    Identity, MINUTE_MS, ModeSet, Mute, ProposalId, Role, Severity, Timestamp,
};

use super::{Standing, standing, view};
use crate::{
    core::Core,
    deliver::announce,
    desk::{not_found, settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// How long a mute lasts that nobody gave an end; and the longest. Every mute ends by itself.
pub(crate) const MUTE_MS_DEFAULT: i64 = 7 * DAY_MS;
pub(crate) const MUTE_MS_MAX: i64 = wakeman_present::DURATION_MS_MAX;
/// Longest reason kept, in characters.
pub(crate) const REASON_LEN_MAX: usize = 500;

/// Refuses who is less than `least`.
pub(crate) fn needs(who: &Identity, least: Role, what: &str) -> Result<(), GatewayError> {
    if who.role >= least {
        return Ok(());
    }
    let who_can = if least == Role::Owner { "an owner" } else { "an approver or owner" };
    let message = format!("Only {who_can} can {what}. You are {} ({}).", who.operator, who.role);
    Err(GatewayError::new(ErrorKind::Forbidden, message))
}

/// What a change of `control` is, in the journal and in words.
struct Change {
    control: Control,
    event: JournalEvent,
    said: String,
}

/// Sets the mode over the settings, for good until it is set again. Owners only.
///
/// # Errors
/// Not an owner, or it could not be stored.
pub async fn set_mode(core: &Core, who: &Identity, mode: ExecutionMode) -> Result<ControlView, GatewayError> {
    set_mode_because(core, who, mode, None).await
}

/// The same, because of a proposal that an owner approved; it is named in the journal.
pub(crate) async fn set_mode_because(
    core: &Core,
    who: &Identity,
    mode: ExecutionMode,
    cause: Option<ProposalId>,
) -> Result<ControlView, GatewayError> {
    needs(who, Role::Owner, "set the mode")?;
    change(core, mode != ExecutionMode::Execute, |now: &Standing| {
        if now.control.mode.as_ref().map_or(core.settings.runtime.execution_mode, |set| set.mode) == mode {
            return None;
        }
        let set = ModeSet { mode, by: who.operator.clone(), principal: who.principal.clone(), at: core.now() };
        let principal = who.principal.to_string();
        let payload = json!({"from": now.mode, "to": mode, "principal": principal, "proposal": cause});
        Some(Change {
            control: Control { mode: Some(set), ..now.control.clone() },
            event: core.event("mode.changed", &who.operator, "instance", payload),
            said: format!("Mode {mode} (was {}), set by {}.", now.mode, who.operator),
        })
    })
    .await
}

/// Stops all execution at once. Approvers and owners, from any channel. A second halt changes nothing.
///
/// # Errors
/// A viewer, or it could not be stored.
pub async fn halt(core: &Core, who: &Identity, reason: Option<String>) -> Result<ControlView, GatewayError> {
    needs(who, Role::Approver, "stop execution")?;
    let reason: Option<String> = reason.map(|reason| core.clean(&reason).chars().take(REASON_LEN_MAX).collect());
    change(core, true, |now: &Standing| {
        if now.control.halt.is_some() {
            return None;
        }
        let (by, principal) = (who.operator.clone(), who.principal.clone());
        let because = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        Some(Change {
            event: core.event(
                "halt.set",
                &by,
                "instance",
                json!({"principal": principal.to_string(), "reason": reason}),
            ),
            said: format!("Halted by {by}{because}: nothing is run until an owner says `resume`."),
            control: Control {
                halt: Some(HaltSet { by, principal, at: core.now(), reason: reason.clone() }),
                ..now.control.clone()
            },
        })
    })
    .await
}

/// Goes on after a halt. Owners only.
///
/// # Errors
/// Not an owner, or it could not be stored.
pub async fn resume(core: &Core, who: &Identity) -> Result<ControlView, GatewayError> {
    needs(who, Role::Owner, "resume after a halt")?;
    let answer = change(core, false, |now: &Standing| {
        let halt = now.control.halt.as_ref()?;
        let payload = json!({"principal": who.principal.to_string(), "halted_by": halt.by, "since": halt.at});
        Some(Change {
            control: Control { halt: None, ..now.control.clone() },
            event: core.event("halt.lifted", &who.operator, "instance", payload),
            said: format!("{} resumed: what was approved goes on.", who.operator),
        })
    })
    .await?;
    core.work.notify_one();
    Ok(answer)
}

/// Commits what `next` makes of how it stands; `None`: it is so already. `safer`: it may use the space kept for a full disk.
async fn change(
    core: &Core,
    safer: bool,
    next: impl Fn(&Standing) -> Option<Change>,
) -> Result<ControlView, GatewayError> {
    let changed: Result<(), SettleError> = settle!(core, "the mode", async {
        let now = standing(core).await?;
        let Some(Change { control, event, said }) = next(&now) else { return Ok(Wanted::Nothing(())) };
        let mut commit = Commit::durable(core.now()).replace(&control, now.version).event(event);
        commit = announce(core, commit, DeliveryClass::Note, Severity::Warning, said);
        if safer {
            commit = commit.essential();
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    });
    changed.map_err(|error| settle_error(&error))?;
    view(core).await.map_err(|error| storage_error(&error))
}

/// Nobody is told of this finding's subject for `duration_ms`, or for a week. Approvers and owners.
///
/// # Errors
/// A viewer, no such finding, a duration that is none.
pub async fn mute(core: &Core, who: &Identity, id: FindingId, duration_ms: Option<i64>) -> Result<Mute, GatewayError> {
    needs(who, Role::Approver, "mute a finding")?;
    let duration_ms = duration_ms.unwrap_or(MUTE_MS_DEFAULT);
    if !(MINUTE_MS..=MUTE_MS_MAX).contains(&duration_ms) {
        let message = "a mute lasts 1m to 30d, without a duration a week; write it like 2h or 7d";
        return Err(GatewayError::new(ErrorKind::Invalid, message));
    }
    mute_until(core, who, id, Some(core.now().plus_ms(duration_ms)), None).await
}

/// The same until an instant, because of a proposal that was approved; it is named in the journal.
pub(crate) async fn mute_until(
    core: &Core,
    who: &Identity,
    id: FindingId,
    until: Option<Timestamp>,
    cause: Option<ProposalId>,
) -> Result<Mute, GatewayError> {
    needs(who, Role::Approver, "mute a finding")?;
    let finding = finding(core, id).await?;
    let now = core.now();
    let mute = Mute {
        subject: wakeman_present::subject_name(&finding.subject),
        fingerprint: finding.fingerprint,
        finding: id,
        by: who.operator.clone(),
        principal: who.principal.clone(),
        at: now,
        until,
    };
    let payload = json!({
        "principal": who.principal.to_string(), "fingerprint": mute.fingerprint, "until": mute.until, "proposal": cause,
    });
    let event = core.event("finding.muted", &who.operator, id, payload);
    let commit = Commit::durable(now).put(&mute).event(event);
    let commit = crate::rank::react(core, commit, who, id, |_| Reaction::Muted).await;
    land(core, commit.map_err(|e| storage_error(&e))?).await?;
    Ok(mute)
}

/// Lifts the mute of this finding's subject. Approvers and owners.
///
/// # Errors
/// A viewer, no such finding.
pub async fn unmute(core: &Core, who: &Identity, id: FindingId) -> Result<Finding, GatewayError> {
    unmute_because(core, who, id, None).await
}

/// The same, because of a proposal that was approved; it is named in the journal.
pub(crate) async fn unmute_because(
    core: &Core,
    who: &Identity,
    id: FindingId,
    cause: Option<ProposalId>,
) -> Result<Finding, GatewayError> {
    needs(who, Role::Approver, "lift a mute")?;
    let finding = finding(core, id).await?;
    let principal = who.principal.to_string();
    let payload = json!({"principal": principal, "fingerprint": finding.fingerprint, "proposal": cause});
    let commit = Commit::durable(core.now()).delete(EntityRef::new("mute", &finding.fingerprint)).event(core.event(
        "finding.unmuted",
        &who.operator,
        id,
        payload,
    ));
    land(core, commit).await?;
    Ok(finding)
}

/// For commits that expect nothing: they cannot conflict.
async fn land(core: &Core, commit: Commit) -> Result<(), GatewayError> {
    match core.store.commit(commit).await.map_err(|error| storage_error(&error))? {
        Committed::Seq(_) => Ok(()),
        Committed::Conflict(conflict) => Err(GatewayError::new(ErrorKind::Conflict, conflict.to_string())),
    }
}

async fn finding(core: &Core, id: FindingId) -> Result<Finding, GatewayError> {
    let found = core.store.get::<Finding>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
    found.map(|f| f.value).ok_or_else(|| not_found(format!("there is no finding {id}; `findings` lists them")))
}
