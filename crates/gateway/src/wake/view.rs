//! The wakeups as they are shown.

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{Occurrence, Timestamp, WakeupView};

use super::{
    overlay::{effective, last_read},
    pass::next_of,
    state::wakeup_id,
};
use crate::core::Core;

/// Every entry of the file, in its order, also those that are wrong; then those that were added.
pub(crate) async fn wakeup_views(core: &Core) -> Result<Vec<WakeupView>, StoreError> {
    let mut views = Vec::new();
    let all = effective(core).await?;
    for entry in &all.config.schedule {
        let id = wakeup_id(entry);
        let last = core.store.list::<Occurrence>(&ListQuery::newest(1).parent(id.clone())).await?;
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
            problem: entry.plan.as_ref().err().cloned(),
            next: if enabled { next_of(entry, core.now()) } else { None },
            last: last.items.into_iter().next().map(|found| found.value),
        });
    }
    Ok(views)
}

/// When something is next due.
pub(crate) fn next_wakeup(core: &Core) -> Option<Timestamp> {
    let now = core.now();
    let all = last_read(core);
    let running =
        all.config.schedule.iter().filter(|entry| all.config.enabled && !all.paused.contains(&wakeup_id(entry)));
    running.filter_map(|entry| next_of(entry, now)).min()
}
