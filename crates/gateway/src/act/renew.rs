//! A card that expired is offered afresh: the very same action, drafted from the world as it is now, for whoever asked for it then.
//! Where the same cannot be drafted any more, one sentence says why.
//!
//! At most once per card: what was offered in its place lands with a row that says so, and a later press is told of that one.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_store::Commit;
use wakeman_types::{
    Action, Entity, ErrorKind, Finding, FindingId, GatewayError, Identity, Outcome, Proposal, ProposalId,
    ProposalState, Step, Timestamp,
};

use super::{
    approved::changed_since_shown,
    asked::{Asked, Asking, Wish, show_in, staged},
    catalogue::{PLAN, PlanArguments, SetMuteArguments, SetMuteRevision, SetWakeupArguments, read, resolve_known},
    decide::{DecideError, may_decide},
    draft::{Draft, Origin, card, proposal_of},
    expire::expire,
};
use crate::{
    config::ExecutionMode,
    core::Core,
    deliver::follow,
    desk::{settle_error, storage_error},
    modes::standing,
    settle::{SettleError, Wanted, settle},
};

/// The line that ends a text of ours; what stands before it is what was asked for.
pub(super) const OURS: &str = "\n\nProposed by Wakeman and approved by an operator";

/// `body` with that line, and the mark by which it is found again.
pub(super) fn signed(body: &str, id: ProposalId, marker: &str) -> String {
    format!("{body}{OURS} ({id}).\n\n<!-- {marker} -->")
}

/// What came of asking for an expired card once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    /// The same, drafted just now, waits for a decision.
    Fresh(ProposalId),
    /// What was left of a plan, drafted just now, waits for a decision.
    Rest(ProposalId),
    /// This one took its place before, or would do the same, and is so far.
    Stands(ProposalId, ProposalState),
    /// It is not offered again, for this reason.
    Refused(String),
    /// It is not offered now, for this reason; later it may be.
    NotNow(String),
}

impl Renewed {
    /// What whoever pressed is told, after `P-31 expired`.
    pub fn words(&self) -> String {
        match self {
            Self::Fresh(id) => format!("; {id} is the same, drafted afresh just now: `approve {id}`"),
            Self::Rest(id) => format!("; {id} is what was left of it, drafted afresh just now: `approve {id}`"),
            Self::Stands(id, state) => match state {
                ProposalState::Approved => format!("; {id} took its place and is approved"),
                ProposalState::Executing => format!("; {id} took its place and is being run"),
                ProposalState::NeedsReview => {
                    format!(
                        "; {id} took its place, and it is not known whether that took effect: look at `proposal {id}`"
                    )
                }
                _ => format!("; {id} took its place and waits for a decision: `approve {id}`"),
            },
            Self::Refused(why) => format!(" and is not offered again: {why}"),
            Self::NotNow(why) => format!(" and cannot be offered again now: {why}; press again later"),
        }
    }
}

/// Which card was offered in place of one that expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Renewal {
    pub(super) expired: ProposalId,
    pub(super) fresh: ProposalId,
    pub(super) at: Timestamp,
}

impl Entity for Renewal {
    const KIND: &'static str = "renewal";

