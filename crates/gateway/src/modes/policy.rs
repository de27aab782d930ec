//! The yes that is given by policy: in mode `execute`, for classes the settings name, so many an hour, each announced.
//!
//! It is recorded as a decision like any other, so that what runs always has an approval behind it; and it is looked at again
//! before the first call, because the mode may have changed since.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError, Version};
use wakeman_types::{
    Decision, DeliveryClass, Entity, ExecutionMode, HOUR_MS, NoticeView, OperatorId, Principal, Proposal,
    ProposalState, Severity, Timestamp, Verdict, View,
};

use super::{Standing, standing};
use crate::{
    act::{
        catalogue::PLAN,
        lifecycle::{Command, step},
    },
    config::always_approved,
    core::Core,
    deliver::{Post, ThreadWriter},
    settle::{SettleError, Wanted, settle},
};

/// The name under which policy decides. No operator of the settings can have it.
pub const POLICY: &str = "system:policy";

/// The starts of a class that ran unattended in the last hour.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Unattended {
    class: String,
    at: Vec<Timestamp>,
}

impl Entity for Unattended {
    const KIND: &'static str = "unattended";

    fn entity_id(&self) -> String {
        self.class.clone()
    }

    fn state_name(&self) -> &str {
        "counted"
    }

    fn parent_id(&self) -> Option<String> {
        None
    }

    fn sort_key(&self) -> i64 {
        self.at.last().map_or(0, |at| at.ms())
    }
}

/// Whether policy, and nobody else, said yes to it.
pub fn by_policy(proposal: &Proposal) -> bool {
    let mut yes = proposal.decisions.iter().filter(|decision| decision.verdict == Verdict::Approve).peekable();
    yes.peek().is_some() && yes.all(|decision| decision.operator.as_str() == POLICY)
}

/// Why policy may not say yes to it now; `None`: it may.
fn refusal(core: &Core, now: &Standing, proposal: &Proposal) -> Option<&'static str> {
    let class = proposal.action.kind.as_str();
    let single = proposal.steps.len() == 1 && proposal.steps[0].action == proposal.action;
    if now.mode != ExecutionMode::Execute {
        Some("the mode is no longer execute")
    } else if !core.settings.execute.classes.iter().any(|named| named == class) {
        Some("its class is not one that runs unattended")
    } else if !single || class == PLAN {
        Some("a plan always needs a person's approval")
    } else if always_approved(class).is_some() {
        Some("this kind of action always needs a person's approval")
    } else if core.approval_rule(std::iter::once(class)).needed > 1 {
        Some("it needs more than one approval")
    } else if proposal.requested_by != Principal::system() {
        // What was asked for in a conversation may be the wish of a text that a model read.
        Some("it was asked for in a conversation")
    } else {
        None
    }
}

/// Why what policy approved may not begin any more; `None`: it may.
pub fn still_allows(core: &Core, now: &Standing, proposal: &Proposal) -> Option<&'static str> {
    by_policy(proposal).then(|| refusal(core, now, proposal)).flatten()
}

/// Says yes to what may run unattended and waits. How many that were.
///
/// # Errors
/// [`SettleError`] if it could not be read or stored.
pub async fn decide_unattended(core: &Core) -> Result<usize, SettleError> {
    let now = standing(core).await?;
    if now.mode != ExecutionMode::Execute || !now.may_call() {
        return Ok(0);
    }
    let mut approved = 0;
    for found in core.store.list::<Proposal>(&ListQuery::oldest(200).state("pending")).await?.items {
        if refusal(core, &now, &found.value).is_none() {
            approved += usize::from(approve(core, found.value).await?);
        }
    }
    Ok(approved)
}

async fn approve(core: &Core, seen: Proposal) -> Result<bool, SettleError> {
    settle!(core, "the proposal", async {
        let now = standing(core).await?;
        let Some(found) = core.store.get::<Proposal>(&seen.id.to_string()).await? else {
            return Ok(Wanted::Nothing(false));
        };
        let (mut proposal, at) = (found.value, core.now());
        let (mut counted, version) = counted(core, &proposal.action.kind, at).await?;
        let free = counted.at.len() < core.settings.execute.per_hour as usize;
        let open = proposal.decisions.is_empty() && at < proposal.expires_at && now.may_call();
        let (true, true, None) = (free, open, refusal(core, &now, &proposal)) else {
            return Ok(Wanted::Nothing(false));
        };
        let Ok(state) = step(proposal.state, Command::Approve) else { return Ok(Wanted::Nothing(false)) };
        (proposal.state, proposal.state_since) = (state, at);
        proposal.decisions.push(decision(at));
        counted.at.push(at);
        let class = &proposal.action.kind;
        let nth = format!("{} of {} this hour", counted.at.len(), core.settings.execute.per_hour);
        let payload = json!({"principal": POLICY, "digest": proposal.digest.as_str(), "class": class, "hour": nth});
        let event = core.event("proposal.approved", POLICY, proposal.id, payload);
        let mut commit = Commit::durable(at)
            .expect(&Standing::row(), now.version)
            .replace(&proposal, found.version)
            .replace(&counted, version)
            .event(event);
        if let Some(mut thread) = ThreadWriter::load(core, &proposal.thread).await? {
            thread.say(core, announced(&proposal, &nth));
            commit = thread.finish(commit);
        }
        debug_assert_eq!(proposal.state, ProposalState::Approved);
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), true))
    })
}

fn decision(at: Timestamp) -> Decision {
    Decision {
        operator: OperatorId::new(POLICY),
        principal: Principal::system(),
        verdict: Verdict::Approve,
        reason: Some("mode execute: the settings name its class".to_owned()),
        step: None,
        at,
    }
}

async fn counted(core: &Core, class: &str, now: Timestamp) -> Result<(Unattended, Version), StoreError> {
    let found = core.store.get::<Unattended>(class).await?;
    let none = || (Unattended { class: class.to_owned(), at: Vec::new() }, Version::ABSENT);
    let (mut counted, version) = found.map_or_else(none, |found| (found.value, found.version));
    // A clock that was set back does not free places: what lies in the future counts too.
    counted.at.retain(|at| now.since(*at) < HOUR_MS);
    Ok((counted, version))
}

fn announced(proposal: &Proposal, nth: &str) -> Post {
    let title = wakeman_present::sanitize(&proposal.card.title, 200);
    let (id, class) = (proposal.id, &proposal.action.kind);
    let text = format!("Running unattended: {title} ({id}, mode execute, {class}, {nth}). `halt` stops everything.");
    Post {
        class: DeliveryClass::Note,
        severity: Severity::Warning,
        finding: proposal.finding,
        view: View::Notice(NoticeView { text }),
        quiet: false,
    }
}
