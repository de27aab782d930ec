//! The instance under test.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use wakeman_gateway::{
    Core, Desk, Guard, Hands, HealthBoard, Readers,
    act::{self, DecideError, Executor},
    brain::prompts::PromptRegistry,
    config::{parse_settings, parse_tools, parse_wakeup},
    ports::{Clock, Model, SystemRandom},
    watch::Watch,
};
use wakeman_store::{LANE, ListQuery, Options, OutboxState, Store};
use wakeman_types::{
    Change, ChangeId, ChangeKind, ChangeRef, Channel, DecisionRequest, Entity, Finding, MINUTE_MS, Message, OperatorId,
    Principal, Proposal, ProposalId, ThreadId, Timestamp, Verdict,
};

use super::{FakeCode, FakeFlags, FakeOutside, FakeProduct, FakeRepo, StillClock, TestClock};

/// Monday 2026-04-20, 03:00 UTC.
pub const NOW: Timestamp = Timestamp(1_776_654_000_000);

/// The commit that merged #482.
pub const MERGE_SHA: &str = "9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// An owner with two accounts, two approvers, a viewer.
const SETTINGS: &str = r#"{
    "github": {"repository": "acme/app"},
    "posthog": {"events": ["signed_up", "checkout_done"]},
    "operators": [
        {"id": "ada", "role": "owner", "principals": ["telegram:1", "discord:1"]},
        {"id": "lin", "role": "approver", "principals": ["telegram:2"]},
        {"id": "bob", "role": "approver", "principals": ["telegram:4"]},
        {"id": "grace", "role": "viewer", "principals": ["telegram:3"]}
    ]
}"#;

pub struct World {
    dir: tempfile::TempDir,
    settings: Value,
    tools: String,
    wakeups: String,
    seed: u64,
    pub clock: Arc<TestClock>,
    pub core: Arc<Core>,
    pub desk: Desk,
    pub repo: Arc<FakeRepo>,
    pub flags: Arc<FakeFlags>,
    pub outside: Arc<FakeOutside>,
    pub product: Arc<FakeProduct>,
    pub code: Arc<FakeCode>,
    pub watch: Watch,
}

/// `telegram:1` as the transport proved it.
pub fn by(principal: &str) -> Principal {
    principal.parse().unwrap()
}

pub const fn minutes(minutes: i64) -> i64 {
    minutes * MINUTE_MS
}

