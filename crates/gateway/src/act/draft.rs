//! From a likely cause to a proposal: reads the world, writes down exactly what would be done, changes nothing.

use serde_json::{Value, json};
use wakeman_types::{
    Action, CandidateCause, CardText, ChangeRef, Finding, FindingId, Principal, Proposal, ProposalId, ProposalState,
    Subject, ThreadId, Timestamp,
};

use super::{
    catalogue::{
        Hand, PLAN, PlanArguments, ProductionArguments, ProductionRevision, RerunArguments, RerunRevision,
        RevertArguments, RevertMethod, RevertRevision, Rollback, SetFlagArguments, SetFlagRevision, class, forbidden,
        marker, plan_card, plan_steps, plan_words, unavailable, undrafted,
    },
    decide::may_say_yes,
    digest::digest,
    outbound::shown_whole,
    verify::effect_words,
};
use crate::{
    core::Core,
    ports::{DeployFacts, HandsError, RunStatus},
};

/// Only deployments to it can be rolled back.
const PRODUCTION: &str = "production";

/// A repair that could be proposed: the action and the words of its card.
pub struct Draft {
    /// What would be done.
    pub action: Action,
    /// The card.
    pub card: CardText,
}

/// Whether this cause has a repair in the catalogue that settings and credentials allow, and what its button says.
pub fn repair_label(core: &Core, cause: &CandidateCause) -> Option<String> {
    match &cause.change.reference {
        ChangeRef::PullRequest { number, .. } if may_write(core) => Some(format!("Propose revert of #{number}")),
        ChangeRef::Flag { key, active, .. } if core.hands.flags.is_some() && *active != Some(false) => {
            Some(format!("Propose turning flag {key} off"))
        }
        ChangeRef::Deployment { environment, .. }
            if environment.eq_ignore_ascii_case(PRODUCTION) && unavailable(core, &Rollback).is_none() =>
        {
            Some("Propose rollback of production".to_owned())
        }
        _ => None,
    }
}

/// Whether the repository may be written to.
fn may_write(core: &Core) -> bool {
    core.hands.repo.is_some()
        && core.tools.allows("github", "createPullRequests")
        && core.tools.allows("github", "pushBranches")
}

/// Reads the world and drafts the repair of `cause`. `Ok(None)`: there is none.
///
/// # Errors
/// [`HandsError`] when the world could not be read, or is such that the repair cannot work (already reverted, not merged).
pub async fn draft_repair(
    core: &Core,
    id: ProposalId,
    finding: &Finding,
    cause: &CandidateCause,
    check: String,
) -> Result<Option<Draft>, HandsError> {
    if repair_label(core, cause).is_none() {
        return Ok(None);
    }
    match &cause.change.reference {
        ChangeRef::PullRequest { number, .. } => {
            revert(core, id, &finding.id.to_string(), *number, check).await.map(Some)
        }
        ChangeRef::Flag { key, .. } => flag_off(core, key, check).await.map(Some),
        ChangeRef::Deployment { sha, .. } => rollback(core, Some((sha, cause.change.at)), check).await.map(Some),
        _ => Ok(None),
    }
}

/// What could help whatever the cause is: a workflow that fails on the default branch is run again, once. `Ok(None)`: nothing.
///
/// # Errors
/// [`HandsError`] when the world could not be read, or the run is not one that can be run again.
pub async fn draft_for_subject(core: &Core, finding: &Finding, check: String) -> Result<Option<Draft>, HandsError> {
    match &finding.subject {
        Subject::Run { run, .. } if may_write(core) => rerun(core, *run, check).await.map(Some),
        _ => Ok(None),
    }
}

