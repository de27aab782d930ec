//! Wakeups that were paused, resumed or added at run time. The file is people's input and is never rewritten: what is set lies over it,
//! in rows `wakeup_overlay`, and is shown with who set it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_store::{Commit, EntityRef, ListQuery, StoreError, Version, canonical};
use wakeman_types::{
    Entity, ErrorKind, GatewayError, Identity, OperatorId, Principal, ProposalId, Role, Timestamp, WakeupRules,
};

use super::state::wakeup_id;
use crate::{
    config::{ScheduleEntry, WAKEUP_FILE, WakeupConfig, WakeupPrompt, is_no_jitter, parse_wakeup},
    core::Core,
    desk::{settle_error, storage_error},
    modes::needs,
    settle::{SettleError, Wanted, settle},
};

/// With so many overlays no wakeup is added any more.
const OVERLAYS_MAX: u64 = 200;
/// Overlays that are read: those, and what was paused or changed of the file.
const READ_MAX: usize = 1_000;
/// Earlier ids of one wakeup that are remembered.
const NAMES_MAX: usize = 8;
/// Longest title and prompt, in characters.
const TITLE_LEN_MAX: usize = 100;
const PROMPT_LEN_MAX: usize = 4_000;

/// A wakeup that stands in no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AddedWakeup {
    /// What people call it.
    pub title: String,
    /// The words for the model. Not used with `promptId`.
    #[serde(default)]
    pub prompt: String,
    /// A shipped prompt in the place of words of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// `10:00`, UTC; or `cron`.
    pub time_utc: Option<String>,
    /// Five fields, minutes first.
    pub cron: Option<String>,
    /// The zone of `cron`. Default UTC.
    pub timezone: Option<String>,
    /// What becomes of a slot that is late. Default `run`.
    pub late: Option<String>,
    /// Speaks only when so: `changed`, `open` or `open-or-changed`. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Put off by up to so long, `5m`, each time otherwise; `off`. Default: not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
}

impl AddedWakeup {
    /// Its entry and prompt, as if they stood in the file.
    ///
    /// # Errors
    /// What is wrong with it, with the remedy.
    pub fn entry(&self) -> Result<(ScheduleEntry, Option<WakeupPrompt>), String> {
        for (field, text, max) in [("title", &self.title, TITLE_LEN_MAX), ("prompt", &self.prompt, PROMPT_LEN_MAX)] {
            let needed = field == "title" || self.prompt_id.is_none();
            if (needed && text.trim().is_empty()) || text.chars().count() > max {
                return Err(format!("{field}: write 1 to {max} characters"));
            }
        }
        let id = self.prompt_id.clone().unwrap_or_else(|| self.own_id());
        let all = json!({
            "promptId": id, "timeUtc": self.time_utc, "cron": self.cron, "timezone": self.timezone, "late": self.late,
            "only": self.only, "jitter": self.jitter,
        });
        let given = all.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let line: serde_json::Map<_, _> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
        let own = || WakeupPrompt { title: self.title.clone(), prompt: self.prompt.clone() };
        let prompt = self.prompt_id.is_none().then(own);
        let prompts: BTreeMap<&String, &WakeupPrompt> = prompt.iter().map(|prompt| (&id, prompt)).collect();
        let file = json!({"prompts": prompts, "schedule": [line]}).to_string();
        let parsed = parse_wakeup(&file, "the wakeup").map_err(|error| error.to_string())?;
        let entry = parsed.value.schedule.into_iter().next().ok_or("the wakeup has no time")?;
        match &entry.plan {
            Ok(_) => Ok((entry, prompt)),
            Err(problem) => Err(problem.clone()),
        }
    }

    /// The same with these rules, where they are named.
    pub(super) fn with(mut self, rules: WakeupRules) -> Self {
        self.only = rules.only.or(self.only);
        self.jitter = rules.jitter.or(self.jitter).filter(|jitter| !is_no_jitter(jitter));
        self.late = rules.late.or(self.late);
        self
    }

