//! What an operator orders of a wakeup: add, edit, pause, resume, run now, skip the next.

use serde_json::json;
use wakeman_store::{Commit, StoreError};
use wakeman_types::{
    Channel, Entity, ErrorKind, GatewayError, Identity, Occurrence, OccurrenceState, Role, WakeupOrder, WakeupView,
};

use super::{
    overlay::{AddedWakeup, WakeupChange, effective, set},
    pass::next_of,
    phrase::cron_of,
    state::WakeupState,
    view::wakeup_views,
};
use crate::{
    config::{SHIPPED_PROMPTS, ScheduleEntry},
    core::Core,
    deliver::ThreadWriter,
    desk::{settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// Characters of a title that is made of the words.
const TITLE_CHARS: usize = 60;

fn invalid(message: String) -> GatewayError {
    GatewayError::new(ErrorKind::Invalid, message)
}

/// Does what was ordered; the wakeup as it is then.
///
/// # Errors
/// A viewer, no such wakeup, a time that is none, a wakeup that does not run, or it could not be stored.
pub async fn order(core: &Core, who: &Identity, order: WakeupOrder) -> Result<WakeupView, GatewayError> {
    if who.role < Role::Approver {
        let message = format!("Only an approver or owner can set a wakeup. You are {} ({}).", who.operator, who.role);
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let id = match order {
        WakeupOrder::Add { when, what } => {
            let added = added(core, who, &when, &what)?;
            set(core, who, &WakeupChange::Add(added), None).await?.id
        }
        WakeupOrder::Edit { id, when } => edit(core, who, &id, &when).await?,
        WakeupOrder::Pause { id } => set(core, who, &WakeupChange::Pause { id, paused: true }, None).await?.id,
        WakeupOrder::Resume { id } => set(core, who, &WakeupChange::Pause { id, paused: false }, None).await?.id,
        WakeupOrder::Run { id } => run(core, who, id).await?,
        WakeupOrder::Skip { id } => skip(core, who, id).await?,
    };
    let views = wakeup_views(core).await.map_err(|error| storage_error(&error))?;
    let view = views.into_iter().find(|view| view.id == id);
    view.ok_or_else(|| GatewayError::new(ErrorKind::Conflict, format!("wakeup {id} changed meanwhile; look again")))
}

/// A wakeup of a person's words.
fn added(core: &Core, who: &Identity, when: &str, what: &str) -> Result<AddedWakeup, GatewayError> {
    let operator = core.settings.operators.iter().find(|operator| operator.id == who.operator);
    let zone = operator.and_then(|operator| operator.timezone).unwrap_or(core.zone());
    let (cron, zone) = cron_of(when, zone).map_err(invalid)?;
    let what = what.trim();
    let shipped = SHIPPED_PROMPTS.iter().find(|(id, _)| *id == what);
    let title = shipped.map_or_else(|| wakeman_present::sanitize(what, TITLE_CHARS), |(_, title)| (*title).to_owned());
    Ok(AddedWakeup {
        title,
        prompt: if shipped.is_some() { String::new() } else { what.to_owned() },
        prompt_id: shipped.map(|(id, _)| (*id).to_owned()),
        time_utc: None,
        cron: Some(cron),
        timezone: Some(zone.name().to_owned()),
        late: None,
    })
}

/// The same at another time: a new one is added, then the old one pauses. A crash between the two leaves both, and neither is lost.
async fn edit(core: &Core, who: &Identity, id: &str, when: &str) -> Result<String, GatewayError> {
    let entry = known(core, id).await?;
    let all = effective(core).await.map_err(|error| storage_error(&error))?;
    let own = all.config.prompts.get(&entry.prompt_id).map(|prompt| prompt.prompt.clone());
    let what = own.unwrap_or_else(|| entry.prompt_id.clone());
    let mut changed = added(core, who, when, &what)?;
    changed.title = all.config.title(&entry.prompt_id).to_owned();
    changed.late.clone_from(&entry.late);
    let new = set(core, who, &WakeupChange::Add(changed), None).await?.id;
    if new != id {
        set(core, who, &WakeupChange::Pause { id: id.to_owned(), paused: true }, None).await?;
    }
    Ok(new)
}

async fn known(core: &Core, id: &str) -> Result<ScheduleEntry, GatewayError> {
    let all = effective(core).await.map_err(|error| storage_error(&error))?;
    let found = all.entry(id).cloned();
    found.ok_or_else(|| {
        let id = wakeman_present::sanitize(id, 60);
        GatewayError::new(ErrorKind::NotFound, format!("there is no wakeup {id}; `wakeups` lists them"))
    })
}

/// An entry that runs.
async fn running(core: &Core, id: &str) -> Result<ScheduleEntry, GatewayError> {
    let entry = known(core, id).await?;
    let all = effective(core).await.map_err(|error| storage_error(&error))?;
    let refused = |message: String| GatewayError::new(ErrorKind::Refused, message);
    match &entry.plan {
        Err(problem) => Err(refused(format!("wakeup {id} is wrong: {problem}"))),
        Ok(_) if !all.config.enabled => {
            Err(refused(format!("wakeups are switched off; set `enabled` to true in {}", crate::config::WAKEUP_FILE)))
        }
        Ok(_) if all.paused.contains(id) => {
            Err(refused(format!("wakeup {id} is paused; `wakeups resume {id}` lets it run again")))
        }
        Ok(_) => Ok(entry),
    }
}

fn slot(core: &Core, id: &str, entry: &ScheduleEntry, due_at: wakeman_types::Timestamp) -> Occurrence {
    Occurrence {
        wakeup_id: id.to_owned(),
        prompt_id: entry.prompt_id.clone(),
        due_at,
        state: OccurrenceState::Running,
        reason: String::new(),
        attempts: 0,
        at: core.now(),
        thread_id: None,
        turn_id: None,
    }
}

/// A slot of its own, due now and begun: the next pass runs it to its end like one that a restart cut.
async fn run(core: &Core, who: &Identity, id: String) -> Result<String, GatewayError> {
    let entry = running(core, &id).await?;
    let done: Result<(), SettleError> = settle!(core, "the wakeup", async {
        let now = core.now();
        let found = core.store.get::<WakeupState>(&id).await?;
        let (mut state, version) = match found {
            Some(found) => (found.value, found.version),
            None => (WakeupState::new(id.clone(), entry.prompt_id.clone(), now), wakeman_store::Version::ABSENT),
        };
        let mut row = slot(core, &id, &entry, now);
        row.reason = format!("asked for by {}", who.operator);
        let mut commit = Commit::durable(now);
        row.thread_id = match &state.thread {
            Some(thread) if ThreadWriter::load(core, thread).await?.is_some() => Some(thread.clone()),
            _ => {
                let title = effective(core).await?.config.title(&entry.prompt_id).to_owned();
                let writer = ThreadWriter::create(core, Channel::System, title);
                state.thread = Some(writer.id().clone());
                commit = writer.finish(commit);
                state.thread.clone()
            }
        };
        let event = core.event("wakeup.run_now", &who.operator, &id, json!({"due_at": now}));
        let commit = commit.insert(&row).replace(&state, version).event(event);
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    });
    done.map_err(|error| settle_error(&error))?;
    Ok(id)
}

/// The next slot has its row before it is due, so that it is none any more when it is.
async fn skip(core: &Core, who: &Identity, id: String) -> Result<String, GatewayError> {
    let entry = running(core, &id).await?;
    let next = next_free(core, &id, &entry).await.map_err(|error| storage_error(&error))?;
    let mut row = next.ok_or_else(|| invalid(format!("wakeup {id} has no next slot")))?;
    (row.state, row.reason) = (OccurrenceState::Skipped, format!("skipped by {}", who.operator));
    let event = core.event("wakeup.skipped", &who.operator, &id, json!({"due_at": row.due_at}));
    let commit = Commit::durable(core.now()).insert(&row).event(event);
    // A conflict: somebody skipped the same at this moment, which is as good.
    let _ = core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    Ok(id)
}

/// The next slot that nobody skipped yet.
async fn next_free(core: &Core, id: &str, entry: &ScheduleEntry) -> Result<Option<Occurrence>, StoreError> {
    let mut after = core.now();
    while let Some(due_at) = next_of(entry, after) {
        let row = slot(core, id, entry, due_at);
        if core.store.get::<Occurrence>(&row.entity_id()).await?.is_none() {
            return Ok(Some(row));
        }
        after = due_at;
    }
    Ok(None)
}
