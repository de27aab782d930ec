//! The yes and the no: from the right person, to exactly what was shown, once.

use chrono_tz::Tz;
use serde_json::json;
use wakeman_store::{Commit, StoreError, Versioned};
use wakeman_types::{
    Channel, Decision, DecisionRequest, DeliveryClass, ErrorKind, GatewayError, Identity, OperatorId, Principal,
    Proposal, ProposalId, ProposalState, Role, Severity, Step, Timestamp, Verdict,
};

use super::{
    approved::not_as_shown,
    catalogue::class,
    lifecycle::{Command, step},
    record::settled_post,
};
use crate::{
    config::ApprovalRule,
    core::Core,
    deliver::ThreadWriter,
    modes::POLICY,
    rank,
    settle::{SettleError, Wanted, settle},
};

/// Why a decision was not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such proposal.
    #[error("there is no proposal {0}; `proposals` lists them")]
    NotFound(ProposalId),
    /// The speaker is nobody we know.
    #[error("{0} is not an operator; an owner can add it under `operators` in read-only/settings.json")]
    Stranger(Principal),
    /// The speaker may not decide this one.
    #[error("Only {} can approve {id}. You are {who} ({role}).", names(.approvers))]
    NotAnApprover {
        /// Which.
        id: ProposalId,
        /// Who may.
        approvers: Vec<OperatorId>,
        /// Who spoke.
        who: OperatorId,
        /// Their role.
        role: Role,
    },
    /// The settings keep who asked for it from approving it.
    #[error("You asked for {id}, so you cannot approve it (approvals.{class}.requesterMayApprove). {}", who_can(.others))]
    Requester {
        /// Which.
        id: ProposalId,
        /// The class of action.
        class: String,
        /// Who may.
        others: Vec<OperatorId>,
    },
    /// It is approved on another channel.
    #[error("{}", elsewhere(*.id, .channels, *.here))]
    Channel {
        /// Which.
        id: ProposalId,
        /// Where it is approved.
        channels: Vec<Channel>,
        /// Where this came from.
        here: Channel,
    },
    /// It was decided before.
    #[error("{}", already(.proposal, *.zone))]
    AlreadyDecided {
        /// Which, with the decisions.
        proposal: Box<Proposal>,
        /// Where the speaker reads times.
        zone: Tz,
    },
    /// The same operator said yes before; others are still needed.
    #[error("{id} already has your approval; it needs {missing} more from: {}", names(.others))]
    Counted {
        /// Which.
        id: ProposalId,
        /// How many are missing.
        missing: usize,
        /// Who can give them.
        others: Vec<OperatorId>,
    },
    /// It is a yes to one step, and another is next.
    #[error("{id}: step {next} is next, not step {step}; nothing was recorded")]
    Step {
        /// Which.
        id: ProposalId,
        /// The step that was meant.
        step: u32,
        /// The next one.
        next: u32,
    },
    /// The window has closed.
    #[error(
        "{id} expired at {}; {} was run, ask for a new proposal",
        clock(*.at, *.zone),
        ran(*.begun)
    )]
    Expired {
        /// Which.
        id: ProposalId,
        /// Whether a step of it was run before.
        begun: bool,
        /// When.
        at: Timestamp,
        /// Where the speaker reads times.
        zone: Tz,
    },
    /// What they were shown is not what is stored.
    #[error("the digest {given} is not the one of {id}, which is {shown}; look at the card again before you decide")]
    Digest {
        /// Which.
        id: ProposalId,
        /// What was given.
        given: String,
        /// The first digits of the stored one.
        shown: String,
    },
    /// What is stored is not what was shown.
    #[error("{id} is not what was shown: {what}; nothing was recorded, ask for a new proposal")]
    Changed {
        /// Which.
        id: ProposalId,
        /// What differs.
        what: String,
    },
    /// It could not be written.
    #[error("could not record your decision; try again, a second try is harmless")]
    Store(#[from] SettleError),
}

impl From<DecideError> for GatewayError {
    fn from(error: DecideError) -> Self {
        let kind = match &error {
            DecideError::NotFound(_) => ErrorKind::NotFound,
            DecideError::Stranger(_)
            | DecideError::NotAnApprover { .. }
            | DecideError::Requester { .. }
            | DecideError::Channel { .. } => ErrorKind::Forbidden,
            DecideError::AlreadyDecided { .. } | DecideError::Counted { .. } | DecideError::Step { .. } => {
                ErrorKind::AlreadyDecided
            }
            DecideError::Expired { .. } => ErrorKind::Expired,
            DecideError::Digest { .. } | DecideError::Changed { .. } => ErrorKind::DigestMismatch,
            DecideError::Store(_) => ErrorKind::Storage,
        };
        Self::new(kind, error.to_string())
    }
}

