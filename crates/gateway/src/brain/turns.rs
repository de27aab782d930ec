//! From a message to its one terminal outcome.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{
    FutureExt,
    future::{AbortHandle, AbortRegistration, Abortable},
};
use serde_json::{Value, json};
use wakeman_store::{Commit, ListQuery, StoreError, Versioned};
use wakeman_types::{
    AskRequest, ErrorKind, GatewayError, Identity, MessageId, MessageRole, ThreadId, Turn, TurnAnswer, TurnEvent,
    TurnId, TurnState, Usage,
};

use super::{Brain, Listener, Teller, answer::broken, memory::ThreadMemory, meter::Meter};
use crate::{
    core::Core,
    deliver::{ThreadWriter, without_credentials},
    desk::{settle_error, storage_error},
    settle::{SettleError, Wanted, settle},
};

/// Longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// Messages of one thread that wait for an answer, the one being answered included.
const WAITING_MAX: usize = 8;
/// How often an end that could not be stored is tried again.
const LAND_TRIES: u32 = 60;
/// The pause before each try.
const LAND_MS: i64 = 1_000;
/// Tokens that a call is taken to have read whose process died.
const CUT_OFF_TOKENS: u64 = 8_000;
/// Characters of a thread's title.
const TITLE_CHARS: usize = 60;

/// The one place of a thread: its turns run one after the other.
#[derive(Default)]
pub(super) struct Seat {
    taken: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    running: Mutex<Vec<(TurnId, AbortHandle)>>,
}

/// A message's place at a thread's seat. Given back when it is dropped, however its turn came to its end.
struct Place {
    brain: Arc<Brain>,
    thread: ThreadId,
    seat: Arc<Seat>,
    turn: Option<TurnId>,
}

impl Place {
    /// From now on `turn` can be stopped.
    fn begin(&mut self, turn: &TurnId) -> AbortRegistration {
        let (abort, stopped) = AbortHandle::new_pair();
        self.seat.running.lock().unwrap_or_else(PoisonError::into_inner).push((turn.clone(), abort));
        self.turn = Some(turn.clone());
        stopped
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.brain.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = &self.turn {
            self.seat.running.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| id != turn);
        }
        if self.seat.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            busy.remove(&self.thread);
        }
    }
}

/// How a turn's work ended.
pub(super) struct Ending {
    pub state: TurnState,
    pub failure: Option<ErrorKind>,
    pub text: String,
    pub reason: Option<String>,
    pub prompt_version: Option<String>,
}

/// An end that is told and not stored.
struct Owed {
    ended: Turn,
    said: String,
}

/// A message that was taken on.
enum Taken {
    New(Turn),
    /// The same key was sent before.
    Known(Turn),
}

impl Brain {
    /// Stores a person's message and begins to answer it. What happens is told to the listener, whose last event is `done`; the
    /// turn goes on to its end also when nobody listens any more.
    ///
    /// # Errors
    /// [`GatewayError`] when the message was not accepted; nothing was stored then.
    pub async fn ask(self: &Arc<Self>, by: &Identity, request: AskRequest) -> Result<Listener, GatewayError> {
        check(&request)?;
        let (brain, by) = (Arc::clone(self), by.clone());
        // By itself: whoever asked may hang up at any moment, and what was accepted must come to its end.
        let begun = tokio::spawn(async move { brain.begin(by, request).await }).await;
        begun.unwrap_or_else(|error| {
            tracing::error!(%error, "turn.not_begun");
            Err(GatewayError::new(ErrorKind::Unavailable, "the question could not be taken on; the log says why"))
        })
    }