    /// When, and by which rules, for people: `0 9 * * 1-5, Europe/Berlin, only changed`.
    pub fn when(&self) -> String {
        let time = match (&self.time_utc, &self.cron) {
            (Some(time), _) => format!("every day at {time} UTC"),
            (None, Some(cron)) => format!("{cron}, {}", self.timezone.as_deref().unwrap_or("UTC")),
            (None, None) => "never".to_owned(),
        };
        let rules = [("only", &self.only), ("jitter", &self.jitter), ("late", &self.late)];
        let rules = rules.iter().filter_map(|(name, rule)| Some(format!(", {name} {}", rule.as_deref()?)));
        rules.fold(time, |all, rule| all + &rule)
    }

    fn own_id(&self) -> String {
        let digest = canonical::sha256_hex(format!("{}\n{}", self.title, self.prompt).as_bytes());
        format!("added-{}", &digest[..6])
    }
}

/// The id that this wakeup has: by its words and its time.
///
/// # Errors
/// What is wrong with it, with the remedy.
pub fn id_of(added: &AddedWakeup) -> Result<String, String> {
    added.entry().map(|(entry, _)| wakeup_id(&entry))
}

/// A time in which a wakeup's slots are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who asked for it.
    pub by: OperatorId,
    /// Since when.
    pub from: Timestamp,
    /// When it was resumed; `None`: it holds.
    pub until: Option<Timestamp>,
}

impl Pause {
    /// Whether `at` lies in it.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// What was set at run time for one wakeup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredOverlay")]
pub struct WakeupOverlay {
    /// The wakeup's id.
    pub id: String,
    /// The last time in which its slots are or were left out.
    pub pause: Option<Pause>,
    /// What it is, if it stands in no file or was changed.
    pub added: Option<AddedWakeup>,
    /// Who set it.
    pub by: OperatorId,
    /// As whom the transport proved them.
    pub principal: Principal,
    /// When.
    pub at: Timestamp,
    /// The ids it had before it was moved, the last first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
}

impl WakeupOverlay {
    /// Whether its slots are left out.
    pub fn is_paused(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.until.is_none())
    }
}

/// The row, as earlier versions wrote it too.
#[derive(Deserialize)]
struct StoredOverlay {
    id: String,
    /// The oldest say by this alone that the wakeup is paused.
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    pause: Option<Pause>,
    added: Option<AddedWakeup>,
    by: OperatorId,
    principal: Principal,
    at: Timestamp,
    #[serde(default)]
    was: Vec<String>,
}

impl From<StoredOverlay> for WakeupOverlay {
    fn from(StoredOverlay { id, paused, pause, added, by, principal, at, was }: StoredOverlay) -> Self {
        let since = || Pause { by: by.clone(), from: at, until: None };
        let pause = pause.or_else(|| paused.then(since));
        Self { id, pause, added, by, principal, at, was }
    }
}

impl Entity for WakeupOverlay {
    const KIND: &'static str = "wakeup_overlay";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn state_name(&self) -> &str {
        if self.is_paused() { "paused" } else { "running" }
    }

    fn parent_id(&self) -> Option<String> {
        None
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

/// The file with what was set over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Every entry: those of the file in its order, then the added ones in theirs.
    pub config: WakeupConfig,
    /// The ids of those that are paused.
    pub paused: BTreeSet<String>,
    /// When each was last paused.
    pub pauses: BTreeMap<String, Pause>,
    /// Where each comes from, where that is not the file alone.
    pub origins: BTreeMap<String, String>,
    /// The ids that each had before it was moved, the last first.
    pub was: BTreeMap<String, Vec<String>>,
}

impl Effective {
    fn of_file(core: &Core) -> Self {
        let config = core.wakeups.clone();
        let (paused, pauses, origins, was) = Default::default();
        Self { config, paused, pauses, origins, was }
    }

    /// Where the wakeup comes from.
    pub(super) fn origin(&self, id: &str) -> String {
        self.origins.get(id).cloned().unwrap_or_else(|| WAKEUP_FILE.to_owned())
    }

    /// The entry with this id.
    pub(crate) fn entry(&self, id: &str) -> Option<&ScheduleEntry> {
        self.config.schedule.iter().find(|entry| wakeup_id(entry) == id)
    }
}

