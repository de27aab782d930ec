//! One task a chat: what is owed there in its order, and one message that grows, out of one budget.

mod growing;
mod send;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use teloxide_core::payloads::{GetMe, SendChatAction};
use teloxide_core::types::ChatAction;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use wakeman_present::telegram::TelegramText;
use wakeman_types::{ClaimedDelivery, Stuck, Timestamp};

use self::growing::Growing;
use crate::Context;
use crate::budget::Budget;
use crate::chat::Address;
use crate::live::Presses;
use crate::start::pause_ms;

type Sender = mpsc::UnboundedSender<Job>;

/// A chat in which nothing happens is let go after this, in milliseconds.
const IDLE_MS: i64 = 600_000;
/// Typing is shown by Telegram for five seconds.
const TYPING_MS: i64 = 4_000;
/// How long an end waits for what is being sent, in milliseconds.
const FINISH_MS: i64 = 2_500;

/// Something to do in a chat.
pub(crate) enum Job {
    /// Send or edit what is owed; ours until `until`.
    Deliver {
        /// What.
        claimed: Box<ClaimedDelivery>,
        /// The end of the lease.
        until: Timestamp,
    },
    /// Show more of a text.
    Live {
        /// Which message.
        key: String,
        /// What it answers.
        reply_to: Option<String>,
        /// All of it so far.
        text: String,
    },
    /// Show that somebody is at work.
    Typing,
}

/// The chats that something happens in.
pub(crate) struct Chats {
    context: Arc<Context>,
    senders: Mutex<HashMap<String, Sender>>,
    tasks: Mutex<JoinSet<()>>,
    shared: Arc<Shared>,
}

/// What all chats share.
pub(crate) struct Shared {
    all: Mutex<Budget>,
    /// By chat, whatever the topic.
    budgets: Mutex<HashMap<i64, Arc<Mutex<Budget>>>>,
    presses: Arc<Presses>,
    stuck: Mutex<Stuck>,
    claimed: AtomicU32,
    room: Notify,
    /// Nothing is claimed before this instant: Telegram cannot be reached.
    ill_until: AtomicI64,
    failures: AtomicU32,
    stopping: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chats {
    pub(crate) fn new(context: &Arc<Context>) -> Arc<Self> {
        let shared = Arc::new(Shared {
            all: Mutex::new(Budget::all(context.clock.now().ms())),
            budgets: Mutex::default(),
            presses: Arc::default(),
            stuck: Mutex::default(),
            claimed: AtomicU32::new(0),
            room: Notify::new(),
            ill_until: AtomicI64::new(0),
            failures: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
        });
        Arc::new(Self { context: Arc::clone(context), senders: Mutex::default(), tasks: Mutex::default(), shared })
    }

    /// The presses that wait for an answer.
    pub(crate) fn presses(&self) -> Arc<Presses> {
        Arc::clone(&self.shared.presses)
    }

    /// Hands a job to its chat, which comes to be if it is not there.
    pub(crate) fn send(&self, chat: &str, job: Job) {
        if matches!(job, Job::Deliver { .. }) {
            self.shared.claimed.fetch_add(1, Ordering::SeqCst);
        }
        let mut senders = locked(&self.senders);
        let sender = match senders.get(chat) {
            Some(sender) => sender.clone(),
            None => self.begin(&mut senders, chat),
        };
        // A chat that was let go at this moment takes nothing more; another takes its place.
        if let Err(mpsc::error::SendError(job)) = sender.send(job) {
            drop(self.begin(&mut senders, chat).send(job));
        }
    }

    fn begin(&self, senders: &mut HashMap<String, Sender>, chat: &str) -> Sender {
        let (sender, jobs) = mpsc::unbounded_channel();
        senders.retain(|_, sender| !sender.is_closed());
        senders.insert(chat.to_owned(), sender.clone());
        let mut tasks = locked(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(Worker::new(&self.context, &self.shared, chat, jobs).run());
        sender
    }

    /// How many more messages may be claimed; waits until there are some.
    pub(crate) async fn room(&self, max: u32) -> u32 {
        loop {
            let freed = self.shared.room.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match max.saturating_sub(self.shared.claimed.load(Ordering::SeqCst)) {
                0 => freed.await,
                room => return room,
            }
        }
    }

    /// Waits while Telegram is not well: a claim would only use up tries.
    pub(crate) async fn well(&self) {
        while self.shared.failures.load(Ordering::SeqCst) > 0 {
            let wait = self.shared.ill_until.load(Ordering::SeqCst) - self.context.clock.now().ms();
            self.context.clock.sleep(wait).await;
            match self.context.api.call(&GetMe::new()).await {
                Ok(_) => self.shared.well(),
                Err(_) => self.shared.ill(self.context.clock.now()),
            }
        }
    }

    /// Ends every chat: what is being sent is finished, what was not begun is given back.
    pub(crate) async fn finish(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        locked(&self.senders).clear();
        let mut tasks = std::mem::take(&mut *locked(&self.tasks));
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = self.context.clock.sleep(FINISH_MS) => {}
        }
    }
}

impl Shared {
    /// The budget of a chat; those that nobody uses any more and that are full again are let go.
    fn budget(&self, id: i64, now_ms: i64) -> Arc<Mutex<Budget>> {
        let mut budgets = locked(&self.budgets);
        budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || locked(budget).wait_ms(u32::MAX, now_ms) > 0);
        Arc::clone(budgets.entry(id).or_insert_with(|| Arc::new(Mutex::new(Budget::chat(id, now_ms)))))
    }

