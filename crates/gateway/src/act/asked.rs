//! Proposals that somebody asked for in a conversation: drafted from the world as it is, stored and shown like any other.
//!
//! Must not: run anything. What is staged here waits for the same decision as what the watch stages.

use serde_json::{Value, json};
use wakeman_store::{Commit, ListQuery};
use wakeman_types::{Action, Channel, Finding, Identity, Principal, Proposal, ProposalId, Severity, Thread, ThreadId};

use super::{
    catalogue::{Hand, OpenIssueArguments, PLAN, marker, unavailable, undrafted},
    draft::{Draft, Origin, card, flag_edit, proposal_of, repository, rerun, revert, rollback},
    follow, outside_draft, own_draft,
    playbook::{comment, flag_off_and_annotate},
    record::card_post,
    renew::{OURS, Renewal, offered_instead, signed},
    supersede::supersede,
    verify::settling_ms,
};
use crate::{
    config::ExecutionMode,
    core::Core,
    deliver::{ThreadWriter, follow},
    ports::HandsError,
    settle::{SettleError, Wanted, settle},
};

pub use super::wish::{Wish, WishKind};

/// Proposals that may wait at the same time; a model that goes on and on fills no list.
const WAITING_MAX: u64 = 10;

/// What asking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It waits for a decision now.
    Staged(ProposalId),
    /// It was proposed before and is still under way.
    Waits(ProposalId),
    /// It cannot be.
    Refused(String),
    /// It cannot be now; the very same may be possible later.
    NotNow(String),
    /// The world could not be read, so nothing could be written down.
    Unknown {
        /// Which part of it.
        source_name: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Why this kind cannot be proposed here at all. `None`: it can.
pub fn refusal(core: &Core, kind: WishKind) -> Option<String> {
    if core.mode() == ExecutionMode::Observe {
        return Some("the mode is observe, in which nothing is proposed".to_owned());
    }
    unavailable(core, kind.class())
}

/// Drafts what is asked for, stores it and shows its card in `thread`; links it to `finding` if it is for one.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub async fn stage(
    core: &Core,
    by: &Identity,
    thread: &ThreadId,
    wish: Wish,
    finding: Option<Finding>,
) -> Result<Asked, SettleError> {
    if core.store.get::<Thread>(thread.as_str()).await?.is_none() {
        return Ok(Asked::Refused(format!("there is no conversation {thread} to show it in")));
    }
    staged(core, Asking { finding, ..Asking::new(by.principal.clone(), &by.operator, thread) }, wish).await
}

/// The same in a conversation of its own, which begins with the card.
///
/// # Errors
/// [`SettleError`] if it could not be stored.
pub(crate) async fn stage_apart(core: &Core, by: &Identity, title: String, wish: Wish) -> Result<Asked, SettleError> {
    let opening = ThreadWriter::create(core, Channel::System, title);
    let thread = opening.id().clone();
    let asking = Asking::new(by.principal.clone(), &by.operator, &thread);
    staged(core, Asking { opening: Some(&opening), ..asking }, wish).await
}

/// Who asks, and where the card goes.
pub(super) struct Asking<'a> {
    /// In whose name it waits.
    pub(super) by: Principal,
    /// What they are called in texts that leave.
    pub(super) name: String,
    /// The conversation.
    pub(super) thread: &'a ThreadId,
    /// The conversation, if it begins with the card.
    pub(super) opening: Option<&'a ThreadWriter>,
    /// The finding it is for.
    pub(super) finding: Option<Finding>,
    /// The card that expired, and in whose place this one is offered.
    pub(super) instead: Option<&'a Proposal>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(by: Principal, name: impl ToString, thread: &'a ThreadId) -> Self {
        Self { by, name: name.to_string(), thread, opening: None, finding: None, instead: None }
    }
}

pub(super) async fn staged(core: &Core, asking: Asking<'_>, wish: Wish) -> Result<Asked, SettleError> {
    if let Some(id) = under_way(core, &wish).await? {
        return Ok(Asked::Waits(id));
    }
    if core.store.count::<Proposal>(Some("pending")).await? >= WAITING_MAX {
        return Ok(Asked::NotNow(format!("{WAITING_MAX} proposals wait for a decision already; those come first")));
    }
    let source_name = wish.source();
    let id = ProposalId::new(core.store.next_number("proposal").await?);
    let finding = asking.finding.as_ref();
    let check = finding.map_or_else(String::new, |finding| wakeman_present::check_words(finding, settling_ms(finding)));
    let asked_for = finding.map_or_else(|| asking.name.clone(), |finding| finding.id.to_string());
    let drafted = draft(core, id, &asked_for, wish, check).await;
    let made = match drafted.map(|draft| follow::keep(draft, asking.instead)) {
        Ok(draft) => {
            let origin = Origin { finding: finding.map(|finding| finding.id), by: asking.by.clone() };
            proposal_of(core, id, draft, origin, asking.thread, core.now())
        }
        Err(HandsError::Permanent { reason } | HandsError::Precondition { reason }) => Err(reason),
        Err(HandsError::NotDone { reason, .. } | HandsError::InDoubt { reason }) => {
            return Ok(Asked::Unknown { source_name, reason });
        }
    };
    match made {
        Ok(made) => show_in(core, made, (asking.opening, asking.instead)).await,
        Err(reason) => Ok(Asked::Refused(reason)),
    }
}

