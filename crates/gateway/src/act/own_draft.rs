//! Drafts of changes to Wakeman itself: the mode, a mute, a wakeup, who decides. Asked for in a conversation, they wait for a yes like anything else.

use serde_json::json;
use wakeman_types::{Action, ExecutionMode, Finding};

use super::{
    catalogue::{
        PromotePolicyArguments, SetModeArguments, SetMuteArguments, SetMuteRevision, SetWakeupArguments,
        demotion_revision, mode_revision, mute_held, promotion_revision, wakeup_revision,
    },
    draft::{Draft, card},
};
use crate::{
    core::Core,
    ports::HandsError,
    wake::{self, AddedWakeup},
};

fn action(kind: &str, arguments: serde_json::Value, revision: serde_json::Value) -> Action {
    Action { kind: kind.to_owned(), target: json!({"wakeman": "itself"}), arguments, revision }
}

/// The draft of setting the mode.
pub(super) async fn mode(core: &Core, mode: ExecutionMode) -> Result<Draft, HandsError> {
    let shown = mode_revision(core).await?;
    card(core, action("wakeman.set_mode", json!(SetModeArguments { mode }), json!(shown)), None, String::new())
}

/// The draft of muting what a finding is about for so long; `None`: of lifting its mute.
pub(super) async fn mute(core: &Core, finding: &Finding, for_ms: Option<i64>) -> Result<Draft, HandsError> {
    let now = core.now();
    let held = mute_held(core, &finding.fingerprint).await?;
    let arguments = SetMuteArguments {
        finding: finding.id,
        subject: finding.fingerprint.clone(),
        until: for_ms.map(|ms| now.plus_ms(ms)),
    };
    let revision = SetMuteRevision {
        name: wakeman_present::sanitize(&wakeman_present::subject_name(&finding.subject), 100),
        at: now,
        muted_at: held.as_ref().map(|mute| mute.at),
        muted_until: held.as_ref().and_then(|mute| mute.until),
    };
    card(core, action("wakeman.set_mute", json!(arguments), json!(revision)), None, String::new())
}

/// The draft of pausing a wakeup, or of resuming it.
pub(super) async fn wakeup(core: &Core, id: &str, paused: bool) -> Result<Draft, HandsError> {
    let shown = wakeup_revision(core, id).await?;
    let arguments = SetWakeupArguments { id: id.to_owned(), paused, add: None };
    card(core, action("wakeman.set_wakeup", json!(arguments), json!(shown)), None, String::new())
}

/// The draft of a wakeup that stands in no file.
pub(super) async fn add_wakeup(core: &Core, added: AddedWakeup) -> Result<Draft, HandsError> {
    let id = wake::id_of(&added).map_err(|reason| HandsError::Permanent { reason })?;
    let shown = wakeup_revision(core, &id).await?;
    let arguments = SetWakeupArguments { id, paused: false, add: Some(added) };
    card(core, action("wakeman.set_wakeup", json!(arguments), json!(shown)), None, String::new())
}

/// The draft of letting a policy decide, with what the log shows for it.
pub(super) async fn promotion(core: &Core, policy: &str) -> Result<Draft, HandsError> {
    let shown = promotion_revision(core, policy).await?;
    let arguments = PromotePolicyArguments { policy: policy.to_owned(), decides: true };
    card(core, action("wakeman.promote_policy", json!(arguments), json!(shown)), None, String::new())
}

/// The draft of letting `rule-v1` decide again.
pub(super) async fn demotion(core: &Core, policy: String) -> Result<Draft, HandsError> {
    let shown = demotion_revision(core, &policy).await?;
    let arguments = PromotePolicyArguments { policy, decides: false };
    card(core, action("wakeman.promote_policy", json!(arguments), json!(shown)), None, String::new())
}
