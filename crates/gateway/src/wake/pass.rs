//! One look at all schedules: what is due is claimed, run and ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::json;
use wakeman_present::{RenderContext, plain};
use wakeman_store::{Commit, ListQuery, StoreError, Version};
use wakeman_types::{
    BriefView, Channel, DeliveryClass, Occurrence, OccurrenceState, Principal, Severity, ThreadId, Timestamp, View,
};

use super::{
    brief::{Briefer, WakeAnswer, WakeAsk, WakeError, WakePrompt},
    clock::is_still_to_come,
    facts::{Facts, facts},
    overlay::{Pause, effective, last_read},
    schedule::{Lateness, ON_TIME_MS, due_between, judge, put_off},
    state::{WakeupState, slot_of, wakeup_id},
    view::next_wakeup,
};
use crate::{
    brain::Brain,
    config::{Only, Plan, RELEASE_CHECK, RouteKind, ScheduleEntry, TIP_WAKEUP},
    core::Core,
    deliver::{Matter, Post, ThreadWriter, zone_for},
    settle::{SettleError, Wanted, settle},
};

/// Slots that are written down in one commit. After a long time off there may be thousands.
const CHUNK: usize = 256;
/// Chunks of one wakeup in one pass; the next pass goes on, so that others get their turn.
const CHUNKS_MAX: usize = 40;
/// How often a run of one slot is begun: the second time after a restart cut the first.
const ATTEMPTS_MAX: u32 = 2;
/// Wakeups that ask the model at one time.
const BESIDE: usize = 4;
/// The reason of a slot whose run was cut and may not be repeated.
const INTERRUPTED: &str = "interrupted by a restart";

/// The schedules of the instance. One pass at a time: whatever is found `running` was left by a process that ended.
pub struct Wake {
    pub(super) core: Arc<Core>,
    briefer: Option<Arc<dyn Briefer>>,
    /// Who may have ideas for a tip.
    pub(super) brain: Option<Arc<Brain>>,
}

/// What follows the slots that are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Nothing that is due.
    Nothing,
    /// A slot that is due and put off: what is late gives way to it.
    PutOff,
    /// More that are due.
    More,
}

/// One entry of the file that holds.
struct Entry<'a> {
    id: String,
    /// Whether wakeups run at all.
    enabled: bool,
    /// When its slots were last left out, or are.
    pause: Option<&'a Pause>,
    file: &'a ScheduleEntry,
    plan: &'a Plan,
}

impl Entry<'_> {
    /// Why a slot at this time is left out, whatever its rule.
    fn left_out(&self, at: Timestamp) -> Option<String> {
        if !self.enabled {
            return Some("wakeups are switched off".to_owned());
        }
        self.pause.filter(|pause| pause.covers(at)).map(|pause| format!("paused by {}", pause.by))
    }

    fn put_off(&self, slot: Timestamp) -> i64 {
        put_off(self.plan.jitter_ms, &self.id, slot)
    }
}

impl Wake {
    /// Over this instance. Without a `briefer` briefs are told from the facts alone.
    pub fn new(core: Arc<Core>, briefer: Option<Arc<dyn Briefer>>) -> Self {
        Self { core, briefer, brain: None }
    }

    /// The same, where briefs and tips may ask the model behind `brain`.
    pub fn thinking(core: Arc<Core>, brain: Arc<Brain>) -> Self {
        Self { core, briefer: Some(Arc::clone(&brain) as Arc<dyn Briefer>), brain: Some(brain) }
    }

    /// When something is next due.
    pub fn next(&self) -> Option<Timestamp> {
        next_wakeup(&self.core)
    }