/// The wakeups that hold now.
///
/// # Errors
/// [`StoreError`] if what was set could not be read.
pub async fn effective(core: &Core) -> Result<Arc<Effective>, StoreError> {
    let mut all = Effective::of_file(core);
    let set = core.store.list::<WakeupOverlay>(&ListQuery::oldest(READ_MAX)).await?.items;
    for overlay in set.into_iter().map(|found| found.value) {
        let mut origin = WAKEUP_FILE.to_owned();
        if let Some(added) = &overlay.added {
            let Ok((entry, prompt)) = added.entry() else { continue };
            all.config.prompts.extend(prompt.map(|prompt| (entry.prompt_id.clone(), prompt)));
            match all.config.schedule.iter_mut().find(|known| wakeup_id(known) == overlay.id) {
                Some(known) => {
                    *known = entry;
                    origin = format!("{WAKEUP_FILE}, changed by {}", overlay.by);
                }
                None => {
                    all.config.schedule.push(entry);
                    origin = format!("added by {}", overlay.by);
                }
            }
        }
        if overlay.is_paused() {
            all.paused.insert(overlay.id.clone());
        }
        if let Some(pause) = overlay.pause {
            if pause.until.is_none() {
                origin = format!("{origin}, paused by {}", pause.by);
            }
            all.pauses.insert(overlay.id.clone(), pause);
        }
        all.origins.insert(overlay.id.clone(), origin);
        all.was.insert(overlay.id, overlay.was);
    }
    let all = Arc::new(all);
    core.overlay.keep_wakeups(Arc::clone(&all));
    Ok(all)
}

/// The wakeups as last read, for what cannot wait.
pub(super) fn last_read(core: &Core) -> Arc<Effective> {
    core.overlay.wakeups().unwrap_or_else(|| Arc::new(Effective::of_file(core)))
}

/// What is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakeupChange {
    /// Leaves its slots out, or no longer.
    Pause {
        /// Which.
        id: String,
        /// Out or in.
        paused: bool,
    },
    /// A wakeup of its own; one of this time and these words is changed.
    Add(AddedWakeup),
    /// The same in the place of the wakeup `from`.
    Move {
        /// Which.
        from: String,
        /// What it is from now on.
        to: AddedWakeup,
    },
}

/// There is no such wakeup.
pub(super) fn unknown(id: &str) -> GatewayError {
    let id = wakeman_present::sanitize(id, 60);
    GatewayError::new(ErrorKind::NotFound, format!("there is no wakeup {id}; `wakeups` lists them"))
}

/// Sets it; the same again changes nothing. `cause`: the proposal it was approved in. Approvers and owners.
///
/// # Errors
/// A viewer, no such wakeup, a time that is none, or it could not be stored.
pub async fn set(
    core: &Core,
    who: &Identity,
    change: &WakeupChange,
    cause: Option<ProposalId>,
) -> Result<WakeupOverlay, GatewayError> {
    needs(who, Role::Approver, "set a wakeup")?;
    let invalid = |message: String| GatewayError::new(ErrorKind::Invalid, message);
    let id = match change {
        WakeupChange::Pause { id, .. } => {
            let all = effective(core).await.map_err(|error| storage_error(&error))?;
            all.entry(id).ok_or_else(|| unknown(id))?;
            id.clone()
        }
        WakeupChange::Add(added) | WakeupChange::Move { to: added, .. } => {
            wakeup_id(&added.entry().map_err(invalid)?.0)
        }
    };
    if matches!(change, WakeupChange::Add(_)) {
        room(core, &id).await?;
    }
    let set: Result<WakeupOverlay, SettleError> = settle!(core, "the wakeup", async {
        let found = core.store.get::<WakeupOverlay>(&id).await?;
        let (before, version) = found.map_or((None, Version::ABSENT), |found| (Some(found.value), found.version));
        let (by, principal) = (who.operator.clone(), who.principal.clone());
        let moved = match change {
            WakeupChange::Move { from, .. } if *from != id => Some(from.as_str()),
            _ => None,
        };
        let mut pauses = by.clone();
        let (paused, added) = match change {
            WakeupChange::Pause { paused, .. } => (*paused, before.as_ref().and_then(|before| before.added.clone())),
            WakeupChange::Add(added) => (false, Some(added.clone())),
            // What is paused stays so, until somebody resumes it.
            WakeupChange::Move { from, to } => {
                let pause = holds(core, from).await?;
                pauses = pause.as_ref().map_or(pauses, |pause| pause.by.clone());
                (pause.is_some(), Some(to.clone()))
            }
        };
        let same = |before: &&WakeupOverlay| before.is_paused() == paused && before.added == added && moved.is_none();
        if let Some(same) = before.as_ref().filter(same) {
            return Ok(Wanted::Nothing(same.clone()));
        }
        let payload = json!({"principal": principal.to_string(), "paused": paused, "added": added, "proposal": cause});
        let event = core.event("wakeup.set", &by, &id, payload);
        let was = names(core, before.as_ref(), moved).await?;
        let pause = pause(before, paused, &pauses, core.now());
        let overlay = WakeupOverlay { id: id.clone(), pause, added, by, principal, at: core.now(), was };
        let mut commit = Commit::durable(core.now()).replace(&overlay, version).event(event);
        if let Some(from) = moved {
            commit = gone(core, commit, from, &overlay).await?;
        }
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), overlay))
    });
    let set = set.map_err(|error| settle_error(&error))?;
    effective(core).await.map_err(|error| storage_error(&error))?;
    Ok(set)
}