/// The merge of #482, five minutes before the drop that the fixture's finding is about.
pub fn merge_482() -> Change {
    Change {
        id: ChangeId::new("github:pr:482"),
        kind: ChangeKind::Merge,
        at: NOW.plus_ms(-minutes(30)),
        live_at: None,
        title: "signup: new form".to_owned(),
        author: Some("lin".to_owned()),
        url: None,
        reference: ChangeRef::PullRequest { number: 482, merge_sha: MERGE_SHA.to_owned() },
        files: vec!["web/signup/form.ts".to_owned(), "web/signup/form.css".to_owned()],
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({}), "{}").await
    }

    /// With these keys of the settings replaced, and this `tools.json`.
    pub async fn with(settings: Value, tools: &str) -> Self {
        Self::equipped(settings, tools, Readers::default()).await
    }

    /// The same, with sources that a conversation may ask.
    pub async fn equipped(settings: Value, tools: &str, readers: Readers) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::at(NOW));
        let mut all: Value = serde_json::from_str(SETTINGS).unwrap();
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let (repo, flags) = (Arc::new(FakeRepo::new()), Arc::new(FakeFlags::new()));
        let (product, code) = (Arc::new(FakeProduct::new(clock.clone())), Arc::new(FakeCode::default()));
        let outside = Arc::new(FakeOutside::new());
        let hands = Hands {
            gate: Default::default(),
            repo: Some(repo.clone()),
            flags: Some(flags.clone()),
            product: Some(outside.clone()),
            deploys: Some(outside.clone()),
            webhooks: Some(outside.clone()),
        };
        let core = core(dir.path(), (&all, tools, "{}"), (hands, readers), clock.clone(), 1).await;
        let watch = Watch::new(core.clone(), Some(product.clone()), Some(code.clone())).unwrap();
        let desk = Desk::new(core.clone());
        Self {
            dir,
            settings: all,
            tools: tools.to_owned(),
            wakeups: "{}".to_owned(),
            seed: 1,
            clock,
            core,
            desk,
            repo,
            flags,
            outside,
            product,
            code,
            watch,
        }
    }

    /// The folder that everything of this instance is in.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The process ends and starts again on the same database.
    pub async fn restart(&mut self) {
        self.core.store.close().await;
        self.seed += 1;
        let outside = (self.core.hands.clone(), self.core.readers.clone());
        let files = (&self.settings, self.tools.as_str(), self.wakeups.as_str());
        self.core = core(self.dir.path(), files, outside, self.clock.clone(), self.seed).await;
        self.desk = Desk::new(self.core.clone());
        self.watch = Watch::new(self.core.clone(), Some(self.product.clone()), Some(self.code.clone())).unwrap();
    }

    /// Another core on the same database, with a model, under a clock that stands still.
    pub fn core_with_model(&self, model: Option<Arc<dyn Model>>) -> Arc<Core> {
        self.core_by(model, Arc::new(StillClock(self.core.now())))
    }

    /// The same under any clock.
    pub fn core_by(&self, model: Option<Arc<dyn Model>>, clock: Arc<dyn Clock>) -> Arc<Core> {
        Arc::new(Core {
            instance: "test".to_owned(),
            store: self.core.store.clone(),
            settings: self.core.settings.clone(),
            tools: self.core.tools.clone(),
            warnings: Vec::new(),
            safe_mode: None,
            clock,
            random: Arc::new(SystemRandom::from_seed(99)),
            hands: self.core.hands.clone(),
            readers: self.core.readers.clone(),
            workspace: self.core.workspace.clone(),
            model,
            wakeups: self.core.wakeups.clone(),
            prompts: self.core.prompts.clone(),
            default_prompt_version: None,
            health: HealthBoard::default(),
            served: self.core.served.clone(),
            local_operator: self.core.local_operator.clone(),
            overlay: Default::default(),
            guard: guard(),
            work: tokio::sync::Notify::new(),
            alarm: tokio::sync::Notify::new(),
            surfaces: Default::default(),
            calendars: Default::default(),
        })
    }

    /// The same, with other settings.
    pub async fn restart_with(&mut self, settings: Value) {
        self.settings.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        self.restart().await;
    }

    /// The process starts again with this `wakeup.json`.
    pub async fn restart_with_wakeups(&mut self, wakeups: &Value) {
        self.wakeups = wakeups.to_string();
        self.restart().await;
    }

    /// Watches the code host only: quick, and enough for what is not about metrics.
    pub async fn code_only() -> Self {
        Self::code_only_with(json!({}), "{}").await
    }

    pub async fn code_only_with(settings: Value, tools: &str) -> Self {
        let mut world = Self::with(settings, tools).await;
        world.watch = Watch::new(world.core.clone(), None, Some(world.code.clone())).unwrap();
        world
    }

    /// The merge of #482 and the workflow that fails since.
    pub fn break_the_build(&self) {
        self.code.state().answer.changes = vec![merge_482()];
        self.code.run(1, MERGE_SHA, false, NOW.plus_ms(-minutes(25)));
    }

    pub async fn only_finding(&self) -> Finding {
        let mut all = self.all::<Finding>().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub async fn tick(&mut self) {
        self.watch.tick().await.unwrap();
    }

    /// One look a minute for so many minutes.
    pub async fn watch_for(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.clock.advance(MINUTE_MS);
            self.tick().await;
        }
    }

    /// One pass of the executor; how many are still under way.
    pub async fn run(&self) -> usize {
        Executor::new(self.core.clone()).pass().await.unwrap()
    }

    /// Passes, half a minute apart, until nothing is under way any more.
    pub async fn run_to_end(&self) {
        for _ in 0..200 {
            if self.run().await == 0 {
                return;
            }
            self.clock.advance(MINUTE_MS / 2);
        }
        panic!("still under way after 200 passes");
    }

    /// A pass of a process that dies at the call that was scripted to do so.
    pub async fn run_and_die(&self) {
        let executor = Executor::new(self.core.clone());
        let pass = executor.pass();
        let died = tokio::select! {
            _ = pass => false,
            () = self.repo.died() => true,
            () = self.flags.died() => true,
            () = self.outside.died() => true,
        };
        assert!(died, "the pass ended, but the process should have died in it");
    }

    /// A pass, in which the process may die if that was scripted.
    pub async fn run_or_die(&self) {
        let executor = Executor::new(self.core.clone());
        tokio::select! {
            passed = executor.pass() => drop(passed.unwrap()),
            () = self.repo.died() => {}
            () = self.flags.died() => {}
            () = self.outside.died() => {}
        }
    }

    pub async fn get<E: Entity>(&self, id: impl ToString) -> E {
        self.core.store.get::<E>(&id.to_string()).await.unwrap().unwrap().value
    }

    pub async fn all<E: Entity>(&self) -> Vec<E> {
        let list = self.core.store.list::<E>(&ListQuery::oldest(1000)).await.unwrap();
        list.items.into_iter().map(|found| found.value).collect()
    }

    /// What the journal says happened to a subject.
    pub async fn events_of(&self, subject: impl ToString) -> Vec<String> {
        let store = &self.core.store;
        let entries = store.journal_of(&subject.to_string(), LANE, wakeman_store::Seq(0), 1000).await.unwrap();
        entries.into_iter().map(|entry| entry.event_type).collect()
    }

    /// How many messages wait to be sent.
    pub async fn owed(&self) -> usize {
        self.core.store.outbox_count(OutboxState::Pending).await.unwrap() as usize
    }

    /// What was said in a thread, oldest first.
    pub async fn said(&self, thread: &ThreadId) -> Vec<String> {
        let query = ListQuery::oldest(1000).parent(thread.as_str());
        let list = self.core.store.list::<Message>(&query).await.unwrap();
        list.items.into_iter().map(|found| found.value.content).collect()
    }

    /// Everything that a refusal must leave as it was.
    pub async fn snapshot(&self, proposal: ProposalId) -> (u64, u64, usize) {
        let version = self.core.store.get::<Proposal>(&proposal.to_string()).await.unwrap().unwrap().version;
        (self.core.store.journal_head(LANE).await.unwrap().seq.0, version.0, self.owed().await)
    }

    pub async fn decide(&self, who: &str, proposal: &Proposal, decision: Verdict) -> Result<Proposal, DecideError> {
        let digest = proposal.digest.as_str().to_owned();
        act::decide(&self.core, &by(who), proposal.id, &DecisionRequest { decision, digest, reason: None, step: None })
            .await
    }

    /// Approved by ada.
    pub async fn approve(&self, proposal: &Proposal) -> Proposal {
        self.decide("telegram:1", proposal, Verdict::Approve).await.unwrap()
    }

    pub async fn proposal(&self, id: ProposalId) -> Proposal {
        self.get(id).await
    }
}

