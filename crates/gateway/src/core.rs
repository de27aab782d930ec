//! What every part of the brain shares: the store, the settings, the clock, ids.

use std::{path::PathBuf, sync::Arc};

use serde_json::Value;
use wakeman_store::{JournalEvent, Store, StoreError};
use wakeman_types::{
    Channel, DecisionId, DeliveryId, ExecutionMode, Identity, MessageId, OperatorId, Principal, Role, SafeMode,
    ThreadId, Timestamp, TurnId,
};

use crate::{
    brain::prompts::{Prompt, PromptError, PromptRegistry},
    calendar::Calendars,
    config::{ApprovalRule, Settings, ToolsConfig, WakeupConfig},
    deliver::{scrub, without_credentials},
    guard::Guard,
    health::HealthBoard,
    modes::Overlay,
    pairing,
    ports::{
        CalendarReader, Clock, CodeReader, DeployHands, DeployReader, FlagHands, Model, ProductHands, ProductReader,
        Random, RepoHands, WebhookHands, WriteGate,
    },
    surfaces::Surfaces,
};

/// The hands that are configured. A missing one makes its actions unavailable, with the reason.
#[derive(Clone, Default)]
pub struct Hands {
    /// Holds back what they have not sent yet, while nothing may be changed.
    pub gate: WriteGate,
    /// Acts on the repository.
    pub repo: Option<Arc<dyn RepoHands>>,
    /// Acts on feature flags.
    pub flags: Option<Arc<dyn FlagHands>>,
    /// Acts on annotations and errors.
    pub product: Option<Arc<dyn ProductHands>>,
    /// Acts on deployments.
    pub deploys: Option<Arc<dyn DeployHands>>,
    /// Posts to configured targets.
    pub webhooks: Option<Arc<dyn WebhookHands>>,
}

/// What a conversation may ask. A missing one takes its tools away.
#[derive(Clone, Default)]
pub struct Readers {
    /// Product analytics.
    pub product: Option<Arc<dyn ProductReader>>,
    /// The code host.
    pub code: Option<Arc<dyn CodeReader>>,
    /// The deploy host.
    pub deploys: Option<Arc<dyn DeployReader>>,
    /// The calendars that settings name.
    pub calendars: Option<Arc<dyn CalendarReader>>,
}

/// Shared by the watch, the executor and the desk. Cheap to clone behind an `Arc`; owns no task and no lock held across an await.
pub struct Core {
    /// The instance's name; part of every digest.
    pub instance: String,
    /// All lasting state.
    pub store: Store,
    /// People's input, as parsed at the start.
    pub settings: Settings,
    /// Which tools and actions are switched on.
    pub tools: ToolsConfig,
    /// What is told at which hours.
    pub wakeups: WakeupConfig,
    /// What a model is told.
    pub prompts: PromptRegistry,
    /// The prompt version that holds where settings name none (`DEFAULT_PROMPT_VERSION`).
    pub default_prompt_version: Option<String>,
    /// What was odd about the configuration, for `status`.
    pub warnings: Vec<String>,
    /// Why the store is only read; `None`: the database is sound.
    pub safe_mode: Option<SafeMode>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The hands.
    pub hands: Hands,
    /// What a conversation may ask.
    pub readers: Readers,
    /// The instance's `workspace/`, the only folder the model may write in; `None`: there is none.
    pub workspace: Option<PathBuf>,
    /// The model host; `None`: none is configured, and everything but free text works without.
    pub model: Option<Arc<dyn Model>>,
    /// How every source and component is doing.
    pub health: HealthBoard,
    /// The channels a frontend of this process or a separate one serves; nothing is owed to any other.
    pub served: Vec<Channel>,
    /// The account the daemon runs under, as an operator: `cli:1000`. Shown where no approver is listed.
    pub local_operator: OperatorId,
    /// The mode that was set at run time, as last read.
    pub overlay: Overlay,
    /// Knows the instance's own credentials, so that none leaves.
    pub guard: Guard,
    /// Rings when there is something to execute.
    pub work: tokio::sync::Notify,
    /// Rings when somebody wants a wakeup now.
    pub alarm: tokio::sync::Notify,
    /// What the chat surfaces share.
    pub surfaces: Surfaces,
    /// When operators are away or busy.
    pub calendars: Calendars,
}

impl Core {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `text` without credentials: for what people say that is kept in rows and journal.
    pub(crate) fn clean(&self, text: &str) -> String {
        without_credentials(&self.guard, text).unwrap_or_else(|| text.to_owned())
    }