/// The ids that a wakeup had before: those of `before`, or that of the wakeup it is `moved` from with those before it.
async fn names(core: &Core, before: Option<&WakeupOverlay>, moved: Option<&str>) -> Result<Vec<String>, StoreError> {
    let Some(from) = moved else { return Ok(before.map(|before| before.was.clone()).unwrap_or_default()) };
    let older = core.store.get::<WakeupOverlay>(from).await?.map(|found| found.value.was).unwrap_or_default();
    Ok(std::iter::once(from.to_owned()).chain(older).take(NAMES_MAX).collect())
}

/// Refuses what would be one wakeup too many.
async fn room(core: &Core, id: &str) -> Result<(), GatewayError> {
    let known = core.store.get::<WakeupOverlay>(id).await.map_err(|error| storage_error(&error))?;
    let count = core.store.count::<WakeupOverlay>(None).await.map_err(|error| storage_error(&error))?;
    if known.is_some() || count < OVERLAYS_MAX {
        return Ok(());
    }
    let message = format!(
        "{OVERLAYS_MAX} wakeups are set at run time, and no more can be; `wakeups edit` one that is not needed, or write this one into \
         {WAKEUP_FILE}"
    );
    Err(GatewayError::new(ErrorKind::Refused, message))
}

/// The pause that holds for the wakeup `id`.
async fn holds(core: &Core, id: &str) -> Result<Option<Pause>, StoreError> {
    let found = core.store.get::<WakeupOverlay>(id).await?;
    Ok(found.and_then(|found| found.value.pause).filter(|pause| pause.until.is_none()))
}

/// When it is or was paused, once that is as `paused` says.
fn pause(before: Option<WakeupOverlay>, paused: bool, by: &OperatorId, now: Timestamp) -> Option<Pause> {
    let last = before.and_then(|before| before.pause);
    match (paused, last) {
        (true, Some(holds)) if holds.until.is_none() => Some(holds),
        (true, _) => Some(Pause { by: by.clone(), from: now, until: None }),
        (false, Some(last)) if last.until.is_none() => Some(Pause { until: Some(now), ..last }),
        (false, last) => last,
    }
}

/// Takes the wakeup `id` away, with `commit`, since `instead` is in its place: one of the file is paused, one that was added goes.
async fn gone(core: &Core, commit: Commit, id: &str, instead: &WakeupOverlay) -> Result<Commit, StoreError> {
    let found = core.store.get::<WakeupOverlay>(id).await?;
    let (before, version) = found.map_or((None, Version::ABSENT), |found| (Some(found.value), found.version));
    let payload = json!({"principal": instead.principal.to_string(), "paused": true, "instead": instead.id});
    let commit = commit.event(core.event("wakeup.set", &instead.by, id, payload));
    let in_file = core.wakeups.schedule.iter().any(|entry| wakeup_id(entry) == id);
    if !in_file {
        let row = EntityRef::to::<WakeupOverlay>(id);
        return Ok(commit.expect(&row, version).delete(row));
    }
    let pause = pause(before, true, &instead.by, instead.at);
    let paused = WakeupOverlay { id: id.to_owned(), pause, added: None, was: Vec::new(), ..instead.clone() };
    Ok(commit.replace(&paused, version))
}