async fn core(
    folder: &Path,
    (settings, tools, wakeups): (&Value, &str, &str),
    (hands, readers): (Hands, Readers),
    clock: Arc<TestClock>,
    seed: u64,
) -> Arc<Core> {
    Arc::new(Core {
        instance: "test".to_owned(),
        store: Store::open(&folder.join("db"), Options::default()).await.unwrap(),
        settings: parse_settings(&settings.to_string(), "settings.json").unwrap().value,
        tools: parse_tools(tools, "tools.json").unwrap().value,
        wakeups: parse_wakeup(wakeups, "read-only/wakeup.json").unwrap().value,
        prompts: PromptRegistry::load(&[]).0,
        default_prompt_version: None,
        warnings: Vec::new(),
        safe_mode: None,
        clock,
        random: Arc::new(SystemRandom::from_seed(seed)),
        hands,
        readers,
        workspace: Some(folder.join("workspace")),
        model: None,
        health: HealthBoard::default(),
        served: vec![Channel::Cli, Channel::Telegram],
        local_operator: OperatorId::new("cli:1000"),
        overlay: Default::default(),
        guard: guard(),
        work: tokio::sync::Notify::new(),
        alarm: tokio::sync::Notify::new(),
        surfaces: Default::default(),
        calendars: Default::default(),
    })
}

/// What stands for a credential of the instance in every test.
pub const CANARY: &str = "wkm-canary/7Qx+29fLqT";

fn guard() -> Guard {
    Guard::of([("GITHUB_TOKEN", CANARY)])
}
