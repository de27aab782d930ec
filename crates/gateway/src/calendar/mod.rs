//! Calendars that settings name: when somebody is away or in a meeting, they are left alone like in their quiet hours.
//!
//! Owns: the rows `calendar`, the last good reading of each. Must not: fetch anything by itself (that is a port), keep what entries say:
//! only their times are read.

mod read;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use wakeman_store::{Commit, StoreError, canonical};
use wakeman_types::{DAY_MS, DeliveryClass, Entity, HOUR_MS, MINUTE_MS, Principal, Severity, Timestamp};

pub use read::{Taken, Understood, read};

use crate::{
    config::{CalendarSource, Operator, Settings, instant_of},
    core::Core,
    deliver::announce,
    ports::{CalendarReader, CalendarTrouble},
};

/// How often calendars are read; and how soon again one that could not be.
const EVERY_MS: i64 = HOUR_MS;
const AGAIN_MS: i64 = 10 * MINUTE_MS;
/// How old a stored reading becomes at most while its calendar can be read.
const STORED_MS: i64 = DAY_MS;
/// The days around the present whose entries are kept.
const PAST_MS: i64 = 15 * DAY_MS;
const AHEAD_MS: i64 = 75 * DAY_MS;
/// The component of `status`.
const COMPONENT: &str = "calendars";
/// The checkpoint of those that people were told cannot be read, by the ids of their rows.
const TOLD: &str = "calendars.told";

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

/// A reading in memory.
#[derive(Debug, Clone)]
struct Known {
    reading: Arc<Reading>,
    /// When a row with these times was stored; `None`: it is not.
    stored_at: Option<Timestamp>,
}