/// The draft of running a failed run again. One that was run again before is not: it does not fail by chance.
pub(super) async fn rerun(core: &Core, run: u64, check: String) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.repo else {
        return Err(undrafted(Hand::Repository));
    };
    let run = hands.run(run).await?;
    if run.status != RunStatus::Failed {
        return Err(HandsError::Permanent { reason: format!("run {} did not fail, so it has no failed jobs", run.id) });
    }
    if run.attempt > 1 {
        let reason = format!("run {} failed {} times already; another attempt would not help", run.id, run.attempt);
        return Err(HandsError::Permanent { reason });
    }
    let action = Action {
        kind: "github.rerun_failed_jobs".to_owned(),
        target: json!({"repository": repository(core)}),
        arguments: json!(RerunArguments { run: run.id }),
        revision: json!(RerunRevision { workflow: run.workflow, sha: run.sha, attempt: run.attempt }),
    };
    card(core, action, None, check)
}

/// The draft of a rollback of production to what it showed before. With a commit and its time: only while production shows that.
pub(super) async fn rollback(
    core: &Core,
    blamed: Option<(&str, Timestamp)>,
    check: String,
) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.deploys else {
        return Err(undrafted(Hand::Deploys));
    };
    let nothing = |reason: &str| HandsError::Permanent { reason: reason.to_owned() };
    let live = hands.production().await?.ok_or_else(|| nothing("production shows no deployment"))?;
    if let Some((sha, _)) = blamed
        && live.sha.as_deref().is_some_and(|live| live != sha)
    {
        return Err(nothing(
            "production shows another deployment than the suspected one; look at it before rolling back",
        ));
    }
    let before = |candidate: &DeployFacts| candidate.id != live.id && candidate.created_at < live.created_at;
    let target = hands.candidates().await?.into_iter().find(before);
    let target = target.ok_or_else(|| nothing("there is no earlier deployment that was live"))?;
    let action = Action {
        kind: "vercel.rollback".to_owned(),
        target: json!({"project": core.settings.vercel.project_id}),
        arguments: json!(ProductionArguments { deployment: target.id }),
        revision: json!(ProductionRevision { production: live.id, production_sha: live.sha, target_sha: target.sha }),
    };
    card(core, action, None, check)
}

/// The draft of a revert and its merge, made `asked_for` a finding or a person.
pub(super) async fn revert(
    core: &Core,
    id: ProposalId,
    asked_for: &str,
    number: u64,
    check: String,
) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.repo else {
        return Err(undrafted(Hand::Repository));
    };
    let pull = hands.pull(number).await?;
    let Some(merge_sha) = pull.merge_sha.clone().filter(|_| pull.merged) else {
        return Err(HandsError::Permanent {
            reason: format!("#{number} is not merged, so there is nothing to revert"),
        });
    };
    let files = hands.pull_files(number).await?;
    let touched = hands.changed_since(&pull.base, &files).await?;
    let method = if touched.is_empty() && !files.is_empty() { RevertMethod::Files } else { RevertMethod::Platform };
    let repository = repository(core);
    let target = json!({ "repository": repository });
    let marker = marker(&core.instance, id, 1);
    let arguments = RevertArguments {
        number,
        base: pull.base.clone(),
        branch: format!("{}{id}", core.settings.github.branch_prefix),
        method,
        paths: files.iter().map(|file| file.path.clone()).collect(),
        title: format!("Revert #{number}"),
        body: format!("Proposed by Wakeman for {asked_for} and approved by an operator ({id}).\n\n<!-- {marker} -->"),
        marker,
    };
    let revision = RevertRevision { merge_sha, files: files.into_iter().map(|file| (file.path, file.blob)).collect() };
    let steps = PlanArguments {
        steps: vec![
            Action {
                kind: "github.revert_pr".to_owned(),
                target: target.clone(),
                arguments: json!(arguments),
                revision: json!(revision),
            },
            Action {
                kind: "github.merge_pr".to_owned(),
                target: target.clone(),
                arguments: json!({"number": from_step(1, "number"), "head_sha": from_step(1, "head_sha")}),
                revision: Value::Null,
            },
        ],
    };
    let action = Action { kind: PLAN.to_owned(), target, arguments: json!(steps), revision: Value::Null };
    card(core, action, plan_words(&steps.steps), check)
}