    async fn begin(self: Arc<Self>, by: Identity, request: AskRequest) -> Result<Listener, GatewayError> {
        if let Some(version) = &request.prompt_version {
            let found = self.core.prompts.select("chat", Some(version), &self.core.settings.ai, None, 0);
            found.map_err(|error| invalid(format!("`prompt_version`: {error}")))?;
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            GatewayError::new(ErrorKind::Unavailable, "too many messages are being answered; try again in a minute")
        })?;
        let place = request.thread_id.as_ref().map(|thread| self.sit(thread)).transpose()?;
        let turn = match self.accept(&by, &request).await? {
            Taken::New(turn) => turn,
            Taken::Known(turn) => return self.retell(turn).await,
        };
        let mut place = match place {
            Some(place) => place,
            None => self.sit(&turn.thread_id)?,
        };
        let teller = Teller::default();
        let listener = teller.listener();
        teller.tell(TurnEvent::Accepted { thread_id: turn.thread_id.clone(), turn_id: turn.id.clone() });
        let stopped = place.begin(&turn.id);
        let brain = self;
        tokio::spawn(async move {
            let meter = Meter::default();
            // Held until the end is stored: the next turn of the thread reads this one's answer.
            let mut taken = None;
            let work = async {
                taken = Some(place.seat.taken.lock().await);
                brain.answer(&by, &turn, &request, &teller, &meter).await
            };
            // A tool or an adapter that panics ends its turn like anything else that fails.
            let ending = match Abortable::new(AssertUnwindSafe(work).catch_unwind(), stopped).await {
                Ok(Ok(ending)) => ending,
                Ok(Err(_)) => broken(&meter),
                Err(_) => brain.stopped(&meter),
            };
            let (answer, owed) = brain.end(turn, ending, &meter).await;
            if let Some(owed) = owed {
                // Whoever asked is told now; who asks next here waits until it stands in the thread.
                teller.done(answer.clone());
                brain.end_late(owed).await;
            }
            drop(taken);
            drop(place);
            drop(slot);
            teller.done(answer);
        });
        Ok(listener)
    }

    /// Stops what is being answered in a thread, and what waits there. Returns how many turns that were.
    pub fn stop(&self, thread: &ThreadId) -> usize {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seat) = busy.get(thread) else { return 0 };
        let running = seat.running.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, abort) in running.iter() {
            abort.abort();
        }
        running.len()
    }

    pub(super) fn stop_all(&self) {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        for seat in busy.values() {
            for (_, abort) in seat.running.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                abort.abort();
            }
        }
    }

    fn sit(self: &Arc<Self>, thread: &ThreadId) -> Result<Place, GatewayError> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = Arc::clone(busy.entry(thread.clone()).or_default());
        if seat.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING_MAX {
            seat.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(GatewayError::new(
                ErrorKind::Refused,
                format!("{WAITING_MAX} messages wait for an answer in this thread; wait for one, or stop them"),
            ));
        }
        Ok(Place { brain: Arc::clone(self), thread: thread.clone(), seat, turn: None })
    }

    fn stopped(&self, meter: &Meter) -> Ending {
        let (state, reason) = if self.is_closing() {
            (TurnState::Interrupted, "Wakeman was stopped before the answer was there")
        } else {
            (TurnState::Stopped, "stopped by a person")
        };
        let counted = meter.read();
        let text = match (counted.words.trim(), state) {
            ("", TurnState::Interrupted) => {
                "Interrupted: Wakeman was stopped before this was answered. Ask again.".to_owned()
            }
            ("", _) => "Stopped.".to_owned(),
            (words, _) => format!("{words}\n\n(Stopped here.)"),
        };
        Ending { state, failure: None, text, reason: Some(reason.to_owned()), prompt_version: counted.prompt }
    }

    /// Stores the message and its turn, durably, in one commit.
    async fn accept(&self, by: &Identity, request: &AskRequest) -> Result<Taken, GatewayError> {
        let core = &self.core;
        let channel = by.principal.channel();
        let accepted: Result<Option<Taken>, SettleError> = settle!(core, "the thread", async {
            if let Some(known) = self.known(by, request).await? {
                return Ok(Wanted::Nothing(Some(Taken::Known(known))));
            }
            let mut writer = match &request.thread_id {
                Some(id) => match ThreadWriter::load(core, id).await? {
                    Some(writer) => writer,
                    None => return Ok(Wanted::Nothing(None)),
                },
                None => ThreadWriter::create(core, channel, title(core, &request.message)),
            };
            let question = writer.write(core, MessageRole::User, channel, request.message.clone(), None);
            let turn = Turn {
                id: core.turn_id(),
                thread_id: writer.id().clone(),
                question,
                asked_by: by.principal.clone(),
                operator: by.operator.clone(),
                key: request.key.clone(),
                state: TurnState::Accepted,
                reason: None,
                answer: None,
                prompt_version: None,
                usage: Usage::default(),
                actions: Vec::new(),
                citations: Vec::new(),
                accepted_at: core.now(),
                ended_at: None,
            };
            let event = core.event("turn.accepted", &by.principal, &turn.id, json!({"thread": turn.thread_id}));
            let commit = writer.finish(Commit::durable(core.now())).insert(&turn).event(event);
            Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Some(Taken::New(turn))))
        });
        accepted.map_err(|error| settle_error(&error))?.ok_or_else(|| {
            let named = request.thread_id.as_ref().map(ToString::to_string).unwrap_or_default();
            GatewayError::new(ErrorKind::NotFound, format!("there is no thread {named}; `threads` lists them"))
        })
    }

    async fn known(&self, by: &Identity, request: &AskRequest) -> Result<Option<Turn>, StoreError> {
        let Some(key) = &request.key else { return Ok(None) };
        let key = Turn::key_of(&by.principal, key);
        Ok(self.core.store.get_by_key::<Turn>(&key).await?.map(|found| found.value))
    }

    /// A message that was sent before: its end as it stands.
    async fn retell(&self, turn: Turn) -> Result<Listener, GatewayError> {
        if !turn.state.is_terminal() {
            return Err(GatewayError::new(ErrorKind::AlreadyDecided, "this message is being answered already"));
        }
        let text = match &turn.answer {
            Some(id) => {
                let row = format!("{}/{id}", turn.thread_id);
                let found = self.core.store.get::<wakeman_types::Message>(&row).await.map_err(|e| storage_error(&e))?;
                found.map(|message| message.value.content).unwrap_or_default()
            }
            None => String::new(),
        };
        let teller = Teller::default();
        let listener = teller.listener();
        teller.tell(TurnEvent::Accepted { thread_id: turn.thread_id.clone(), turn_id: turn.id.clone() });
        let failure = (turn.state == TurnState::Failed).then_some(ErrorKind::Unavailable);
        teller.done(told(turn, text, failure));
        Ok(listener)
    }

    /// The terminal commit: the answer in the thread and the turn's end, both or neither, and once only. What could not be stored is
    /// given back.
    async fn end(&self, turn: Turn, ending: Ending, meter: &Meter) -> (TurnAnswer, Option<Owed>) {
        let counted = meter.read();
        let mut ended = turn;
        ended.state = ending.state;
        ended.reason = ending.reason;
        ended.prompt_version = ending.prompt_version;
        ended.usage = counted.usage;
        ended.actions = counted.actions;
        ended.citations = counted.citations;
        // What is told is what is stored: without credentials.
        let said = without_credentials(&self.core.guard, &ending.text).unwrap_or(ending.text);
        match self.land(&ended, &said).await {
            Ok(turn) => (told(turn, said, ending.failure), None),
            Err(error) => {
                tracing::error!(%error, turn.id = %ended.id, "turn.end_not_stored");
                let shown = Turn { state: TurnState::Failed, ..ended.clone() };
                let text = format!("{said}\n\nThis answer could not be stored: {error}");
                let answer = told(shown, text.trim_start().to_owned(), Some(ErrorKind::Storage));
                (answer, Some(Owed { ended, said }))
            }
        }
    }

    /// Tries again to store an end, once more when the process is about to end. A turn that is left open even so is ended by the
    /// next start.
    async fn end_late(&self, Owed { ended, said }: Owed) {
        let (core, mut closing) = (&self.core, self.closing.subscribe());
        for _ in 0..LAND_TRIES {
            let last = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => true,
                () = core.clock.sleep_until(core.now().plus_ms(LAND_MS)) => false,
            };
            match self.land(&ended, &said).await {
                Ok(_) => return tracing::info!(turn.id = %ended.id, "turn.end_stored_late"),
                Err(error) if last => return tracing::error!(%error, turn.id = %ended.id, "turn.left_open"),
                Err(error) => tracing::warn!(%error, turn.id = %ended.id, "turn.end_not_stored"),
            }
        }
        tracing::error!(turn.id = %ended.id, "turn.left_open");
    }

    async fn land(&self, ended: &Turn, text: &str) -> Result<Turn, SettleError> {
        let core = &self.core;
        settle!(core, "the turn", async {
            let stored = core.store.get::<Turn>(ended.id.as_str()).await?;
            let Some(stored) = stored.filter(|stored| !stored.value.state.is_terminal()) else {
                return Ok(Wanted::Nothing(ended.clone()));
            };
            let Some(mut writer) = ThreadWriter::load(core, &ended.thread_id).await? else {
                return Ok(Wanted::Nothing(ended.clone()));
            };
            let version = ended.prompt_version.clone();
            let channel = ended.asked_by.channel();
            let mut turn = ended.clone();
            turn.answer = Some(writer.write(core, MessageRole::Agent, channel, text.to_owned(), version));
            turn.ended_at = Some(core.now());
            let mut commit = writer.finish(Commit::durable(core.now())).replace(&turn, stored.version);
            if let Some(memory) = self.memorise(&turn, text).await? {
                commit = commit.put(&memory);
            }
            let event = core.event("turn.ended", "wakeman", &turn.id, end_payload(&turn));
            Ok::<_, SettleError>(Wanted::Commit(Box::new(commit.event(event)), turn))
        })
    }

    /// The thread's memory with this turn in it, if that changes it.
    async fn memorise(&self, turn: &Turn, text: &str) -> Result<Option<ThreadMemory>, StoreError> {
        let store = &self.core.store;
        let known = store.get::<ThreadMemory>(turn.thread_id.as_str()).await?.map(|found| found.value);
        let mut memory = known.unwrap_or_else(|| ThreadMemory::of(&turn.thread_id));
        let row = format!("{}/{}", turn.thread_id, turn.question);
        let question = store.get::<wakeman_types::Message>(&row).await?.map(|found| found.value.content);
        let asked = question.is_some_and(|question| memory.take(&turn.operator.to_string(), &question));
        // The footer repeats what the tools read; the memory is for what was said.
        let said = text.split("\n\nRests on:").next().unwrap_or(text);
        Ok((memory.take("wakeman", said) | asked).then_some(memory))
    }

    /// Ends a turn that an earlier process left open.
    pub(super) async fn interrupt(&self, turn: Versioned<Turn>) -> Result<(), StoreError> {
        let mut ended = turn.value;
        ended.state = TurnState::Interrupted;
        ended.reason = Some("Wakeman was restarted before the answer was there".to_owned());
        // What it spent went with the process. One call is put down for it, so that a crash gives no money back.
        if self.core.model.is_some() {
            ended.usage.cost_usd = self.ledger.estimate(CUT_OFF_TOKENS + u64::from(self.limits.answer_tokens_max));
        }
        let text = "Interrupted: Wakeman was restarted before this was answered. Ask again.";
        match self.land(&ended, text).await {
            Ok(_) => Ok(()),
            Err(SettleError::Store(error)) => Err(error),
            Err(SettleError::Contended { .. }) => {
                tracing::warn!(turn.id = %ended.id, "turn.interrupt_contended");
                Ok(())
            }
        }
    }

    /// The newest messages of a thread before `turn`'s question, newest first. Where several questions were sent at once, the answers
    /// that were stored since are among them, each behind its own question; questions that still wait are not.
    pub(super) async fn window(&self, turn: &Turn, most: usize) -> Result<Vec<wakeman_types::Message>, StoreError> {
        let store = &self.core.store;
        let query = ListQuery::newest(most + 1 + 2 * WAITING_MAX).parent(turn.thread_id.as_str());
        let page = store.list::<wakeman_types::Message>(&query).await?;
        let mut all: Vec<wakeman_types::Message> = page.items.into_iter().map(|found| found.value).collect();
        let asked = all.iter().position(|message| message.message_id == turn.question).unwrap_or(all.len());
        let mut place = 0;
        all.retain(|message| {
            place += 1;
            // `place - 1` is its own; whatever people wrote later is asked after this.
            place - 1 > asked || (place - 1 < asked && message.role != MessageRole::User)
        });
        let beside = |two: &[wakeman_types::Message]| two.iter().all(|message| message.role == MessageRole::User);
        if asked > 0 || all.windows(2).any(beside) {
            let query = ListQuery::newest(most).parent(turn.thread_id.as_str());
            let turns = store.list::<Turn>(&query).await?.items.into_iter().map(|found| found.value);
            all = in_turn(all, &turns.filter_map(|turn| Some((turn.answer?, turn.question))).collect());
        }
        all.truncate(most);
        Ok(all)
    }
}