    fn entity_id(&self) -> String {
        self.expired.to_string()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// What was offered in place of that card before.
pub(super) async fn offered_instead(core: &Core, old: Option<&Proposal>) -> Result<Option<ProposalId>, SettleError> {
    let Some(old) = old else { return Ok(None) };
    let found = core.store.get::<Renewal>(&old.id.to_string()).await?;
    Ok(found.map(|found| found.value.fresh))
}

/// A fresh proposal of exactly what expired with `expired`, or why there is none.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn renew(core: &Core, expired: ProposalId) -> Result<Renewed, SettleError> {
    let Some(old) = newest(core, expired).await? else {
        return Ok(Renewed::Refused("its record is gone".to_owned()));
    };
    match old.state {
        ProposalState::Expired => {}
        ProposalState::Failed if !was_called(&old) => {}
        ProposalState::Pending | ProposalState::Approved | ProposalState::Executing | ProposalState::NeedsReview => {
            return Ok(Renewed::Stands(old.id, old.state));
        }
        ended => {
            let state = ended.name().replace('_', " ");
            let place = if old.id == expired { "it".to_owned() } else { format!("{} took its place and", old.id) };
            return Ok(Renewed::Refused(format!("{place} is {state}")));
        }
    }
    if let Some(what) = changed_since_shown(&core.instance, &old) {
        return Ok(Renewed::Refused(format!("its record is not what was shown: {what}")));
    }
    match asked_again(core, &old).await? {
        Asked::Staged(id) if was_called(&old) => Ok(Renewed::Rest(id)),
        Asked::Staged(id) => Ok(Renewed::Fresh(id)),
        Asked::Waits(id) => {
            let found = core.store.get::<Proposal>(&id.to_string()).await?;
            Ok(Renewed::Stands(id, found.map_or(ProposalState::Pending, |found| found.value.state)))
        }
        Asked::Unknown { source_name, reason } => {
            Ok(Renewed::NotNow(format!("{source_name} could not be asked ({reason})")))
        }
        Asked::NotNow(reason) => Ok(Renewed::NotNow(reason)),
        Asked::Refused(reason) => {
            release(core, &old).await?;
            Ok(Renewed::Refused(reason))
        }
    }
}

/// The same for who asks by name and may approve it; also where it was approved and then nothing of it was run. What waits in its place.
///
/// # Errors
/// No such proposal, not theirs to approve, or the same is not offered again, with the reason.
pub(crate) async fn renew_for(core: &Core, who: &Identity, id: ProposalId) -> Result<Proposal, GatewayError> {
    let stored = async |id: ProposalId| {
        let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
        found.map(|found| found.value).ok_or(DecideError::NotFound(id)).map_err(GatewayError::from)
    };
    let conflict = |message: String| GatewayError::new(ErrorKind::Conflict, message);
    may_decide(core, &stored(id).await?, who)?;
    expire(core, id).await.map_err(|error| settle_error(&error))?;
    match renew(core, id).await.map_err(|error| settle_error(&error))? {
        Renewed::Fresh(id) | Renewed::Rest(id) | Renewed::Stands(id, _) => stored(id).await,
        Renewed::Refused(why) => Err(conflict(format!("{id} is not offered again: {why}"))),
        Renewed::NotNow(why) => Err(conflict(format!("{id} cannot be offered again now: {why}; ask again later"))),
    }
}

/// Whether a call of any of its steps was ever begun.
fn was_called(proposal: &Proposal) -> bool {
    let done = |step: &Step| matches!(step.outcome, Some(Outcome::Done { .. } | Outcome::Unknown { .. }));
    proposal.steps.iter().any(|step| step.tries > 0 || step.intended_at.is_some() || done(step))
}

/// The last of those that took each other's place.
async fn newest(core: &Core, expired: ProposalId) -> Result<Option<Proposal>, SettleError> {
    let mut found = core.store.get::<Proposal>(&expired.to_string()).await?.map(|found| found.value);
    // Each is younger than the one before, so this ends.
    while let Some(fresh) = offered_instead(core, found.as_ref()).await? {
        found = core.store.get::<Proposal>(&fresh.to_string()).await?.map(|found| found.value);
    }
    Ok(found)
}

async fn asked_again(core: &Core, old: &Proposal) -> Result<Asked, SettleError> {
    let refused = |reason: String| Ok(Asked::Refused(reason));
    if standing(core).await?.mode == ExecutionMode::Observe {
        return Ok(Asked::NotNow("the mode is observe, in which nothing is proposed".to_owned()));
    }
    let finding = match old.finding {
        Some(id) => finding(core, id).await?,
        None => None,
    };
    if let Some(over) = finding.as_ref().filter(|finding| finding.is_over()) {
        return refused(format!("{} is over, so there is nothing left to repair", over.id));
    }
    let Some(wish) = wish_of(core, old).await? else {
        return match old.action.kind.as_str() {
            PLAN => what_is_left(core, old).await,
            _ => refused("what it was about is gone".to_owned()),
        };
    };
    let name = match core.identify(&old.requested_by).await? {
        Some(known) => known.operator.to_string(),
        None => old.requested_by.to_string(),
    };
    let asking = Asking::new(old.requested_by.clone(), name, &old.thread);
    staged(core, Asking { finding, instead: Some(old), ..asking }, wish).await
}

/// The steps of a plan that were not run, with what those before them returned.
async fn what_is_left(core: &Core, old: &Proposal) -> Result<Asked, SettleError> {
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    let origin = Origin { finding: old.finding, by: old.requested_by.clone() };
    let made = left_of(core, old).and_then(|draft| proposal_of(core, id, draft, origin, &old.thread, core.now()));
    match made {
        Ok(made) => show_in(core, made, (None, Some(old))).await,
        Err(reason) => Ok(Asked::Refused(reason)),
    }
}

fn left_of(core: &Core, old: &Proposal) -> Result<Draft, String> {
    let done = old.steps.iter().take_while(|step| matches!(step.outcome, Some(Outcome::Done { .. }))).count();
    let left = &old.steps[done..];
    let count = u64::try_from(done).unwrap_or(u64::MAX);
    let steps: Vec<Action> =
        left.iter().map(|step| resolve_known(&step.action, &old.steps, count)).collect::<Result<_, _>>()?;
    let action = Action {
        kind: PLAN.to_owned(),
        target: old.action.target.clone(),
        arguments: json!(PlanArguments { steps }),
        revision: json!(null),
    };
    let title = match done {
        0 => old.card.title.clone(),
        _ => format!("{}: from step {}", old.card.title, done + 1),
    };
    let words = Some((title, old.card.undo.clone()));
    card(core, action, words, old.card.check.clone()).map_err(|error| error.to_string())
}

async fn finding(core: &Core, id: FindingId) -> Result<Option<Finding>, SettleError> {
    Ok(core.store.get::<Finding>(&id.to_string()).await?.map(|found| found.value))
}

/// What cannot be done again keeps no other repair of its finding from being proposed.
async fn release(core: &Core, old: &Proposal) -> Result<(), SettleError> {
    let Some(id) = old.finding else { return Ok(()) };
    settle!(core, "the finding", async {
        let Some(found) = core.store.get::<Finding>(&id.to_string()).await? else { return Ok(Wanted::Nothing(())) };
        if found.value.proposal != Some(old.id) || found.value.is_over() {
            return Ok(Wanted::Nothing(()));
        }
        let finding = Finding { proposal: None, ..found.value.clone() };
        let commit = Commit::new(core.now()).replace(&finding, found.version);
        let commit = follow(core, commit, &found.value, &finding).await?;
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// What was asked for, read from what was drafted of it. `None`: what it was about is gone, or it is a plan that nothing here drafts as it
/// stands.
async fn wish_of(core: &Core, old: &Proposal) -> Result<Option<Wish>, SettleError> {
    if was_called(old) {
        return Ok(None);
    }
    let kinds: Vec<&str> = old.steps.iter().map(|step| step.action.kind.as_str()).collect();
    let Some(first) = old.steps.first().map(|step| &step.action) else { return Ok(None) };
    let key = || first.arguments["key"].as_str().map(str::to_owned);
    Ok(match kinds.as_slice() {
        ["github.revert_pr", "github.merge_pr"] => {
            first.arguments["number"].as_u64().map(|number| Wish::Revert { number })
        }
        ["posthog.set_flag", "posthog.annotate"] if first.arguments["active"] == json!(false) => {
            key().map(|key| Wish::FlagOffAndAnnotate { key })
        }
        [_] if old.action.kind == PLAN => None,
        ["wakeman.set_mute"] => mute(core, first).await?,
        [kind] => single(kind, first),
        _ => None,
    })
}

/// The same mute again: as long as it was asked for, from now.
async fn mute(core: &Core, action: &Action) -> Result<Option<Wish>, SettleError> {
    let arguments: Result<SetMuteArguments, _> = read("arguments", &action.arguments);
    let shown: Result<SetMuteRevision, _> = read("revision", &action.revision);
    let (Ok(arguments), Ok(shown)) = (arguments, shown) else { return Ok(None) };
    let finding = finding(core, arguments.finding).await?.filter(|found| found.fingerprint == arguments.subject);
    let for_ms = arguments.until.map(|until| until.since(shown.at));
    Ok(finding.map(|finding| Wish::Mute { finding: Box::new(finding), for_ms }))
}

fn single(kind: &str, action: &Action) -> Option<Wish> {
    let arguments = &action.arguments;
    let text = |field: &str| arguments[field].as_str().map(str::to_owned);
    let said = |field: &str| text(field).map(|text| text.split(OURS).next().unwrap_or_default().to_owned());
    Some(match kind {
        "github.merge_pr" => Wish::Merge { number: arguments["number"].as_u64()? },
        "github.open_issue" => Wish::Issue { title: text("title")?, body: said("body")? },
        "github.comment" => Wish::Comment { number: arguments["number"].as_u64()?, body: said("body")? },
        "github.rerun_failed_jobs" => Wish::Rerun { run: arguments["run"].as_u64()? },
        "github.open_pr" => Wish::Patch {
            files: arguments["files"]
                .as_array()?
                .iter()
                .map(|file| Some((file["path"].as_str()?.to_owned(), file["text"].as_str().map(str::to_owned))))
                .collect::<Option<_>>()?,
            title: text("title")?,
            body: said("body")?,
        },
        "posthog.set_flag" => Wish::Flag {
            key: text("key")?,
            active: arguments["active"].as_bool()?,
            rollout: arguments["rollout"].as_f64(),
        },
        "posthog.annotate" => {
            let marker = text("marker")?;
            Wish::Annotate { content: text("content")?.replace(&format!(" ({marker})"), "") }
        }
        "posthog.update_error_issue" => Wish::ErrorStatus { issue: text("issue")?, status: text("status")? },
        "vercel.rollback" => {
            let from = action.revision["production"].as_str()?.to_owned();
            Wish::RollbackTo { deployment: text("deployment")?, from }
        }
        "vercel.promote" => Wish::Deployment { id: text("deployment")? },
        "webhook.post" => Wish::Webhook { name: text("name")?, payload: arguments["payload"].as_object()?.clone() },
        "wakeman.set_mode" => Wish::Mode { mode: text("mode")?.parse().ok()? },
        "wakeman.set_wakeup" => {
            let arguments: SetWakeupArguments = read("arguments", arguments).ok()?;
            match arguments.add {
                Some(added) => Wish::AddWakeup { added },
                None => Wish::Wakeup { id: arguments.id, paused: arguments.paused },
            }
        }
        "wakeman.promote_policy" if arguments["decides"] == json!(true) => Wish::Promote { policy: text("policy")? },
        "wakeman.promote_policy" => Wish::Demote { policy: text("policy")? },
        _ => return None,
    })
}