    /// Settles every slot that is due. One wakeup that fails does not keep the others.
    ///
    /// # Errors
    /// The first failure; what it concerns is settled by the next pass.
    pub async fn pass(&self) -> Result<(), SettleError> {
        let all = effective(&self.core).await?;
        let entries = all.config.schedule.iter().filter_map(|file| {
            let (plan, id) = (file.plan.as_ref().ok()?, wakeup_id(file));
            Some(Entry { enabled: all.config.enabled, pause: all.pauses.get(&id), id, file, plan })
        });
        let entries: Vec<Entry<'_>> = entries.collect();
        // One time for all: who waits behind a slow model is no later for it.
        let now = self.core.now();
        let mut result = self.forget(&entries).await;
        let mut due: Vec<BoxFuture<'_, Result<(), SettleError>>> = Vec::new();
        for entry in &entries {
            let mut begun = Vec::new();
            let settled = self.one(entry, now, &mut begun).await;
            result = result.and(settled.inspect_err(|error| failed(entry, error)));
            if !begun.is_empty() {
                due.push(self.run_all(entry, begun).boxed());
            }
        }
        let mut due = stream::iter(due).buffer_unordered(BESIDE);
        while let Some(ended) = due.next().await {
            result = result.and(ended);
        }
        result
    }

    /// Runs the slots of one wakeup one after the other: each tells what the one before did not.
    async fn run_all(&self, entry: &Entry<'_>, begun: Vec<Occurrence>) -> Result<(), SettleError> {
        let mut result = Ok(());
        for row in begun {
            let ended = self.run(entry, &row).await;
            result = result.and(ended.inspect_err(|error| failed(entry, error)));
        }
        result
    }