/// The repository that is acted on: `acme/app`.
pub(super) fn repository(core: &Core) -> String {
    core.settings.github.repository.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn from_step(step: u32, field: &str) -> Value {
    json!({"data_from_step": step, "field": field})
}

async fn flag_off(core: &Core, key: &str, check: String) -> Result<Draft, HandsError> {
    flag_edit(core, key, false, None, check).await
}

/// The draft of setting a flag. A flag that stands so already is refused.
pub(super) async fn flag_edit(
    core: &Core,
    key: &str,
    active: bool,
    rollout: Option<f64>,
    check: String,
) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.flags else {
        return Err(undrafted(Hand::Flags));
    };
    let flag = hands.flag(key).await?;
    let same_share = rollout.is_none_or(|want| flag.rollout.is_some_and(|is| (is - want).abs() < 1e-9));
    if flag.active == active && same_share {
        let state = if active { "on" } else { "off" };
        return Err(HandsError::Permanent { reason: format!("flag {key} is {state} already") });
    }
    let action = Action {
        kind: "posthog.set_flag".to_owned(),
        target: json!({"flag": key, "project": hands.project()}),
        arguments: json!(SetFlagArguments { key: key.to_owned(), active, rollout }),
        revision: json!(SetFlagRevision {
            id: flag.id,
            version: flag.version,
            active: flag.active,
            rollout: flag.rollout
        }),
    };
    card(core, action, None, check)
}

/// The draft with its card, once the payload has proved readable and allowed here.
pub(super) fn card(
    core: &Core,
    action: Action,
    plan: Option<(String, String)>,
    check: String,
) -> Result<Draft, HandsError> {
    let unreadable =
        |reason: String| HandsError::Permanent { reason: format!("the repair cannot be written down: {reason}") };
    let steps = plan_steps(&action).map_err(unreadable)?;
    for step in &steps {
        let class = class(&step.action.kind);
        if let Some(reason) = class.and_then(|class| forbidden(core, class, &step.action)) {
            return Err(HandsError::Permanent { reason });
        }
    }
    let check = if check.is_empty() { effect_words(&steps) } else { check };
    let card = match plan {
        Some((title, undo)) => plan_card(title, undo, check, &steps),
        None => match class(&action.kind) {
            Some(class) => class.card(&action, check),
            None => return Err(unreadable(format!("no action is called {}", action.kind))),
        },
    };
    Ok(Draft { action, card })
}

/// The proposal of a finding's repair, ready to be shown: digest, approvers, window.
pub fn proposal(
    core: &Core,
    id: ProposalId,
    draft: Draft,
    finding: &Finding,
    thread: &ThreadId,
    now: Timestamp,
) -> Result<Proposal, String> {
    let origin = Origin { finding: Some(finding.id), by: Principal::system() };
    proposal_of(core, id, draft, origin, thread, now)
}

/// What a proposal is for, and who asked for it.
pub(super) struct Origin {
    pub(super) finding: Option<FindingId>,
    pub(super) by: Principal,
}

/// The proposal of a draft, ready to be shown.
pub(super) fn proposal_of(
    core: &Core,
    id: ProposalId,
    draft: Draft,
    origin: Origin,
    thread: &ThreadId,
    now: Timestamp,
) -> Result<Proposal, String> {
    let steps = plan_steps(&draft.action)?;
    shown_whole(&draft.action)?;
    core.guard.check("", &json!(draft.action))?;
    let kinds = steps.iter().map(|step| step.action.kind.as_str()).chain([draft.action.kind.as_str()]);
    let rule = core.approval_rule(kinds);
    Ok(Proposal {
        id,
        digest: digest(&core.instance, &draft.action),
        action: draft.action,
        card: draft.card,
        state: ProposalState::Pending,
        finding: origin.finding,
        thread: thread.clone(),
        requested_by: origin.by,
        approvers: may_say_yes(core, &rule, &steps),
        needed: rule.needed,
        created_at: now,
        expires_at: now.plus_ms(rule.expires_ms),
        decisions: Vec::new(),
        steps,
        state_since: now,
        note: None,
    })
}
