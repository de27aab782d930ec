//! Opening, updating and ending findings.

use serde_json::json;
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{
    CandidateCause, Channel, DAY_MS, DeliveryClass, Finding, FindingId, FindingNews, FindingState, FindingView,
    Interruption, MINUTE_MS, Outcome, Proposal, ProposalId, ProposalState, RecoveryView, Related, Resolution, Severity,
    Step, Subject, View,
};

use super::{detection::Detection, interrupt, look::Look, related};
use crate::{
    act::{Gone, draft::repair_label, withdraw},
    core::Core,
    deliver::{Post, ThreadWriter, follow},
    modes::muted,
    notify,
    settle::{SettleError, Wanted, settle},
};

/// A problem that comes back within this time reopens its finding instead of opening another.
const REOPEN_MS: i64 = DAY_MS;
/// How much longer than its own subject what else showed the problem may take to be well again.
const SETTLES_MS: i64 = 30 * MINUTE_MS;

/// Takes what the watch saw: opens a finding, reopens one, or brings one up to date. Returns it as it is now. What
/// else the same look saw of the same problem is told with it.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next look reports it again.
pub async fn report(core: &Core, seen: &Detection, look: &Look<'_>) -> Result<Finding, SettleError> {
    settle!(core, "the finding", async {
        if let Some(found) = under_way(core, &seen.fingerprint).await? {
            return update(core, found, seen, look).await;
        }
        let open = all_under_way(core).await?;
        if let Some(found) = open.iter().find(|found| related::holds(&found.value, &seen.fingerprint)) {
            return related::update(core, found, seen).await;
        }
        let causes = look.causes(core, seen).await?;
        if let Some(found) = open.iter().find(|found| related::same_problem(&found.value, seen, &causes.0)) {
            return related::join(core, found, seen).await;
        }
        match ended_lately(core, &seen.fingerprint).await? {
            Some(found) if closed_by_hand(&found.value, seen) => Ok(Wanted::Nothing(found.value)),
            Some(found) => reopen(core, found, seen, causes).await,
            None => {
                if let Some(found) = over_with_it(core, seen).await? {
                    return Ok(Wanted::Nothing(found));
                }
                let also = related::beside(core, seen, (look, &open), &causes.0).await?;
                start(core, seen, also, causes).await
            }
        }
    })
}

/// Every finding that is not over.
pub async fn all_under_way(core: &Core) -> Result<Vec<Versioned<Finding>>, StoreError> {
    let open = ListQuery::newest(500).state("open").state("acknowledged").state("snoozed");
    Ok(core.store.list::<Finding>(&open).await?.items)
}

/// The finding of this fingerprint that is not over.
pub async fn under_way(core: &Core, fingerprint: &str) -> Result<Option<Versioned<Finding>>, StoreError> {
    core.store.get_by_key::<Finding>(fingerprint).await
}

async fn ended_lately(core: &Core, fingerprint: &str) -> Result<Option<Versioned<Finding>>, StoreError> {
    let newest = core.store.list::<Finding>(&ListQuery::newest(1).parent(fingerprint)).await?;
    let now = core.now();
    Ok(newest.items.into_iter().find(|found| match found.value.state {
        FindingState::Resolved { at, .. } => now.since(at) < REOPEN_MS,
        _ => false,
    }))
}

/// The finding that ended lately, held this beside its own subject, and speaks for it still.
async fn over_with_it(core: &Core, seen: &Detection) -> Result<Option<Finding>, StoreError> {
    let newest = core.store.list::<Finding>(&ListQuery::newest(50).state("resolved")).await?;
    let now = core.now();
    let speaks = |finding: &Finding| match finding.state {
        FindingState::Resolved { at, .. } => {
            let settles = now.since(at) < SETTLES_MS
                && !matches!(finding.state, FindingState::Resolved { how: Resolution::Closed { .. }, .. });
            now.since(at) < REOPEN_MS
                && (closed_by_hand(finding, seen) || settles || related::is_no_more(finding, seen))
        }
        _ => false,
    };
    let holds = |finding: &Finding| related::holds(finding, &seen.fingerprint);
    Ok(newest.items.into_iter().map(|found| found.value).find(|finding| holds(finding) && speaks(finding)))
}

/// A person said it is over, and this is still the same episode: their word stands.
fn closed_by_hand(finding: &Finding, seen: &Detection) -> bool {
    match &finding.state {
        FindingState::Resolved { at, how: Resolution::Closed { .. } } => seen.since <= *at,
        _ => false,
    }
}