    /// A claimed message is settled, one way or the other.
    fn settled(&self) {
        self.claimed.fetch_sub(1, Ordering::SeqCst);
        self.room.notify_waiters();
    }

    /// Telegram cannot be reached: nothing is claimed for a while, longer each time.
    fn ill(&self, now: Timestamp) {
        let failures = self.failures.fetch_add(1, Ordering::SeqCst);
        self.ill_until.fetch_max(now.plus_ms(pause_ms(failures)).ms(), Ordering::SeqCst);
    }

    fn well(&self) {
        self.failures.store(0, Ordering::SeqCst);
    }
}

/// One chat.
struct Worker {
    context: Arc<Context>,
    shared: Arc<Shared>,
    name: String,
    /// `None`: no chat of Telegram's.
    address: Option<Address>,
    /// Shared by the topics of a chat: Telegram counts them together.
    budget: Arc<Mutex<Budget>>,
    jobs: mpsc::UnboundedReceiver<Job>,
    owed: VecDeque<(Box<ClaimedDelivery>, Timestamp)>,
    growing: Vec<Growing>,
    grown_at_ms: i64,
    typed_at_ms: i64,
    /// Long messages that were interrupted.
    progress: HashMap<String, Progress>,
    /// Which picture stands where, so that one that did not change is not sent again.
    pictures: HashMap<String, u64>,
}

/// How far a long message is.
#[derive(Debug, Clone)]
struct Progress {
    /// The parts that are out.
    references: Vec<String>,
    /// Where further parts stood before, to be edited.
    old: Vec<String>,
    /// All of them, as they were cut at first.
    parts: Vec<TelegramText>,
    /// The next one may be out as well.
    doubt: bool,
}

impl Worker {
    fn new(context: &Arc<Context>, shared: &Arc<Shared>, name: &str, jobs: mpsc::UnboundedReceiver<Job>) -> Self {
        let address = Address::parse(name);
        let id = address.map_or(0, |address| address.chat.0);
        Self {
            context: Arc::clone(context),
            shared: Arc::clone(shared),
            name: name.to_owned(),
            address,
            budget: shared.budget(id, context.clock.now().ms()),
            jobs,
            owed: VecDeque::new(),
            growing: Vec::new(),
            grown_at_ms: 0,
            typed_at_ms: 0,
            progress: HashMap::new(),
            pictures: HashMap::new(),
        }
    }

    /// What is owed comes before what grows.
    async fn run(mut self) {
        loop {
            while let Ok(job) = self.jobs.try_recv() {
                self.take(job);
            }
            if let Some((claimed, until)) = self.owed.pop_front() {
                self.deliver(*claimed, until).await;
                continue;
            }
            let wait = self.growth_in_ms();
            if wait == Some(0) {
                self.grow().await;
                continue;
            }
            let context = Arc::clone(&self.context);
            let job = tokio::select! {
                job = self.jobs.recv() => job,
                () = context.clock.sleep(wait.unwrap_or(IDLE_MS)) => {
                    if wait.is_some() {
                        continue;
                    }
                    // From here on nobody can hand over a job that would be lost.
                    self.jobs.close();
                    self.jobs.try_recv().ok()
                }
            };
            match job {
                Some(job) => self.take(job),
                None => return,
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Deliver { claimed, until } => self.owed.push_back((claimed, until)),
            Job::Live { key, reply_to, text } => self.show(key, reply_to, text),
            Job::Typing => self.typing(),
        }
    }

    /// Shows that somebody is at work. Worth no waiting: it says nothing.
    fn typing(&mut self) {
        let now = self.context.clock.now().ms();
        let Some(address) = self.address.filter(|_| now - self.typed_at_ms >= TYPING_MS) else { return };
        self.typed_at_ms = now;
        let mut request = SendChatAction::new(address.chat, ChatAction::Typing);
        request.message_thread_id = address.topic;
        let context = Arc::clone(&self.context);
        tokio::spawn(async move {
            if let Err(error) = context.api.call(&request).await {
                tracing::debug!(%error, "telegram.typing_not_shown");
            }
        });
    }
}
