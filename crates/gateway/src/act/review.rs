//! What nobody but a person can tell: whether a step whose outcome is in doubt took effect.
//!
//! The remote is asked once more first. What it can prove stands above anybody's word; only where it cannot tell, the word counts.

use serde_json::{Value, json};
use wakeman_store::Commit;
use wakeman_types::{
    DeliveryClass, ErrorKind, Finding, GatewayError, Identity, Outcome, Proposal, ProposalId, ProposalState,
    ResolveRequest, ResolvedAs, Role, Severity, Step, Timestamp, Verdict,
};

use super::{
    catalogue::{Reconciled, StepContext, class, resolve_references},
    decide::rule_of,
    late::{GRACE_MS, window_closed},
    lifecycle::{Command, step},
    record::settled_post,
    verify::check_of,
};
use crate::{
    core::Core,
    deliver::ThreadWriter,
    desk::{not_found, settle_error, storage_error},
    modes::REASON_LEN_MAX,
    settle::{SettleError, Wanted, settle},
};

/// Records what `who` found out about proposal `id`, which needs review. Approvers of its class, and owners.
///
/// Done: the proposal goes on with its next step, or has succeeded and is verified like any other. Failed: it has failed.
///
/// # Errors
/// No such proposal, not in doubt, not theirs to say, or the remote proves the opposite; nothing was changed then.
pub async fn resolve(
    core: &Core,
    who: &Identity,
    id: ProposalId,
    word: &ResolveRequest,
) -> Result<Proposal, GatewayError> {
    let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
    let seen = found.ok_or_else(|| not_found(format!("there is no proposal {id}; `proposals` lists them")))?.value;
    let rule = rule_of(core, &seen);
    if who.role != Role::Owner && !(who.role >= Role::Approver && rule.allows(who)) {
        let message =
            format!("Only an approver of {id} or an owner can say so. You are {} ({}).", who.operator, who.role);
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let told = remote(core, &seen).await;
    let word = ResolveRequest { reason: word.reason.as_deref().map(|reason| core.clean(reason)), ..*word };
    contradicts(id, &told, done(&word))?;
    let resolved = settle!(core, "the proposal", async {
        let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else {
            return Ok(Wanted::Nothing(Err(seen.clone())));
        };
        let mut proposal = found.value;
        let Some(command) = apply(&mut proposal, who, &word, &told, core.now()) else {
            return Ok(Wanted::Nothing(Err(proposal)));
        };
        let event = core.event(
            "proposal.resolved",
            &who.operator,
            id,
            json!({
                "principal": who.principal.to_string(), "done": done(&word), "reason": word.reason,
                "digest": proposal.digest.as_str(), "proved": told.is_some(), "state": proposal.state.name(),
            }),
        );
        let mut commit = Commit::durable(core.now()).replace(&proposal, found.version).event(event);
        let finding = match proposal.finding {
            Some(finding) => core.store.get::<Finding>(&finding.to_string()).await?.map(|found| found.value),
            None => None,
        };
        if command == Command::Succeed
            && let Some(check) = check_of(&proposal, finding.as_ref(), core.now())
        {
            commit = commit.put(&check);
        }
        if let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? {
            thread.say(core, settled_post(&proposal, finding, None, DeliveryClass::Note, Severity::Warning));
            commit = thread.finish(commit);
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Ok(proposal)))
    });
    match resolved.map_err(|error| settle_error(&error))? {
        Ok(proposal) => {
            core.work.notify_one();
            Ok(proposal)
        }
        Err(other) => {
            let state = other.state.name().replace('_', " ");
            Err(GatewayError::new(ErrorKind::Conflict, format!("{id} is {state}; there is nothing in doubt about it")))
        }
    }
}

fn done(word: &ResolveRequest) -> bool {
    word.outcome == ResolvedAs::Done
}

fn doubtful(step: &Step) -> bool {
    matches!(step.outcome, Some(Outcome::Unknown { .. }))
}

/// What the remote can prove of the step in doubt now. `None`: nothing.
async fn remote(core: &Core, proposal: &Proposal) -> Option<Reconciled> {
    let step = proposal.steps.iter().find(|step| doubtful(step))?;
    let action = resolve_references(step, &proposal.steps).ok()?;
    let context = StepContext {
        core,
        hands: &core.hands,
        proposal: proposal.id,
        number: step.number,
        action: &action,
        drafted_at: proposal.created_at,
        waiting_since: step.waiting_since,
        now: core.now(),
    };
    match class(&action.kind)?.reconcile(context).await {
        Ok(Reconciled::Unknown(_)) | Err(_) => None,
        Ok(proved) => Some(proved),
    }
}

fn contradicts(id: ProposalId, told: &Option<Reconciled>, done: bool) -> Result<(), GatewayError> {
    let message = match (told, done) {
        (Some(Reconciled::Done(_)), false) => format!("the remote shows it as done; say `resolve {id} done`"),
        (Some(Reconciled::Repeat), true) => {
            format!("the remote shows that it did not happen; say `resolve {id} failed`")
        }
        _ => return Ok(()),
    };
    Err(GatewayError::new(ErrorKind::Conflict, message))
}

/// Turns the proposal. `None`: it is not in doubt.
fn apply(
    proposal: &mut Proposal,
    who: &Identity,
    word: &ResolveRequest,
    told: &Option<Reconciled>,
    now: Timestamp,
) -> Option<Command> {
    if proposal.state != ProposalState::NeedsReview {
        return None;
    }
    let reason = word.reason.as_deref().map(|text| text.chars().take(REASON_LEN_MAX).collect::<String>());
    let said = |verb: &str| {
        let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} says it {verb}{why}", who.operator)
    };
    let in_doubt = proposal.steps.iter_mut().find(|step| doubtful(step))?;
    in_doubt.settled_at = Some(now);
    if done(word) {
        let proved =
            told.as_ref().and_then(|told| if let Reconciled::Done(output) = told { Some(output) } else { None });
        let output: Value = proved.cloned().unwrap_or_else(|| json!({"said_by": who.operator}));
        in_doubt.outcome = Some(Outcome::Done { output });
    } else {
        in_doubt.outcome = Some(Outcome::Failed { reason: said("did not happen") });
    }
    let next = proposal.next_step().map(|step| step.number);
    // A step that waits for a yes of its own gets a window with it.
    let late = next.is_some_and(|next| proposal.is_approved(next)) && now.since(proposal.expires_at) > GRACE_MS;
    let (command, note) = match (done(word), next.is_some()) {
        (false, _) => (Command::Fail, Some(said("did not happen"))),
        (true, false) => (Command::Succeed, None),
        (true, true) if late => (Command::Fail, Some(format!("{}; {}", said("took effect"), window_closed(proposal)))),
        (true, true) => (Command::Begin, None),
    };
    proposal.state = step(proposal.state, command).ok()?;
    (proposal.state_since, proposal.note) = (now, note);
    debug_assert!(proposal.decisions.iter().any(|decision| decision.verdict == Verdict::Approve));
    Some(command)
}
