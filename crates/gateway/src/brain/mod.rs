//! The brain: a message in, a bounded tool loop, one terminal answer out.
//!
//! Owns: turns and what they may cost, what the model is shown, the loop. Must not: execute an action, decide a proposal, show the
//! model a word from outside that is not marked as data.
//! Start at [`Brain::ask`] for a person's message, at [`tool_loop::Loop::run`] for how it is answered.
//!
//! What holds: a message that was accepted is stored before anything is done with it, and ends in exactly one terminal state;
//! the commit of the end expects the turn as it was accepted, so that it can land once only.

mod answer;
mod budget;
mod context;
mod limits;
mod marked;
mod memory;
mod meter;
mod note;
mod plainly;
pub mod prompts;
mod stream;
pub mod tool_loop;
mod turn_tools;
mod turns;
mod vectors;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{DAY_MS, Entity, ModelView, ThreadId, Turn};

pub use budget::{Account, Ledger, OverBudget};
pub use context::{Material, Width, assemble, tokens};
pub use limits::TurnLimits;
pub use memory::ThreadMemory;
pub use meter::{Counted, Meter};
pub(crate) use note::Explained;
pub use note::{Monologue, Said};
pub use stream::{Listener, Teller};

use crate::{core::Core, ports::ToolSpec, tools::Toolbox};

/// Said where a model would be asked and there is none.
pub(crate) const NO_MODEL: &str = "no model is configured; set LITELLM_URL and LITELLM_MASTER_KEY";

/// Answers messages. One for a process; its tasks hold it by `Arc`.
pub struct Brain {
    core: Arc<Core>,
    ledger: Arc<Ledger>,
    limits: TurnLimits,
    toolbox: Toolbox,
    /// What the model is told of the tools this instance has.
    specs: Vec<ToolSpec>,
    /// Turns under way, by thread.
    busy: Mutex<HashMap<ThreadId, Arc<turns::Seat>>>,
    /// How many may be under way together.
    slots: Arc<tokio::sync::Semaphore>,
    /// The process is ending.
    closing: tokio::sync::watch::Sender<bool>,
    /// A batch of tips is being made.
    pub(crate) ideas: AtomicBool,
}

/// Turns that may be under way, the waiting ones included.
const TURNS_MAX: u32 = 256;

impl Brain {
    /// A brain over this instance. Call [`Brain::recover`] before the first message.
    pub fn new(core: Arc<Core>) -> Arc<Self> {
        Self::with(core, TurnLimits::default(), Toolbox::default())
    }

    /// The same with other bounds and tools.
    pub fn with(core: Arc<Core>, limits: TurnLimits, toolbox: Toolbox) -> Arc<Self> {
        let specs = toolbox.specs(&core);
        let ledger = Arc::new(Ledger::new(core.settings.ai.daily_budget_usd, core.zone(), core.now()));
        let slots = Arc::new(tokio::sync::Semaphore::new(TURNS_MAX as usize));
        Arc::new(Self {
            core,
            ledger,
            limits,
            toolbox,
            specs,
            busy: Mutex::default(),
            slots,
            closing: tokio::sync::watch::Sender::new(false),
            ideas: AtomicBool::new(false),
        })
    }

    /// What models cost today; `None` without a model.
    pub fn model_view(&self) -> Option<ModelView> {
        self.core.model.as_ref().map(|_| self.ledger.view(self.core.now()))
    }

    /// Ends every turn under way, each with its terminal outcome, before the process does. Takes no more messages.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        self.stop_all();
        // Every turn holds a slot until its end is stored.
        let all = self.slots.acquire_many(TURNS_MAX).await;
        self.slots.close();
        drop(all);
    }

    /// What it thinks over.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Whether it is being closed.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Ends what an earlier process left without an end, and takes account of what was spent today. Returns how many turns it ended.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let mut ended = 0;
        loop {
            let open = self.core.store.list::<Turn>(&ListQuery::oldest(100).state("accepted")).await?;
            if open.items.is_empty() {
                break;
            }
            for turn in open.items {
                self.interrupt(turn).await?;
                ended += 1;
            }
        }
        self.remember_today().await?;
        Ok(ended)
    }

    async fn remember_today(&self) -> Result<(), StoreError> {
        let now = self.core.now();
        let begin = self.ledger.day_begin(now);
        // A turn that was accepted yesterday and ended today is counted for yesterday; a day is at most 25 hours.
        let turns = begin.ms().max(now.ms() - DAY_MS - DAY_MS / 12);
        self.each_since(turns, |turn: Turn| {
            self.ledger.remember(now, Account::Thread(turn.thread_id), &turn.usage);
        })
        .await?;
        self.each_since(begin.ms(), |spent: note::Spent| {
            self.ledger.remember(now, Account::Wakeup(spent.wakeup), &spent.usage);
        })
        .await
    }

    /// Every row since `from`, page by page: a busy day has more than one.
    async fn each_since<E: Entity>(&self, from: i64, mut take: impl FnMut(E)) -> Result<(), StoreError> {
        let mut query = ListQuery::newest(1_000).since(from);
        loop {
            let page = self.core.store.list::<E>(&query).await?;
            page.items.into_iter().for_each(|found| take(found.value));
            match page.next {
                Some(next) => query = query.after(Some(next)),
                None => return Ok(()),
            }
        }
    }
}