/// Records what `by` decided of proposal `id`. The database decides a race: exactly one decision ends it.
///
/// # Errors
/// [`DecideError`]; nothing was changed then.
pub async fn decide(
    core: &Core,
    by: &Principal,
    id: ProposalId,
    request: &DecisionRequest,
) -> Result<Proposal, DecideError> {
    let identity = core.identify(by).await.map_err(SettleError::from)?;
    let identity = identity.ok_or_else(|| DecideError::Stranger(by.clone()))?;
    let decided = settle!(core, "the proposal", async {
        let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(SettleError::from)?;
        let Versioned { value: seen, version } = found.ok_or(DecideError::NotFound(id))?;
        let asker = core.identify(&seen.requested_by).await.map_err(SettleError::from)?;
        let asked = asker.is_some_and(|asker| asker.operator == identity.operator);
        let yes = yes_now(core, &seen).await.map_err(SettleError::from)?;
        let decided = judge(core, seen, (&identity, asked), (request, yes))?;
        let Some(mut thread) = ThreadWriter::load(core, &decided.thread).await.map_err(SettleError::from)? else {
            return Err(DecideError::NotFound(id));
        };
        if decided.state == ProposalState::Rejected {
            thread.say(core, settled_post(&decided, None, None, DeliveryClass::Note, Severity::Info));
        }
        let event = core.event(
            &format!("proposal.{}", request.decision_name()),
            &identity.operator,
            id,
            json!({
                "principal": by.to_string(), "digest": decided.digest.as_str(), "reason": request.reason,
                "step": decided.decisions.last().and_then(|decision| decision.step),
                "approvals": decided.approvals(), "needed": decided.needed, "state": decided.state.name(),
            }),
        );
        let mut commit = thread.finish(Commit::durable(core.now()).replace(&decided, version).event(event));
        if let Some(finding) = decided.finding {
            let made = rank::reaction_to(request.decision);
            commit = rank::react(core, commit, &identity, finding, made).await.map_err(SettleError::from)?;
        }
        if request.decision == Verdict::Reject {
            // A "no" must work even on a full disk.
            commit = commit.essential();
        }
        Ok::<_, DecideError>(Wanted::Commit(Box::new(commit), decided))
    })?;
    core.work.notify_one();
    Ok(decided)
}

/// What the decision makes of the proposal, or why it does not count. Pure but for the clock.
fn judge(
    core: &Core,
    mut proposal: Proposal,
    (identity, asked): (&Identity, bool),
    (request, mut yes): (&DecisionRequest, Yes),
) -> Result<Proposal, DecideError> {
    let (now, zone) = (core.now(), core.settings.timezone_of(&identity.operator));
    proposal.needed = proposal.needed.max(may_decide(core, &proposal, identity)?);
    if request.decision == Verdict::Approve {
        may_approve(core, &proposal, identity, asked)?;
    }
    if !proposal.digest.matches(&request.digest) {
        return Err(DecideError::Digest {
            id: proposal.id,
            given: request.digest.chars().take(64).collect(),
            shown: proposal.digest.short().to_owned(),
        });
    }
    if request.decision == Verdict::Approve
        && let Some(what) = not_as_shown(&core.instance, &proposal)
    {
        return Err(DecideError::Changed { id: proposal.id, what });
    }
    let late = proposal.state == ProposalState::Pending && now >= proposal.expires_at;
    if late || proposal.state == ProposalState::Expired {
        let (id, begun) = (proposal.id, proposal.has_begun());
        return Err(DecideError::Expired { id, begun, at: proposal.expires_at, zone });
    }
    if proposal.state != ProposalState::Pending {
        return Err(DecideError::AlreadyDecided { proposal: Box::new(proposal), zone });
    }
    let step_meant = match request.decision {
        Verdict::Approve => meant(&proposal, &yes, request.step, identity)?,
        Verdict::Reject => None,
    };
    let decision = Decision {
        operator: identity.operator.clone(),
        principal: identity.principal.clone(),
        verdict: request.decision,
        reason: request.reason.as_ref().map(|reason| core.clean(reason).chars().take(500).collect()),
        step: step_meant,
        at: now,
    };
    proposal.decisions.push(decision.clone());
    yes.given.push((identity.operator.clone(), decision));
    let enough = yes.enough(proposal.next_step().or(proposal.steps.last()).map_or(1, |step| step.number));
    let command = match request.decision {
        Verdict::Reject => Some(Command::Reject),
        Verdict::Approve if enough => Some(Command::Approve),
        Verdict::Approve => None,
    };
    if let Some(command) = command {
        match step(proposal.state, command) {
            Ok(state) => (proposal.state, proposal.state_since) = (state, now),
            Err(_) => return Err(DecideError::AlreadyDecided { proposal: Box::new(proposal), zone }),
        }
    }
    Ok(proposal)
}