async fn start(
    core: &Core,
    seen: &Detection,
    also: Vec<Related>,
    (causes, none_probability): (Vec<CandidateCause>, f64),
) -> Result<Wanted<Finding>, SettleError> {
    let now = core.now();
    let thread = ThreadWriter::create(core, Channel::System, title(&seen.subject));
    let mut finding = Finding {
        id: FindingId::new(core.store.next_number("finding").await?),
        fingerprint: seen.fingerprint.clone(),
        subject: seen.subject.clone(),
        severity: also.iter().map(|related| related.severity).fold(seen.severity, Severity::max),
        state: FindingState::Open,
        since: seen.since,
        opened_at: now,
        updated_at: now,
        measure: seen.measure.clone(),
        occurrences: seen.occurrences,
        series: seen.series.clone(),
        step_ms: seen.step_ms,
        also,
        scope: None,
        causes,
        none_probability,
        thread: thread.id().clone(),
        proposal: None,
        interruption: Interruption::Silent,
        reopened: 0,
        unknown_since: None,
    };
    let commit = tell(core, Commit::new(now), &mut finding, seen, thread, FindingNews::New).await?;
    let commit = commit.insert(&finding).event(core.event(
        "finding.opened",
        "system:watch",
        finding.id,
        json!({
            "fingerprint": finding.fingerprint, "severity": finding.severity, "interruption": finding.interruption,
            "likely_cause": finding.likely_cause().map(|cause| cause.change.id.as_str()),
        }),
    ));
    Ok(Wanted::Commit(Box::new(commit), finding))
}

async fn reopen(
    core: &Core,
    found: Versioned<Finding>,
    seen: &Detection,
    causes: (Vec<CandidateCause>, f64),
) -> Result<Wanted<Finding>, SettleError> {
    let mut finding = found.value.clone();
    refresh(&mut finding, seen);
    finding.also.clear();
    (finding.causes, finding.none_probability) = causes.clone();
    (finding.state, finding.since, finding.severity) = (FindingState::Open, seen.since, seen.severity);
    (finding.reopened, finding.proposal) = (finding.reopened + 1, None);
    let Some(thread) = ThreadWriter::load(core, &finding.thread).await? else {
        return start(core, seen, Vec::new(), causes).await;
    };
    let commit = tell(core, Commit::new(core.now()), &mut finding, seen, thread, FindingNews::Reopened).await?;
    let commit = commit.replace(&finding, found.version).event(core.event(
        "finding.reopened",
        "system:watch",
        finding.id,
        json!({"times": finding.reopened}),
    ));
    let commit = follow(core, commit, &found.value, &finding).await?;
    Ok(Wanted::Commit(Box::new(commit), finding))
}

async fn update(
    core: &Core,
    found: Versioned<Finding>,
    seen: &Detection,
    look: &Look<'_>,
) -> Result<Wanted<Finding>, SettleError> {
    let mut finding = found.value;
    let before = finding.clone();
    refresh(&mut finding, seen);
    if finding.proposal.is_none() {
        (finding.causes, finding.none_probability) = look.causes(core, seen).await?;
    }
    let woken = matches!(finding.state, FindingState::Snoozed { until, .. } if until <= core.now());
    if woken {
        finding.state = FindingState::Open;
    }
    let worse = seen.severity > before.severity;
    finding.severity = finding.severity.max(seen.severity);
    if finding == before {
        return Ok(Wanted::Nothing(finding));
    }
    finding.updated_at = core.now();
    let mut commit = Commit::new(core.now());
    if worse || woken {
        commit = escalate(core, commit, &mut finding, seen).await?;
    }
    commit = follow(core, commit, &before, &finding).await?;
    Ok(Wanted::Commit(Box::new(commit.replace(&finding, found.version)), finding))
}

fn refresh(finding: &mut Finding, seen: &Detection) {
    finding.subject = seen.subject.clone();
    finding.measure.clone_from(&seen.measure);
    finding.occurrences = seen.occurrences;
    finding.series.clone_from(&seen.series);
    finding.step_ms = seen.step_ms;
    finding.unknown_since = None;
}

/// Tells that it is worse, or that it goes on, with `commit`, unless somebody has it.
pub(super) async fn escalate(
    core: &Core,
    commit: Commit,
    finding: &mut Finding,
    seen: &Detection,
) -> Result<Commit, SettleError> {
    let thread = match finding.state {
        FindingState::Open => ThreadWriter::load(core, &finding.thread).await?,
        _ => None,
    };
    let Some(thread) = thread else { return Ok(commit) };
    let commit = tell(core, commit, finding, seen, thread, FindingNews::Escalated).await?;
    let payload = json!({"severity": finding.severity});
    Ok(commit.event(core.event("finding.escalated", "system:watch", finding.id, payload)))
}

/// Decides how to tell it, logs the decision, and says it in the thread.
async fn tell(
    core: &Core,
    commit: Commit,
    finding: &mut Finding,
    seen: &Detection,
    mut thread: ThreadWriter,
    news: FindingNews,
) -> Result<Commit, SettleError> {
    let record = match muted(core, &finding.fingerprint).await? {
        Some(mute) => interrupt::silenced(core, finding, &mute),
        None => interrupt::choose(core, finding, seen.seen_at).await?,
    };
    finding.interruption = record.chosen;
    let mut commit = commit;
    if record.chosen == Interruption::Now {
        let (with_storm, stormy) = notify::joined(core, commit, finding).await?;
        commit = with_storm;
        // Its message is that of the storm; what follows on it interrupts nobody by itself.
        if stormy && news != FindingNews::Escalated {
            finding.interruption = Interruption::Digest;
        }
    }
    let quiet = finding.interruption != Interruption::Now;
    thread.say(core, post(core, finding, news, quiet));
    Ok(thread.finish(commit.insert(&record)))
}

