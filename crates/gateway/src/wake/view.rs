//! The wakeups as they are shown.

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{Entity, Occurrence, OccurrenceState, Timestamp, WakeupView};

use super::{
    clock::is_still_to_come,
    overlay::{effective, last_read},
    schedule::{next_due, next_run, next_slot, put_off},
    state::{WakeupState, slot_of, wakeup_id},
};
use crate::{config::ScheduleEntry, core::Core};

/// Every entry of the file, in its order, also those that are wrong; then those that were added.
pub(crate) async fn wakeup_views(core: &Core) -> Result<Vec<WakeupView>, StoreError> {
    let mut views = Vec::new();
    let all = effective(core).await?;
    for entry in &all.config.schedule {
        let id = wakeup_id(entry);
        let last = last_of(core, &id, all.was.get(&id).map_or(&[][..], Vec::as_slice)).await?;
        let pause = all.pauses.get(&id).filter(|_| all.paused.contains(&id));
        let enabled = all.config.enabled && entry.plan.is_ok() && !all.paused.contains(&id);
        views.push(WakeupView {
            origin: all.origin(&id),
            id,
            prompt_id: entry.prompt_id.clone(),
            title: all.config.title(&entry.prompt_id).to_owned(),
            time_utc: entry.time_utc.clone(),
            cron: entry.cron.clone(),
            timezone: entry.timezone.clone(),
            late: entry.late.clone().unwrap_or_else(|| "run".to_owned()),
            only: entry.only.clone(),
            jitter: entry.jitter.clone(),
            enabled,
            paused_by: pause.map(|pause| pause.by.to_string()),
            was: None,
            problem: entry.plan.as_ref().err().cloned(),
            next: if enabled { next_at(core, entry).await? } else { None },
            last,
        });
    }
    Ok(views)
}

/// What became of the last slot, under the names that the wakeup had before it was moved too.
async fn last_of(core: &Core, id: &str, was: &[String]) -> Result<Option<Occurrence>, StoreError> {
    for id in std::iter::once(id).chain(was.iter().map(String::as_str)) {
        let last = core.store.list::<Occurrence>(&ListQuery::newest(1).parent(id)).await?;
        if let Some(found) = last.items.into_iter().next() {
            return Ok(Some(found.value));
        }
    }
    Ok(None)
}

/// Whether somebody skipped the slot that would be next.
pub(super) async fn next_is_skipped(core: &Core, entry: &ScheduleEntry) -> Result<bool, StoreError> {
    let Ok(plan) = &entry.plan else { return Ok(false) };
    let (id, now) = (wakeup_id(entry), core.now());
    let Some(due_at) = next_due(&plan.when, now) else { return Ok(false) };
    let found = core.store.get::<Occurrence>(&slot_of(id, entry, due_at, now).entity_id()).await?;
    Ok(found.is_some_and(|found| found.value.state == OccurrenceState::Skipped))
}

/// When the next slot runs.
async fn next_at(core: &Core, entry: &ScheduleEntry) -> Result<Option<Timestamp>, StoreError> {
    let jitter_ms = entry.plan.as_ref().map_or(0, |plan| plan.jitter_ms);
    let next = next_free(core, entry).await?;
    Ok(next.map(|row| row.due_at.plus_ms(put_off(jitter_ms, &row.wakeup_id, row.due_at))))
}

/// The next slot that runs, as its row would be: one that is put off counts until it ran, one that somebody skipped does not.
pub(super) async fn next_free(core: &Core, entry: &ScheduleEntry) -> Result<Option<Occurrence>, StoreError> {
    let Ok(plan) = &entry.plan else { return Ok(None) };
    let (id, now) = (wakeup_id(entry), core.now());
    let state = core.store.get::<WakeupState>(&id).await?.map(|state| state.value);
    let settled = state.as_ref().map_or(now, |state| state.cursor.min(now));
    // A clock that stands before the day on which it was first seen: none of its slots is there.
    let seen = state.map_or(now, |state| state.first_seen);
    let mut next = next_slot(plan, &id, settled.max(seen), now.max(seen));
    while let Some(due_at) = next {
        let row = slot_of(id.clone(), entry, due_at, now);
        let known = core.store.get::<Occurrence>(&row.entity_id()).await?;
        if known.is_none_or(|known| is_still_to_come(&known.value, now)) {
            return Ok(Some(row));
        }
        next = next_due(&plan.when, due_at.max(now));
    }
    Ok(None)
}

/// When something is next due.
pub(crate) fn next_wakeup(core: &Core) -> Option<Timestamp> {
    let now = core.now();
    let all = last_read(core);
    let running =
        all.config.schedule.iter().filter(|entry| all.config.enabled && !all.paused.contains(&wakeup_id(entry)));
    running.filter_map(|entry| next_run(entry.plan.as_ref().ok()?, &wakeup_id(entry), now)).min()
}