/// The step that a yes of this operator is for; `None`: all that is left. Refused if it is not the next one, or has their yes already.
fn meant(proposal: &Proposal, yes: &Yes, step: Option<u32>, identity: &Identity) -> Result<Option<u32>, DecideError> {
    let next = proposal.next_step().map_or(1, |step| step.number);
    if let Some(step) = step.filter(|step| *step != next) {
        return Err(DecideError::Step { id: proposal.id, step, next });
    }
    // A plan of one step is approved as a whole either way.
    let step = step.filter(|_| proposal.steps.len() > 1);
    let as_much = |d: &Decision| d.allows(next) && (d.step.is_none() || step.is_some());
    if proposal.decisions.iter().any(|d| d.operator == identity.operator && as_much(d)) {
        return Err(counted(proposal, yes));
    }
    Ok(step)
}

/// What was said yes to by people who may, by the settings as they are now, and how many of them must.
pub(super) struct Yes {
    given: Vec<(OperatorId, Decision)>,
    needed: u8,
}

impl Yes {
    /// How many people said yes to this step: each operator once, then as now, however many accounts they have or had.
    pub(super) fn to(&self, step: u32) -> usize {
        let mut people: Vec<&(OperatorId, Decision)> = Vec::new();
        for one in self.given.iter().filter(|(_, decision)| decision.allows(step)) {
            if !people.iter().any(|known| known.0 == one.0 || known.1.operator == one.1.operator) {
                people.push(one);
            }
        }
        people.len()
    }

    /// Whether those are enough.
    pub(super) fn enough(&self, step: u32) -> bool {
        self.to(step) >= usize::from(self.needed.max(1))
    }
}

/// Reads anew whose accounts the decisions came from. What policy said is looked at again where it begins.
pub(super) async fn yes_now(core: &Core, proposal: &Proposal) -> Result<Yes, StoreError> {
    let rule = rule_of(core, proposal);
    let mut given = Vec::new();
    for decision in proposal.decisions.iter().filter(|decision| decision.verdict == Verdict::Approve) {
        if decision.operator.as_str() == POLICY {
            given.push((decision.operator.clone(), decision.clone()));
            continue;
        }
        let Some(identity) = core.identify(&decision.principal).await? else { continue };
        if may(&rule, proposal, &identity) {
            given.push((identity.operator, decision.clone()));
        }
    }
    Ok(Yes { given, needed: proposal.needed.max(rule.needed) })
}

fn may(rule: &ApprovalRule, proposal: &Proposal, identity: &Identity) -> bool {
    let role = if only_owners(&proposal.steps) { Role::Owner } else { Role::Approver };
    identity.role >= role && rule.allows(identity)
}

/// By the settings as they are now, not as they were when the card was drawn. Fails closed. Returns how many must say yes.
pub(super) fn may_decide(core: &Core, proposal: &Proposal, identity: &Identity) -> Result<u8, DecideError> {
    let rule = rule_of(core, proposal);
    if may(&rule, proposal, identity) {
        return Ok(rule.needed);
    }
    Err(DecideError::NotAnApprover {
        id: proposal.id,
        approvers: may_say_yes(core, &rule, &proposal.steps),
        who: identity.operator.clone(),
        role: identity.role,
    })
}

/// Whether a step is one that only an owner may approve, whoever the settings list.
fn only_owners(steps: &[Step]) -> bool {
    steps.iter().any(|step| class(&step.action.kind).is_none_or(|class| class.owner_only(&step.action)))
}

/// Whose yes to these steps counts under `rule`.
pub(super) fn may_say_yes(core: &Core, rule: &ApprovalRule, steps: &[Step]) -> Vec<OperatorId> {
    let owner_only = only_owners(steps);
    core.approvers(rule).into_iter().filter(|id| !owner_only || is_owner(core, id)).collect()
}

