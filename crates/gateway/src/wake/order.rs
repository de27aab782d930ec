//! What an operator orders of a wakeup: add, edit, pause, resume, run now, skip the next.

use serde_json::json;
use wakeman_store::Commit;
use wakeman_types::{
    Channel, ErrorKind, GatewayError, Identity, OccurrenceState, Role, Timestamp, WakeupOrder, WakeupRules, WakeupView,
};

use super::{
    overlay::{AddedWakeup, WakeupChange, effective, set, unknown},
    phrase::cron_of,
    state::{WakeupState, slot_of},
    view::{next_free, next_is_skipped, wakeup_views},
};
use crate::{
    config::{SHIPPED_PROMPTS, ScheduleEntry, nearest},
    core::Core,
    deliver::ThreadWriter,
    desk::{settle_error, storage_error},
    modes::needs,
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
    needs(who, Role::Approver, "set a wakeup")?;
    let mut was = None;
    let id = match order {
        WakeupOrder::Add { when, what, rules } => {
            let added = at(core, who, &when, meant(&what)?)?.with(rules);
            set(core, who, &WakeupChange::Add(added), None).await?.id
        }
        WakeupOrder::Edit { id, when, rules } => {
            let now = edit(core, who, &id, when.as_deref(), rules).await?;
            was = Some(id).filter(|id| *id != now);
            now
        }
        WakeupOrder::Pause { id } => set(core, who, &WakeupChange::Pause { id, paused: true }, None).await?.id,
        WakeupOrder::Resume { id } => set(core, who, &WakeupChange::Pause { id, paused: false }, None).await?.id,
        WakeupOrder::Run { id } => {
            let id = run(core, who, id).await?;
            core.alarm.notify_one();
            id
        }
        WakeupOrder::Skip { id } => skip(core, who, id).await?,
    };
    let views = wakeup_views(core).await.map_err(|error| storage_error(&error))?;
    let view = views.into_iter().find(|view| view.id == id);
    view.map(|view| WakeupView { was, ..view })
        .ok_or_else(|| GatewayError::new(ErrorKind::Conflict, format!("wakeup {id} changed meanwhile; look again")))
}

/// `wakeup` at the time that a person wrote.
fn at(core: &Core, who: &Identity, when: &str, wakeup: AddedWakeup) -> Result<AddedWakeup, GatewayError> {
    let operator = core.settings.operators.iter().find(|operator| operator.id == who.operator);
    let zone = operator.and_then(|operator| operator.timezone).unwrap_or(core.zone());
    let (cron, zone) = cron_of(when, zone).map_err(invalid)?;
    Ok(AddedWakeup { time_utc: None, cron: Some(cron), timezone: Some(zone.name().to_owned()), ..wakeup })
}

/// The same, but one word that is nearly a shipped prompt is a slip and no words for the model.
fn meant(what: &str) -> Result<AddedWakeup, GatewayError> {
    let word = what.trim();
    let shipped = || SHIPPED_PROMPTS.iter().map(|(id, _)| *id);
    match nearest(word, shipped()) {
        Some(near) if !word.contains(char::is_whitespace) && shipped().all(|id| id != word) => Err(invalid(format!(
            "\"{}\" is no prompt; did you mean {near}? To ask it in your own words, write more than one",
            wakeman_present::sanitize(word, TITLE_CHARS)
        ))),
        _ => Ok(worded(what)),
    }
}

/// A wakeup of a person's words, without its time.
fn worded(what: &str) -> AddedWakeup {
    let what = what.trim();
    let shipped = SHIPPED_PROMPTS.iter().find(|(id, _)| *id == what);
    let title = shipped.map_or_else(|| wakeman_present::sanitize(what, TITLE_CHARS), |(_, title)| (*title).to_owned());
    AddedWakeup {
        title,
        prompt: if shipped.is_some() { String::new() } else { what.to_owned() },
        prompt_id: shipped.map(|(id, _)| (*id).to_owned()),
        time_utc: None,
        cron: None,
        timezone: None,
        late: None,
        only: None,
        jitter: None,
    }
}

/// The same at another time or by other rules.
async fn edit(
    core: &Core,
    who: &Identity,
    id: &str,
    when: Option<&str>,
    rules: WakeupRules,
) -> Result<String, GatewayError> {
    if when.is_none() && rules == WakeupRules::default() {
        let what = "say when, or only, jitter or late: `wakeups edit ID daily 10:00 only changed`";
        return Err(invalid(what.to_owned()));
    }
    let entry = known(core, id).await?;
    let all = effective(core).await.map_err(|error| storage_error(&error))?;
    let old = entry.clone();
    let own = all.config.prompts.get(&entry.prompt_id).map(|prompt| prompt.prompt.clone());
    let what = own.unwrap_or_else(|| entry.prompt_id.clone());
    let before = AddedWakeup {
        title: all.config.title(&entry.prompt_id).to_owned(),
        time_utc: entry.time_utc,
        cron: entry.cron,
        timezone: entry.timezone,
        late: entry.late,
        only: entry.only,
        jitter: entry.jitter,
        ..worded(&what)
    };
    let to = match when {
        Some(when) => at(core, who, when, before)?,
        None => before,
    };
    let skipped = next_is_skipped(core, &old).await.map_err(|error| storage_error(&error))?;
    let change = WakeupChange::Move { from: id.to_owned(), to: to.with(rules) };
    let moved = set(core, who, &change, None).await?;
    if skipped && moved.id != id && !moved.is_paused() {
        // Somebody wanted to be left alone once, at whatever hour that is now.
        skip(core, who, moved.id.clone()).await?;
    }
    Ok(moved.id)
}

async fn known(core: &Core, id: &str) -> Result<ScheduleEntry, GatewayError> {
    let all = effective(core).await.map_err(|error| storage_error(&error))?;
    all.entry(id).cloned().ok_or_else(|| unknown(id))
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
        let mut row = slot_of(id.clone(), &entry, now, now);
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
        let event = core.event("wakeup.run_now", &who.operator, &id, because(who, now));
        let commit = commit.insert(&row).replace(&state, version).event(event);
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    });
    done.map_err(|error| settle_error(&error))?;
    Ok(id)
}

fn because(who: &Identity, due_at: Timestamp) -> serde_json::Value {
    json!({"principal": who.principal.to_string(), "due_at": due_at})
}

/// The next slot has its row before it is due, so that it is none any more when it is.
async fn skip(core: &Core, who: &Identity, id: String) -> Result<String, GatewayError> {
    let entry = running(core, &id).await?;
    let next = next_free(core, &entry).await.map_err(|error| storage_error(&error))?;
    let mut row = next.ok_or_else(|| invalid(format!("wakeup {id} has no next slot")))?;
    (row.state, row.reason) = (OccurrenceState::Skipped, format!("skipped by {}", who.operator));
    let event = core.event("wakeup.skipped", &who.operator, &id, because(who, row.due_at));
    let commit = Commit::durable(core.now()).insert(&row).event(event);
    // A conflict: somebody skipped the same at this moment, which is as good.
    let _ = core.store.commit(commit).await.map_err(|error| storage_error(&error))?;
    Ok(id)
}