    /// A journal event with a fresh salt, without credentials: the journal is kept for long and told to whoever audits.
    pub fn event(&self, kind: &str, actor: impl ToString, subject: impl ToString, mut payload: Value) -> JournalEvent {
        scrub(&self.guard, &mut payload);
        JournalEvent {
            event_type: kind.to_owned(),
            actor: actor.to_string(),
            subject: subject.to_string(),
            payload,
            salt: self.random.bytes16(),
        }
    }

    /// The mode that holds: set at run time, else the settings'.
    pub fn mode(&self) -> ExecutionMode {
        self.overlay.get().unwrap_or(self.settings.runtime.execution_mode)
    }

    /// The zone of times in messages to everybody.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.settings.ui.timezone
    }

    /// Milliseconds between two looks at the sources.
    pub fn interval_ms(&self) -> i64 {
        i64::try_from(self.settings.monitor.interval_ms).unwrap_or(i64::MAX)
    }

    /// What is watched, in two words: the repository, else the pinned context, else the instance.
    pub fn watching(&self) -> String {
        let repository = self.settings.github.repository.as_ref().map(ToString::to_string);
        repository.or_else(|| self.settings.posthog.context.clone()).unwrap_or_else(|| self.instance.clone())
    }

    /// Who must approve an action of these classes: for each part the strictest of their rules.
    pub fn approval_rule<'a>(&self, classes: impl Iterator<Item = &'a str>) -> ApprovalRule {
        let rules = classes.map(|class| self.settings.approval_rule(class));
        let strictest = rules.reduce(ApprovalRule::and);
        strictest.unwrap_or_else(|| self.settings.approval_rule("default"))
    }

    /// Those who may decide under `rule`, by name. A terminal account that nobody lists is its own owner.
    pub fn approvers(&self, rule: &ApprovalRule) -> Vec<OperatorId> {
        let listed = self.settings.approvers(rule);
        if listed.is_empty() && rule.approvers.is_none() { vec![self.local_operator.clone()] } else { listed }
    }

    /// Who may set the mode and resume: the owners the settings name; without any, whoever is at the machine.
    pub fn owners(&self) -> Vec<OperatorId> {
        let owners = self.settings.operators.iter().filter(|operator| operator.role == Role::Owner);
        let named: Vec<OperatorId> = owners.map(|operator| operator.id.clone()).collect();
        if named.is_empty() { vec![self.local_operator.clone()] } else { named }
    }

    /// Who `principal` is: by the settings, else by a pairing that holds. `None`: nobody.
    ///
    /// # Errors
    /// [`StoreError`] if the pairings could not be read; then nobody is let in.
    pub async fn identify(&self, principal: &Principal) -> Result<Option<Identity>, StoreError> {
        match self.settings.identity(principal) {
            Some(identity) => Ok(Some(identity)),
            None => pairing::identity(self, principal).await,
        }
    }

    /// The prompt `id` in the version to use now.
    ///
    /// # Errors
    /// [`PromptError`] when there is no such prompt, or not the version that was asked for.
    pub fn prompt(&self, id: &str, requested: Option<&str>) -> Result<&Prompt, PromptError> {
        let default = self.default_prompt_version.as_deref();
        self.prompts.select(id, requested, &self.settings.ai, default, self.random.number())
    }

    /// A part of the process ended with an error: its component says so, and of a channel people are told on another one.
    pub fn part_ended(&self, name: &str, why: String) {
        if let Some(channel) = Channel::ALL.into_iter().find(|channel| channel.name() == name) {
            self.surfaces.ended(channel, why.clone(), self.now());
            self.surfaces.arrived.notify_one();
        }
        self.health.failed(name, why);
    }

    fn hex(&self, bytes: usize) -> String {
        hex::encode(&self.random.bytes16()[..bytes])
    }

    /// A new thread id.
    pub fn thread_id(&self) -> ThreadId {
        ThreadId::new(format!("thread_{}", self.hex(6)))
    }

    /// A new message id.
    pub fn message_id(&self) -> MessageId {
        MessageId::new(format!("msg_{}", self.hex(8)))
    }

    /// A new turn id.
    pub fn turn_id(&self) -> TurnId {
        TurnId::new(format!("turn_{}", self.hex(8)))
    }

    /// A new delivery id.
    pub fn delivery_id(&self) -> DeliveryId {
        DeliveryId::new(format!("dlv_{}", self.hex(8)))
    }

    /// A new id in the interruption log.
    pub fn decision_id(&self) -> DecisionId {
        DecisionId::new(format!("choice_{}", self.hex(8)))
    }
}