    /// An entry that is no longer in the file has no cursor; if it comes back it is new. A run of it that was cut is ended.
    async fn forget(&self, entries: &[Entry<'_>]) -> Result<(), SettleError> {
        let known: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let cut = self.core.store.list::<Occurrence>(&ListQuery::oldest(200).state("running")).await?;
        for found in cut.items.iter().filter(|found| !known.contains(found.value.wakeup_id.as_str())) {
            self.give_up(&found.value, Some("the wakeup was changed or taken out before it ran".to_owned())).await?;
        }
        let states = self.core.store.list::<WakeupState>(&ListQuery::oldest(1000)).await?;
        for state in states.items.into_iter().filter(|found| !known.contains(found.value.id.as_str())) {
            let gone = wakeman_store::EntityRef::of(&state.value);
            let commit = Commit::new(self.core.now()).expect(&gone, state.version).delete(gone);
            // A conflict: somebody else was here; the next pass looks again.
            let _ = self.core.store.commit(commit).await?;
        }
        Ok(())
    }

    /// Settles what is due of one entry; what it has begun is put to `begun`.
    async fn one(&self, entry: &Entry<'_>, now: Timestamp, begun: &mut Vec<Occurrence>) -> Result<(), SettleError> {
        let Some(state) = self.core.store.get::<WakeupState>(&entry.id).await? else {
            let state = WakeupState::new(entry.id.clone(), entry.file.prompt_id.clone(), now);
            let _ = self.core.store.commit(Commit::new(now).insert(&state)).await?;
            return Ok(());
        };
        self.recover(entry, now, begun).await?;
        self.set_by_clock(state, now).await?;
        for _ in 0..CHUNKS_MAX {
            let Some(state) = self.core.store.get::<WakeupState>(&entry.id).await? else { return Ok(()) };
            let from = state.value.cursor.max(state.value.first_seen);
            let mut slots = due_between(&entry.plan.when, from, now, CHUNK + 1);
            let mut then = if slots.len() > CHUNK { Then::More } else { Then::Nothing };
            slots.truncate(CHUNK);
            // Only the newest may be put off; what it keeps waiting was due before it.
            let waits = |slot: &Timestamp| now < slot.plus_ms(entry.put_off(*slot));
            if then == Then::Nothing && slots.last().is_some_and(waits) {
                slots.pop();
                then = Then::PutOff;
            }
            if slots.is_empty() {
                return Ok(());
            }
            begun.extend(self.claim(entry, &slots, then, now).await?);
            if then != Then::More {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs that a process began and did not end.
    async fn recover(&self, entry: &Entry<'_>, now: Timestamp, begun: &mut Vec<Occurrence>) -> Result<(), SettleError> {
        let query = ListQuery::oldest(100).state("running").parent(entry.id.clone());
        let cut = self.core.store.list::<Occurrence>(&query).await?;
        for found in cut.items {
            let mut occurrence = found.value;
            let late_ms = now.since(occurrence.due_at) - entry.put_off(occurrence.due_at);
            let left_out = entry.left_out(now);
            let may = left_out.is_none()
                && occurrence.attempts < ATTEMPTS_MAX
                && judge(entry.plan.late, late_ms, ON_TIME_MS) == Lateness::Run;
            if !may {
                self.give_up(&occurrence, left_out).await?;
                continue;
            }
            occurrence.attempts += 1;
            occurrence.at = now;
            let commit = Commit::durable(now).replace(&occurrence, found.version);
            if self.core.store.commit(commit).await?.landed() {
                begun.push(occurrence);
            }
        }
        Ok(())
    }

    /// Ends a slot that was begun and does not go on: one that somebody asked for and that nothing has run yet is left out.
    async fn give_up(&self, row: &Occurrence, left_out: Option<String>) -> Result<(), SettleError> {
        match left_out.filter(|_| row.attempts == 0) {
            Some(reason) => self.end(row, OccurrenceState::Skipped, &reason).await,
            None => self.end(row, OccurrenceState::Missed, INTERRUPTED).await,
        }
    }

    /// Writes down what becomes of `slots`, oldest first, and steps the cursor over them, in one commit. Those of a pause are left
    /// out; the others are missed but the last, unless more follow; the last runs if its rule allows and is then returned.
    async fn claim(
        &self,
        entry: &Entry<'_>,
        slots: &[Timestamp],
        then: Then,
        now: Timestamp,
    ) -> Result<Option<Occurrence>, SettleError> {
        let core = &*self.core;
        settle!(core, "the wakeup", async {
            let Some(mut state) = core.store.get::<WakeupState>(&entry.id).await? else {
                return Ok(Wanted::Nothing(None));
            };
            let (Some(last), true) = (slots.last(), state.value.cursor < slots[0]) else {
                return Ok::<_, SettleError>(Wanted::Nothing(None));
            };
            let mut commit = Commit::durable(now);
            let (mut claimed, mut missed) = (None, 0_u32);
            for slot in slots {
                let mut row = slot_of(entry.id.clone(), entry.file, *slot, now);
                let known = core.store.get::<Occurrence>(&wakeman_types::Entity::entity_id(&row)).await?;
                // A slot that had its turn before the clock went back.
                if known.as_ref().is_some_and(|known| !is_still_to_come(&known.value, now)) {
                    continue;
                }
                let late = || now.since(*slot) - entry.put_off(*slot) > ON_TIME_MS;
                let newest = slot == last && then != Then::More && !(then == Then::PutOff && late());
                let left_out = entry.left_out(*slot).or_else(|| entry.left_out(now).filter(|_| newest));
                if let Some(reason) = left_out {
                    (row.state, row.reason) = (OccurrenceState::Skipped, reason);
                } else if !newest {
                    (row.state, row.reason) =
                        (OccurrenceState::Missed, "not running then; a later one was due".to_owned());
                } else {
                    self.judge(entry, &mut row, now);
                }
                missed += u32::from(row.state != OccurrenceState::Running);
                if row.state == OccurrenceState::Running {
                    commit = self.with_thread(commit, &mut state.value, &mut row).await?;
                    claimed = Some(row.clone());
                }
                commit = commit.replace(&row, known.map_or(Version::ABSENT, |known| known.version));
            }
            state.value.cursor = *last;
            commit = commit.replace(&state.value, state.version);
            if missed > 0 {
                commit =
                    commit.event(self.event("wakeup.left_out", &entry.id, json!({"slots": missed, "until": last})));
            }
            if claimed.is_some() {
                commit = commit.event(self.event("wakeup.claimed", &entry.id, json!({"due_at": last})));
            }
            Ok(Wanted::Commit(Box::new(commit), claimed))
        })
    }

    fn judge(&self, entry: &Entry<'_>, row: &mut Occurrence, now: Timestamp) {
        let late_ms = now.since(row.due_at) - entry.put_off(row.due_at);
        let late = wakeman_present::span(late_ms);
        match judge(entry.plan.late, late_ms, ON_TIME_MS) {
            Lateness::Run => row.attempts = 1,
            Lateness::Skip => {
                (row.state, row.reason) =
                    (OccurrenceState::Skipped, format!("{late} late, and `late` is \"skip\" for it"));
            }
            Lateness::Miss => {
                let rule = entry.file.late.as_deref().unwrap_or("run");
                (row.state, row.reason) =
                    (OccurrenceState::Missed, format!("{late} late, and `late` is \"{rule}\" for it"));
            }
        }
    }

    /// The conversation of the wakeup exists before anybody is asked to speak in it.
    async fn with_thread(
        &self,
        commit: Commit,
        state: &mut WakeupState,
        row: &mut Occurrence,
    ) -> Result<Commit, StoreError> {
        if let Some(id) = &state.thread
            && ThreadWriter::load(&self.core, id).await?.is_some()
        {
            row.thread_id = Some(id.clone());
            return Ok(commit);
        }
        let title = last_read(&self.core).config.title(&state.prompt_id).to_owned();
        let writer = ThreadWriter::create(&self.core, Channel::System, title);
        state.thread = Some(writer.id().clone());
        row.thread_id = Some(writer.id().clone());
        Ok(writer.finish(commit))
    }

    /// Runs a claimed slot to its end.
    async fn run(&self, entry: &Entry<'_>, row: &Occurrence) -> Result<(), SettleError> {
        let Some(state) = self.core.store.get::<WakeupState>(&entry.id).await? else { return Ok(()) };
        let Some(thread) = row.thread_id.clone() else {
            return self.end(row, OccurrenceState::Missed, "its conversation is gone").await;
        };
        let since = state.value.since();
        // Before a release everything that stands counts, told before or not.
        let afresh = BTreeMap::new();
        let told = if row.prompt_id == RELEASE_CHECK { &afresh } else { &state.value.told };
        let facts = facts(&self.core, told, since).await?;
        if let Some(reason) = unmet(entry.plan.only, &facts) {
            return self.end(row, OccurrenceState::Skipped, reason).await;
        }
        let config = last_read(&self.core);
        if row.prompt_id == TIP_WAKEUP && !config.config.prompts.contains_key(TIP_WAKEUP) {
            return self.tips(row, &thread).await;
        }
        let own = config.config.prompts.contains_key(&row.prompt_id);
        let mut view = BriefView {
            title: config.config.title(&row.prompt_id).to_owned(),
            since,
            lines: facts.news.clone(),
            note: None,
            prompt: None,
            no_model: None,
            own,
            budget: None,
            occurrence: wakeman_types::Entity::entity_id(row),
        };
        let mut turn = None;
        let reason = if facts.news.is_empty() {
            "nothing changed; no model was asked".to_owned()
        } else {
            match self.ask(row, &view, &thread).await {
                Ok(answer) => {
                    view.budget = answer.budget;
                    (view.note, view.prompt, turn) = (Some(answer.note), Some(answer.prompt), answer.turn);
                    "told".to_owned()
                }
                Err(error) => {
                    // The shipped briefs are complete without a model; a person's own question was not asked.
                    view.no_model = (own || error != WakeError::NoModel).then(|| error.to_string());
                    format!("told from the facts alone: {error}")
                }
            }
        };
        let ended = Occurrence { state: OccurrenceState::Ran, reason, turn_id: turn, ..row.clone() };
        self.say(&ended, &facts, view, &thread).await
    }

    async fn ask(&self, row: &Occurrence, view: &BriefView, thread: &ThreadId) -> Result<WakeAnswer, WakeError> {
        let briefer = self.briefer.as_deref().ok_or(WakeError::NoModel)?;
        let zone = zone_for(&self.core, Matter { severity: Severity::Info, kind: RouteKind::Brief });
        let context = RenderContext::new(self.core.now(), zone);
        let facts = plain(&wakeman_present::doc(&View::Brief(Box::new(view.clone())), &context));
        let all = last_read(&self.core);
        let prompt = match all.config.prompts.get(&row.prompt_id) {
            Some(own) => WakePrompt::Own(&own.prompt),
            None => WakePrompt::Shipped(&row.prompt_id),
        };
        let answer = briefer
            .brief(WakeAsk {
                occurrence: row,
                title: &view.title,
                prompt,
                since: view.since,
                facts: &facts,
                thread,
                zone,
            })
            .await?;
        if answer.note.trim().is_empty() {
            return Err(WakeError::Failed("the model gave an empty answer".to_owned()));
        }
        Ok(answer)
    }

    /// Ends a slot with what it says: row, message and what was told are one commit.
    async fn say(
        &self,
        ended: &Occurrence,
        facts: &Facts,
        view: BriefView,
        thread: &ThreadId,
    ) -> Result<(), SettleError> {
        let core = &*self.core;
        settle!(core, "the wakeup's thread", async {
            let Some((mut commit, mut row)) = self.ending(ended).await? else {
                return Ok::<_, SettleError>(Wanted::Nothing(()));
            };
            let mut writer = match ThreadWriter::load(core, thread).await? {
                Some(writer) => writer,
                None => ThreadWriter::create(core, Channel::System, view.title.clone()),
            };
            row.thread_id = Some(writer.id().clone());
            if let Some(mut state) = core.store.get::<WakeupState>(&ended.wakeup_id).await? {
                state.value.thread = Some(writer.id().clone());
                state.value.said_at = Some(core.now());
                state.value.told = facts.stand.clone();
                commit = commit.replace(&state.value, state.version);
            }
            let post = Post {
                class: DeliveryClass::Note,
                severity: Severity::Info,
                finding: None,
                view: View::Brief(Box::new(view.clone())),
                quiet: false,
            };
            writer.say(core, post);
            commit = writer.finish(commit.put(&row));
            Ok(Wanted::Commit(Box::new(commit), ()))
        })
    }

    /// Ends a slot that says nothing.
    pub(super) async fn end(&self, row: &Occurrence, state: OccurrenceState, reason: &str) -> Result<(), SettleError> {
        let core = &*self.core;
        let ended = Occurrence { state, reason: reason.to_owned(), ..row.clone() };
        settle!(core, "the wakeup", async {
            Ok::<_, SettleError>(match self.ending(&ended).await? {
                Some((commit, row)) => Wanted::Commit(Box::new(commit.put(&row)), ()),
                None => Wanted::Nothing(()),
            })
        })
    }

    /// The commit that ends a slot, while it is still running; a slot ends once.
    pub(super) async fn ending(&self, ended: &Occurrence) -> Result<Option<(Commit, Occurrence)>, StoreError> {
        let id = wakeman_types::Entity::entity_id(ended);
        let Some(found) = self.core.store.get::<Occurrence>(&id).await? else { return Ok(None) };
        if found.value.state != OccurrenceState::Running {
            return Ok(None);
        }
        let (now, version): (Timestamp, Version) = (self.core.now(), found.version);
        let row = Occurrence { at: now, ..ended.clone() };
        let payload = json!({"due_at": row.due_at, "reason": row.reason, "attempts": row.attempts});
        let event = self.event(&format!("wakeup.{}", row.state.name()), &row.wakeup_id, payload);
        let commit = Commit::durable(now).expect(&wakeman_store::EntityRef::of(&row), version).event(event);
        Ok(Some((commit, row)))
    }

    pub(super) fn event(&self, kind: &str, subject: &str, payload: serde_json::Value) -> wakeman_store::JournalEvent {
        self.core.event(kind, Principal::system(), subject, payload)
    }

    /// When the next pass has something to do, at the latest in `most_ms`: the clock may be put forward meanwhile.
    pub fn wait_until(&self, most_ms: i64) -> Timestamp {
        let latest = self.core.now().plus_ms(most_ms);
        self.next().map_or(latest, |next| next.min(latest))
    }
}

fn failed(entry: &Entry<'_>, error: &SettleError) {
    tracing::error!(%error, wakeup = entry.id, "wake.pass");
}

/// Why a wakeup with this condition has nothing to say; `None`: it speaks.
fn unmet(only: Only, facts: &Facts) -> Option<&'static str> {
    let (changed, open) = (!facts.news.is_empty(), facts.is_something_open());
    match only {
        Only::Changed if !changed => Some("nothing changed"),
        Only::Open if !open => Some("nothing is open"),
        Only::OpenOrChanged if !open && !changed => Some("nothing is open and nothing changed"),
        _ => None,
    }
}