/// The message that tells the finding as it is now.
pub(super) fn post(core: &Core, finding: &Finding, news: FindingNews, quiet: bool) -> Post {
    let repair = finding.likely_cause().and_then(|cause| repair_label(core, cause));
    let view = FindingView { finding: finding.clone(), news, proposal: finding.proposal, repair };
    Post {
        class: DeliveryClass::Alert,
        severity: finding.severity,
        finding: Some(finding.id),
        view: View::Finding(Box::new(view)),
        quiet,
    }
}

/// The problem is gone by itself: ends its finding, if there is one, and says so where people were told.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next look tries again.
pub async fn recovered(core: &Core, fingerprint: &str, last: Option<&Detection>) -> Result<(), SettleError> {
    settle!(core, "the finding", async {
        let Some(found) = under_way(core, fingerprint).await? else { return Ok(Wanted::Nothing(())) };
        let before = found.value;
        let mut finding = before.clone();
        if let Some(seen) = last {
            refresh(&mut finding, seen);
        }
        finding.updated_at = core.now();
        let begun = begun(core, &finding).await?;
        let how = begun.map_or(Resolution::Recovered, |proposal| Resolution::Repaired { proposal });
        let payload = match begun {
            Some(proposal) => json!({"how": "repaired", "proposal": proposal}),
            None => json!({"how": "recovered"}),
        };
        finding.state = FindingState::Resolved { at: core.now(), how };
        // The end of a card is as lasting as its yes would be.
        let mut commit = Commit::durable(core.now()).replace(&finding, found.version).event(core.event(
            "finding.resolved",
            "system:watch",
            finding.id,
            payload,
        ));
        let needed = begun.is_some() || others_need_its_proposal(core, &finding).await?;
        let mut thread = ThreadWriter::load(core, &finding.thread).await?;
        if let Some(thread) = &mut thread {
            let view = RecoveryView { finding: finding.clone(), proposal: None };
            thread.say(
                core,
                Post {
                    class: DeliveryClass::Note,
                    severity: Severity::Info.max(finding.severity),
                    finding: Some(finding.id),
                    view: View::Recovery(Box::new(view)),
                    quiet: finding.interruption != Interruption::Now,
                },
            );
        }
        let watch = || "system:watch".to_owned();
        let gone = Gone { actor: watch(), principal: watch(), note: wakeman_present::recovered_words(&finding) };
        commit = withdraw(core, commit, &finding, needed, &gone, thread.as_mut()).await?;
        commit = follow(core, commit, &before, &finding).await?;
        if let Some(thread) = thread {
            commit = thread.finish(commit);
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// The proposal of `finding`, if a step of it was done and what is left is not over: then nothing came back by itself.
async fn begun(core: &Core, finding: &Finding) -> Result<Option<ProposalId>, StoreError> {
    let Some(id) = finding.proposal else { return Ok(None) };
    let Some(found) = core.store.get::<Proposal>(&id.to_string()).await? else { return Ok(None) };
    let done = |step: &Step| matches!(step.outcome, Some(Outcome::Done { .. }));
    let under_way = matches!(
        found.value.state,
        ProposalState::Pending | ProposalState::Approved | ProposalState::Executing | ProposalState::NeedsReview
    );
    Ok((under_way && found.value.steps.iter().any(done)).then_some(id))
}

/// Whether the proposal of `finding` would repair another one that is not over.
pub(super) async fn others_need_its_proposal(core: &Core, finding: &Finding) -> Result<bool, StoreError> {
    let others = all_under_way(core).await?;
    Ok(others.iter().any(|o| o.value.id != finding.id && o.value.proposal == finding.proposal))
}

/// The source cannot be read: what it would say is unknown. Marks (or clears the mark of) every finding that depends on it.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn mark_unknown(
    core: &Core,
    since: Option<wakeman_types::Timestamp>,
    concerns: impl Fn(&Subject) -> bool,
) -> Result<(), SettleError> {
    for found in all_under_way(core).await? {
        if !concerns(&found.value.subject) || found.value.unknown_since == since {
            continue;
        }
        settle!(core, "the finding", async {
            let Some(fresh) = core.store.get::<Finding>(&found.value.id.to_string()).await? else {
                return Ok(Wanted::Nothing(()));
            };
            let finding = Finding { unknown_since: since, ..fresh.value.clone() };
            let commit = Commit::new(core.now()).replace(&finding, fresh.version);
            let commit = follow(core, commit, &fresh.value, &finding).await?;
            Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
        })?;
    }
    Ok(())
}

fn title(subject: &Subject) -> String {
    let text = match subject {
        Subject::Metric { name, .. } => name.clone(),
        Subject::Error { name, .. } => name.clone(),
        Subject::Run { workflow, .. } => format!("Workflow {workflow}"),
        Subject::Deployment { environment, .. } => format!("Deployment to {environment}"),
    };
    wakeman_present::sanitize(&text, 80)
}
