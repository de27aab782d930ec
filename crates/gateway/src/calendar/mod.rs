//! Calendars that settings name: when somebody is away or in a meeting, they are left alone like in their quiet hours.
//!
//! Owns: the rows `calendar`, the last good reading of each. Must not: fetch anything by itself (that is a port), keep what entries say:
//! only their times are read.

mod read;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, StoreError, canonical};
use wakeman_types::{DAY_MS, Entity, HOUR_MS, MINUTE_MS, Timestamp};

pub use read::{Taken, read};

use crate::{
    config::{CalendarSource, Operator, Settings, instant_of},
    core::Core,
    ports::{CalendarReader, CalendarTrouble},
};

/// How often calendars are read; and how soon again one that could not be.
const EVERY_MS: i64 = HOUR_MS;
const AGAIN_MS: i64 = 10 * MINUTE_MS;
/// The days around the present whose entries are kept.
const PAST_MS: i64 = 15 * DAY_MS;
const AHEAD_MS: i64 = 75 * DAY_MS;
/// The component of `status`.
const COMPONENT: &str = "calendars";

/// One calendar as it was last understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reading {
    /// Made of where it is, which may be secret.
    id: String,
    at: Timestamp,
    taken: Vec<Taken>,
}

impl Reading {
    fn id_of(source: &CalendarSource) -> String {
        canonical::sha256_hex(source.as_str().as_bytes())[..16].to_owned()
    }
}

impl Entity for Reading {
    const KIND: &'static str = "calendar";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// What is known of the calendars. Locked for moments only.
#[derive(Debug, Default)]
pub struct Calendars(Mutex<BTreeMap<CalendarSource, Arc<Reading>>>);

impl Calendars {
    fn get(&self, source: &CalendarSource) -> Option<Arc<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned()
    }

    fn keep(&self, source: &CalendarSource, reading: Reading) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone(), Arc::new(reading));
    }

    /// Until when this operator is away or busy at `at`, read in `zone`; `None`: they are not.
    pub(crate) fn until(&self, operator: &Operator, zone: Tz, at: Timestamp) -> Option<Timestamp> {
        let ends = |sources: &[CalendarSource], counts: fn(&Taken) -> bool| {
            let readings = sources.iter().filter_map(|source| self.get(source));
            let last = |reading: Arc<Reading>| {
                reading.taken.iter().filter(|one| counts(one)).filter_map(|one| end(one, zone, at)).max()
            };
            readings.filter_map(last).max()
        };
        ends(&operator.holidays, |one| one.all_day).max(ends(&operator.busy, |one| !one.free))
    }
}

/// When it is over, if it holds at `at`.
fn end(taken: &Taken, zone: Tz, at: Timestamp) -> Option<Timestamp> {
    let instant = |ms: i64| match taken.local {
        true => instant_of(chrono::DateTime::from_timestamp_millis(ms)?.naive_utc(), zone),
        false => Some(Timestamp::from_ms(ms)),
    };
    // A day more than any zone is off, so that only what is near is looked at closely.
    if at.ms() < taken.from_ms - DAY_MS || at.ms() > taken.to_ms + DAY_MS {
        return None;
    }
    let (from, to) = (instant(taken.from_ms)?, instant(taken.to_ms)?);
    (from <= at && at < to).then_some(to)
}

/// Every calendar that settings name, once.
pub fn sources(settings: &Settings) -> Vec<CalendarSource> {
    let all = settings.operators.iter().flat_map(|operator| operator.holidays.iter().chain(&operator.busy));
    let mut all: Vec<_> = all.cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// Reads every calendar; when to read them again. One that cannot be read keeps what was last read of it, also over a restart, and the
/// component `calendars` says so with the remedy.
///
/// # Errors
/// [`StoreError`] if what was read could not be stored.
pub async fn pass(core: &Core) -> Result<Timestamp, StoreError> {
    let sources = sources(&core.settings);
    let Some(reader) = core.readers.calendars.as_deref().filter(|_| !sources.is_empty()) else {
        return Ok(core.now().plus_ms(EVERY_MS));
    };
    let (mut troubles, mut entries) = (Vec::new(), 0);
    for source in &sources {
        let mut last = core.calendars.get(source).map(|reading| (*reading).clone());
        if last.is_none() {
            last = core.store.get::<Reading>(&Reading::id_of(source)).await?.map(|found| found.value);
            last.iter().for_each(|reading| core.calendars.keep(source, reading.clone()));
        }
        match look(reader, source, core.now()).await {
            Ok(taken) => {
                entries += taken.len();
                let reading = Reading { id: Reading::id_of(source), at: core.now(), taken };
                if last.is_none_or(|last| last.taken != reading.taken) {
                    core.store.commit(Commit::new(core.now()).put(&reading)).await.map(drop)?;
                }
                core.calendars.keep(source, reading);
            }
            Err(trouble) => {
                let kept = last.map_or_else(
                    || "nobody is left alone by it".to_owned(),
                    |last| {
                        format!("what was read {} ago still holds", wakeman_present::span(core.now().since(last.at)))
                    },
                );
                troubles.push(format!("{source}: {}; {kept}; {}", trouble.reason, trouble.remedy));
            }
        }
    }
    tell(core, sources.len(), entries, &troubles);
    Ok(core.now().plus_ms(if troubles.is_empty() { EVERY_MS } else { AGAIN_MS }))
}

fn tell(core: &Core, calendars: usize, entries: usize, troubles: &[String]) {
    if troubles.is_empty() {
        let detail = format!("{calendars} read, {entries} entries near today");
        return core.health.succeeded(COMPONENT, core.now(), detail);
    }
    tracing::warn!(troubles = troubles.join(" · "), "calendar.unreadable");
    core.health.failed(COMPONENT, troubles.join(" · "));
}

/// What a calendar says is taken around `now`.
///
/// # Errors
/// It cannot be had or is none, with the remedy.
pub async fn look(
    reader: &dyn CalendarReader,
    source: &CalendarSource,
    now: Timestamp,
) -> Result<Vec<Taken>, CalendarTrouble> {
    let text = reader.read(source).await?;
    let (from, until) = (now.plus_ms(-PAST_MS), now.plus_ms(AHEAD_MS));
    // Counting through long series takes a moment; whatever goes wrong in there ends there.
    let read = tokio::task::spawn_blocking(move || read(&text, from, until)).await;
    let read = read.unwrap_or_else(|_| Err("not understood; export it again".to_owned()));
    read.map_err(|text| {
        let (reason, remedy) = text.split_once("; ").unwrap_or((&text, "export it again"));
        CalendarTrouble { reason: reason.to_owned(), remedy: remedy.to_owned() }
    })
}