/// What is known of the calendars. Locked for moments only.
#[derive(Debug, Default)]
pub struct Calendars {
    known: Mutex<BTreeMap<CalendarSource, Known>>,
    /// Those that could not be read at the last look.
    unread: Mutex<BTreeSet<CalendarSource>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Calendars {
    fn get(&self, source: &CalendarSource) -> Option<Known> {
        lock(&self.known).get(source).cloned()
    }

    fn keep(&self, source: &CalendarSource, reading: Reading, stored_at: Option<Timestamp>) {
        let known = Known { reading: Arc::new(reading), stored_at };
        lock(&self.known).insert(source.clone(), known);
    }

    /// Since when and until when this operator is away or busy at `at`, read in `zone`; `None`: they are not.
    pub(crate) fn around(&self, operator: &Operator, zone: Tz, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let of = |sources: &[CalendarSource], counts: fn(&Taken) -> bool| -> Vec<(Timestamp, Timestamp)> {
            let readings = sources.iter().filter_map(|source| self.get(source));
            let holds = |known: Known| -> Vec<_> {
                known.reading.taken.iter().filter(|one| counts(one)).filter_map(|one| held(one, zone, at)).collect()
            };
            readings.flat_map(holds).collect()
        };
        let all = [of(&operator.holidays, |one| one.all_day), of(&operator.busy, |one| !one.free)].concat();
        all.into_iter().reduce(|(from, to), (earlier, later)| (from.min(earlier), to.max(later)))
    }
}

/// From when to when, if it holds at `at`.
fn held(taken: &Taken, zone: Tz, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let instant = |ms: i64| match taken.local {
        true => instant_of(chrono::DateTime::from_timestamp_millis(ms)?.naive_utc(), zone),
        false => Some(Timestamp::from_ms(ms)),
    };
    // A day more than any zone is off, so that only what is near is looked at closely.
    if at.ms() < taken.from_ms - DAY_MS || at.ms() > taken.to_ms + DAY_MS {
        return None;
    }
    let (from, to) = (instant(taken.from_ms)?, instant(taken.to_ms)?);
    (from <= at && at < to).then_some((from, to))
}

/// Every calendar that settings name, once.
pub fn sources(settings: &Settings) -> Vec<CalendarSource> {
    let all = settings.operators.iter().flat_map(|operator| operator.holidays.iter().chain(&operator.busy));
    let mut all: Vec<_> = all.cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// Takes up what was last read of every calendar, so that it counts before anything is read anew: a network may take its time, and
/// nobody is to be disturbed meanwhile. Await it before anything tells anybody.
///
/// # Errors
/// [`StoreError`] if it could not be had.
pub async fn recall(core: &Core) -> Result<(), StoreError> {
    for source in sources(&core.settings) {
        if core.calendars.get(&source).is_none()
            && let Some(found) = core.store.get::<Reading>(&Reading::id_of(&source)).await?
        {
            let stored_at = Some(found.value.at);
            core.calendars.keep(&source, found.value, stored_at);
        }
    }
    Ok(())
}

/// Reads every calendar; when to read them again. One that cannot be read keeps what was last read of it, also over a restart, and the
/// component `calendars` says so with the remedy; so it does of one whose times could not be stored, which hold all the same.
pub async fn pass(core: &Core) -> Timestamp {
    let sources = sources(&core.settings);
    let Some(reader) = core.readers.calendars.as_deref().filter(|_| !sources.is_empty()) else {
        return core.now().plus_ms(EVERY_MS);
    };
    let mut look_back = LookBack::default();
    for source in &sources {
        match look(reader, source, core.now()).await {
            Ok(Understood { taken, odd }) => {
                look_back.all.odd += odd;
                look_back.all.taken.extend(&taken);
                if let Err(error) = take(core, source, taken).await {
                    look_back.unstored.push(format!(
                        "{source}: read, but not stored ({error}); after a restart it is unknown until read again"
                    ));
                }
            }
            Err(trouble) => {
                let kept = core.calendars.get(source).map_or_else(
                    || "until it is read it makes no quiet hours".to_owned(),
                    |last| {
                        let ago = wakeman_present::span(core.now().since(last.reading.at));
                        format!("what was read {ago} ago still holds")
                    },
                );
                let trouble = format!("{source}: {}; {kept}; {}", trouble.reason, trouble.remedy);
                look_back.unread.insert(source.clone(), trouble);
            }
        }
    }
    let fine = look_back.report(core, sources.len());
    if let Err(error) = look_back.tell(core).await {
        tracing::error!(%error, "calendar.tell");
    }
    core.now().plus_ms(if fine { EVERY_MS } else { AGAIN_MS })
}

/// From now on these times count. They are stored when they changed, and daily: how old a reading is must be true after a restart,
/// and what is old goes by itself.
async fn take(core: &Core, source: &CalendarSource, taken: Vec<Taken>) -> Result<(), StoreError> {
    let now = core.now();
    let reading = Reading { id: Reading::id_of(source), at: now, taken };
    let stored_at = core.calendars.get(source).and_then(|last| {
        let fresh = |at: &Timestamp| (0..STORED_MS).contains(&now.since(*at));
        last.stored_at.filter(|at| last.reading.taken == reading.taken && fresh(at))
    });
    // First in memory: a disk that refuses keeps nobody from being left alone.
    core.calendars.keep(source, reading.clone(), stored_at);
    if stored_at.is_none() {
        core.store.commit(Commit::new(now).put(&reading)).await.map(drop)?;
        core.calendars.keep(source, reading, Some(now));
    }
    Ok(())
}

/// What one look at all calendars came to.
#[derive(Default)]
struct LookBack {
    all: Understood,
    /// Those that could not be read, each with why, what holds meanwhile, and the remedy.
    unread: BTreeMap<CalendarSource, String>,
    unstored: Vec<String>,
}

impl LookBack {
    /// Shows it in `status`; whether all is well. A calendar only says when to be quiet, and its last reading holds: to be looked at, but
    /// no failure of the instance.
    fn report(&self, core: &Core, calendars: usize) -> bool {
        let troubles: Vec<&str> = self.unread.values().chain(&self.unstored).map(String::as_str).collect();
        if troubles.is_empty() {
            let noun = if calendars == 1 { "calendar" } else { "calendars" };
            core.health.succeeded(COMPONENT, core.now(), format!("{calendars} {noun} read, {}", self.all));
            return true;
        }
        let troubles = troubles.join(" · ");
        tracing::warn!(troubles, "calendar.unreadable");
        core.health.wants_attention(COMPONENT, troubles);
        false
    }

    /// Tells once of one that could not be read twice in a row, and once that it can be again. What passes by itself is no news.
    async fn tell(&self, core: &Core) -> Result<(), StoreError> {
        let before = std::mem::replace(&mut *lock(&core.calendars.unread), self.unread.keys().cloned().collect());
        let found = core.store.checkpoint(TOLD).await?;
        let mut told: BTreeSet<String> = found.and_then(|told| serde_json::from_value(told).ok()).unwrap_or_default();
        let mut commit = Commit::durable(core.now());
        let (was, mut texts) = (told.clone(), Vec::new());
        for source in sources(&core.settings) {
            let id = Reading::id_of(&source);
            match self.unread.get(&source) {
                Some(trouble) if before.contains(&source) => {
                    if told.insert(id) {
                        texts.push(format!("A calendar cannot be read: {trouble}."));
                    }
                }
                Some(_) => {}
                None => {
                    if told.remove(&id) {
                        texts.push(format!("A calendar can be read again: {source}."));
                    }
                }
            }
        }
        if told == was {
            return Ok(());
        }
        for text in texts {
            let payload = serde_json::json!({"text": text});
            commit = commit.event(core.event("calendar.told", Principal::system(), COMPONENT, payload));
            commit = announce(core, commit, DeliveryClass::Note, Severity::Warning, text);
        }
        core.store.commit(commit.checkpoint(TOLD, serde_json::json!(told))).await.map(drop)
    }
}

/// What a calendar says is taken around `now`.
///
/// # Errors
/// It cannot be had or is none, with the remedy.
pub async fn look(
    reader: &dyn CalendarReader,
    source: &CalendarSource,
    now: Timestamp,
) -> Result<Understood, CalendarTrouble> {
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