/// Newest first, as they came; but an answer stands right behind its question. `asked`: the question of each answer.
fn in_turn(all: Vec<wakeman_types::Message>, asked: &HashMap<MessageId, MessageId>) -> Vec<wakeman_types::Message> {
    let here: HashSet<MessageId> = all.iter().map(|message| message.message_id.clone()).collect();
    let of = |message: &wakeman_types::Message| asked.get(&message.message_id).filter(|id| here.contains(*id)).cloned();
    let (answers, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|message| of(message).is_some());
    let mut answers: HashMap<MessageId, wakeman_types::Message> =
        answers.into_iter().filter_map(|answer| Some((of(&answer)?, answer))).collect();
    let mut ordered = Vec::new();
    for message in others {
        ordered.extend(answers.remove(&message.message_id));
        ordered.push(message);
    }
    ordered
}

fn check(request: &AskRequest) -> Result<(), GatewayError> {
    if request.message.trim().is_empty() {
        return Err(invalid("`message`: is empty; write what you want to know".to_owned()));
    }
    if request.message.len() > MESSAGE_BYTES_MAX {
        let long = request.message.len();
        return Err(invalid(format!("`message`: is {long} bytes long; the most is {MESSAGE_BYTES_MAX}")));
    }
    match &request.key {
        Some(key) if key.is_empty() || key.len() > 200 => {
            Err(invalid("`key`: must have 1 to 200 characters".to_owned()))
        }
        _ => Ok(()),
    }
}

fn invalid(message: String) -> GatewayError {
    GatewayError::new(ErrorKind::Invalid, message)
}

fn title(core: &Core, message: &str) -> String {
    let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let clean = without_credentials(&core.guard, first);
    wakeman_present::sanitize(clean.as_deref().unwrap_or(first), TITLE_CHARS)
}

fn told(turn: Turn, response: String, failure: Option<ErrorKind>) -> TurnAnswer {
    TurnAnswer {
        thread_id: turn.thread_id,
        turn_id: turn.id,
        state: turn.state,
        response,
        failure,
        actions: turn.actions,
        citations: turn.citations,
        prompt_version: turn.prompt_version,
        usage: turn.usage,
    }
}

fn end_payload(turn: &Turn) -> Value {
    json!({
        "thread": turn.thread_id, "state": turn.state, "reason": turn.reason, "prompt_version": turn.prompt_version,
        "usage": turn.usage, "actions": turn.actions,
    })
}