async fn draft(core: &Core, id: ProposalId, asked_for: &str, wish: Wish, check: String) -> Result<Draft, HandsError> {
    match wish {
        Wish::Revert { number } => revert(core, id, asked_for, number, check).await,
        Wish::Merge { number } => merge(core, number, check).await,
        Wish::Issue { title, body } => {
            let (title, body) = (wakeman_present::visible(&title), wakeman_present::visible(&body));
            let marker = marker(&core.instance, id, 1);
            let body = signed(&body, id, &marker);
            let arguments = json!(OpenIssueArguments { title, body, marker });
            let target = json!({"repository": repository(core)});
            card(
                core,
                Action { kind: "github.open_issue".to_owned(), target, arguments, revision: Value::Null },
                None,
                check,
            )
        }
        Wish::Flag { key, active, rollout } => flag_edit(core, &key, active, rollout, check).await,
        Wish::Rerun { run } => rerun(core, run, check).await,
        Wish::Rollback => rollback(core, None, check).await,
        Wish::RollbackTo { deployment, from } => outside_draft::rollback_to(core, deployment, &from, check).await,
        Wish::Comment { number, body } => comment(core, id, number, &wakeman_present::visible(&body), check),
        Wish::FlagOffAndAnnotate { key } => flag_off_and_annotate(core, id, &key, check).await,
        Wish::Mute { finding, for_ms } => own_draft::mute(core, &finding, for_ms).await,
        Wish::Mode { mode } => own_draft::mode(core, mode).await,
        Wish::Wakeup { id, paused } => own_draft::wakeup(core, &id, paused).await,
        Wish::AddWakeup { added } => own_draft::add_wakeup(core, added).await,
        Wish::Promote { policy } => own_draft::promotion(core, &policy).await,
        Wish::Demote { policy } => own_draft::demotion(core, policy).await,
        Wish::Patch { files, title, body } => outside_draft::patch(core, id, files, (&title, &body), check).await,
        Wish::Annotate { content } => outside_draft::annotate(core, id, &wakeman_present::visible(&content), check),
        Wish::ErrorStatus { issue, status } => outside_draft::error_status(core, &issue, status, check).await,
        Wish::Deployment { id } => outside_draft::deployment(core, id, check).await,
        Wish::Webhook { name, payload } => outside_draft::webhook(core, name, payload, check),
    }
}

async fn merge(core: &Core, number: u64, check: String) -> Result<Draft, HandsError> {
    let Some(hands) = &core.hands.repo else {
        return Err(undrafted(Hand::Repository));
    };
    let pull = hands.pull(number).await?;
    if !pull.open {
        let state = if pull.merged { "merged" } else { "closed" };
        return Err(HandsError::Permanent { reason: format!("#{number} is {state} already") });
    }
    if pull.mergeable == Some(false) {
        return Err(HandsError::Permanent { reason: format!("#{number} conflicts with {}", pull.base) });
    }
    let arguments = json!({"number": number, "head_sha": pull.head_sha});
    let target = json!({"repository": repository(core)});
    card(core, Action { kind: "github.merge_pr".to_owned(), target, arguments, revision: Value::Null }, None, check)
}

/// A proposal of the same that is not over.
async fn under_way(core: &Core, wish: &Wish) -> Result<Option<ProposalId>, SettleError> {
    let mut query = ListQuery::newest(200);
    for state in ["pending", "approved", "executing", "needs_review"] {
        query = query.state(state);
    }
    let list = core.store.list::<Proposal>(&query).await?;
    Ok(list.items.into_iter().find(|found| is_for(&found.value, wish)).map(|found| found.value.id))
}