/// The strictest of the rules of its parts, by the settings as they are now.
pub(crate) fn rule_of(core: &Core, proposal: &Proposal) -> ApprovalRule {
    let kinds = proposal.steps.iter().map(|step| step.action.kind.as_str()).chain([proposal.action.kind.as_str()]);
    core.approval_rule(kinds)
}

/// What binds a yes and not a no: who asked for it, and the channel. A no makes things safer, so it counts from everywhere.
fn may_approve(core: &Core, proposal: &Proposal, identity: &Identity, asked: bool) -> Result<(), DecideError> {
    let rule = rule_of(core, proposal);
    let here = identity.principal.channel();
    if let Some(channels) = rule.channels.as_ref().filter(|channels| !channels.contains(&here)) {
        return Err(DecideError::Channel { id: proposal.id, channels: channels.clone(), here });
    }
    if rule.requester_may_approve || !(asked || proposal.requested_by == identity.principal) {
        return Ok(());
    }
    let class = class_that(core, proposal, |rule| !rule.requester_may_approve);
    let others = core.approvers(&rule).into_iter().filter(|id| *id != identity.operator).collect();
    Err(DecideError::Requester { id: proposal.id, class, others })
}

/// The part of a proposal whose own settings say so; `default` if none names it.
fn class_that(core: &Core, proposal: &Proposal, says: impl Fn(&ApprovalRule) -> bool) -> String {
    let mut kinds = proposal.steps.iter().map(|step| &step.action.kind).chain([&proposal.action.kind]);
    let own =
        kinds.find(|kind| core.settings.approvals.contains_key(*kind) && says(&core.settings.approval_rule(kind)));
    own.map_or_else(|| "default".to_owned(), Clone::clone)
}

/// Whether an operator is an owner; the local account, whom nobody lists, is.
pub(super) fn is_owner(core: &Core, id: &OperatorId) -> bool {
    core.settings.operator(id).map_or(*id == core.local_operator, |operator| operator.role == Role::Owner)
}

fn counted(proposal: &Proposal, yes: &Yes) -> DecideError {
    let next = proposal.next_step().map_or(1, |step| step.number);
    let said_yes: Vec<_> = proposal.decisions.iter().filter(|d| d.allows(next)).map(|d| &d.operator).collect();
    DecideError::Counted {
        id: proposal.id,
        missing: usize::from(proposal.needed).saturating_sub(yes.to(next)),
        others: proposal.approvers.iter().filter(|name| !said_yes.contains(name)).cloned().collect(),
    }
}

fn names(list: &[OperatorId]) -> String {
    match list {
        [] => "nobody".to_owned(),
        [one] => one.to_string(),
        [rest @ .., last] => {
            let rest: Vec<_> = rest.iter().map(ToString::to_string).collect();
            format!("{} or {last}", rest.join(", "))
        }
    }
}

fn who_can(others: &[OperatorId]) -> String {
    if others.is_empty() { "Nobody else can.".to_owned() } else { format!("{} can.", names(others)) }
}

fn elsewhere(id: ProposalId, channels: &[Channel], here: Channel) -> String {
    if channels.is_empty() {
        return format!(
            "the parts of {id} must be approved on different channels, so nobody can approve it; give them one `channel` under \
             approvals in read-only/settings.json"
        );
    }
    let names: Vec<_> = channels.iter().map(|channel| channel.name()).collect();
    format!("{id} is approved on {}, not on {here}; nothing was recorded", names.join(" or "))
}

fn already(proposal: &Proposal, zone: Tz) -> String {
    match proposal.decisions.last() {
        _ if proposal.state == ProposalState::Superseded => {
            let why = proposal.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{} no longer waits for a decision{why}", proposal.id)
        }
        Some(last) => {
            let verb = if last.verdict == Verdict::Approve { "approved" } else { "rejected" };
            format!("{} was already {verb} by {} at {}", proposal.id, last.operator, clock(last.at, zone))
        }
        None => format!("{} is already {}", proposal.id, proposal.state.name().replace('_', " ")),
    }
}

const fn ran(begun: bool) -> &'static str {
    if begun { "nothing more" } else { "nothing" }
}

fn clock(at: Timestamp, zone: Tz) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
    time.with_timezone(&zone).format("%H:%M").to_string()
}

trait DecisionName {
    fn decision_name(&self) -> &'static str;
}

impl DecisionName for DecisionRequest {
    fn decision_name(&self) -> &'static str {
        match self.decision {
            Verdict::Approve => "approved",
            Verdict::Reject => "rejected",
        }
    }
}