fn is_for(proposal: &Proposal, wish: &Wish) -> bool {
    let Some(first) = proposal.steps.first() else { return false };
    let (kind, arguments) = (first.action.kind.as_str(), &first.action.arguments);
    let promotes = |policy: &str, decides: bool| {
        kind == "wakeman.promote_policy"
            && arguments["policy"] == json!(policy)
            && arguments["decides"] == json!(decides)
    };
    match wish {
        Wish::Revert { number } => kind == "github.revert_pr" && arguments["number"] == json!(number),
        Wish::Merge { number } => {
            kind == "github.merge_pr" && proposal.action.kind != PLAN && arguments["number"] == json!(number)
        }
        Wish::Issue { title, body } => kind == "github.open_issue" && says(arguments, title, body),
        Wish::Flag { key, active, rollout } => {
            kind == "posthog.set_flag"
                && arguments["key"] == json!(key)
                && arguments["active"] == json!(active)
                && arguments["rollout"] == json!(rollout)
        }
        Wish::Rerun { run } => kind == "github.rerun_failed_jobs" && arguments["run"] == json!(run),
        Wish::Rollback => kind == "vercel.rollback",
        Wish::RollbackTo { deployment, .. } => {
            kind == "vercel.rollback" && arguments["deployment"] == json!(deployment)
        }
        Wish::FlagOffAndAnnotate { key } => {
            kind == "posthog.set_flag" && proposal.action.kind == PLAN && arguments["key"] == json!(key)
        }
        Wish::Mode { mode } => kind == "wakeman.set_mode" && arguments["mode"] == json!(mode),
        Wish::Wakeup { id, paused } => {
            kind == "wakeman.set_wakeup" && arguments["id"] == json!(id) && arguments["paused"] == json!(paused)
        }
        Wish::AddWakeup { added } => kind == "wakeman.set_wakeup" && arguments["add"] == json!(added),
        Wish::Promote { policy } => promotes(policy, true),
        Wish::Demote { policy } => promotes(policy, false),
        Wish::Patch { files, title, body } => {
            let write = |(path, text): &(String, Option<String>)| json!({"path": path, "text": text});
            let writes = json!(files.iter().map(write).collect::<Vec<_>>());
            kind == "github.open_pr" && says(arguments, title, body) && arguments["files"] == writes
        }
        Wish::ErrorStatus { issue, status } => {
            kind == "posthog.update_error_issue"
                && arguments["issue"] == json!(issue)
                && arguments["status"] == json!(status)
        }
        Wish::Deployment { id } => kind == "vercel.promote" && arguments["deployment"] == json!(id),
        Wish::Webhook { name, payload } => {
            kind == "webhook.post" && arguments["name"] == json!(name) && arguments["payload"] == json!(payload)
        }
        // Its end is counted from when it was asked for: the newer card takes the place of the older.
        Wish::Mute { .. } => false,
        // The same words may be said twice; what was asked for twice in a row is on the first card.
        Wish::Comment { .. } | Wish::Annotate { .. } => false,
    }
}

/// Whether a text that was drafted has this title and, before what we add to it, this body.
fn says(arguments: &Value, title: &str, body: &str) -> bool {
    let (title, body) = (wakeman_present::visible(title), wakeman_present::visible(body));
    let ours = format!("{body}{OURS}");
    arguments["title"] == json!(title) && arguments["body"].as_str().is_some_and(|text| text.starts_with(&ours))
}

pub(super) async fn show(core: &Core, made: Proposal) -> Result<Asked, SettleError> {
    show_in(core, made, (None, None)).await
}

/// Shows it in its conversation, or as the first word of `opening`; `instead` of a card that expired, once.
pub(super) async fn show_in(
    core: &Core,
    made: Proposal,
    (opening, instead): (Option<&ThreadWriter>, Option<&Proposal>),
) -> Result<Asked, SettleError> {
    let id = made.id;
    settle!(core, "the proposal", async {
        if let Some(known) = offered_instead(core, instead).await? {
            return Ok(Wanted::Nothing(Asked::Waits(known)));
        }
        let thread = match opening {
            Some(opening) => Some(opening.clone()),
            None => ThreadWriter::load(core, &made.thread).await?,
        };
        let Some(mut thread) = thread else {
            return Ok(Wanted::Nothing(Asked::Refused("the conversation is gone".to_owned())));
        };
        let finding = match made.finding {
            Some(finding) => core.store.get::<Finding>(&finding.to_string()).await?,
            None => None,
        };
        // What it would repair says how loud it is.
        let severity = finding.as_ref().map_or(Severity::Warning, |found| found.value.severity.max(Severity::Warning));
        thread.say(core, card_post(&made, severity));
        let details = json!({"digest": made.digest.as_str(), "kind": made.action.kind, "finding": made.finding});
        let event = core.event("proposal.shown", &made.requested_by, id, details);
        let mut commit = Commit::durable(core.now()).insert(&made).event(event);
        if let Some(old) = instead {
            commit = commit.insert(&Renewal { expired: old.id, fresh: id, at: core.now() });
        }
        let mut linked = None;
        let free = |linked: Option<ProposalId>| linked.is_none() || linked == instead.map(|old| old.id);
        if let Some(found) = finding.filter(|found| free(found.value.proposal)) {
            let finding = Finding { proposal: Some(id), ..found.value.clone() };
            linked = Some(finding.id);
            commit = follow(core, commit.replace(&finding, found.version), &found.value, &finding).await?;
        }
        commit = supersede(core, commit, &made, &mut thread, linked).await?;
        Ok::<_, SettleError>(Wanted::Commit(Box::new(thread.finish(commit)), Asked::Staged(id)))
    })
}
