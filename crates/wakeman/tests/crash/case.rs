//! One case: an instance with a card, a kill, restarts, and what must hold then.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use wakeman_gateway::act::{
    catalogue::{draw, plan_steps},
    digest,
};
use wakeman_store::{Commit, FIRST_PREVIOUS_LINK, LANE, ListQuery, Options, Seq, Store, Verdict};
use wakeman_types::*;

use super::{
    checked, drawn,
    hook::Hook,
    lab::Lab,
    world::{self, Call, RED, Row, SCENARIO},
};

pub const OUTCOMES: [&str; 5] = ["not_applied", "applied", "reply_lost", "late", "never"];

/// How long a process may go on by itself before it is killed where it is.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The same for what is waited for until it ends.
const LONG: Duration = Duration::from_secs(60);
/// Restarts after which every proposal must have come to an end.
const RESTARTS: usize = 12;

#[derive(Debug, Clone)]
pub struct Case {
    pub row: &'static Row,
    pub label: &'static str,
    pub nth: u32,
    pub outcome: &'static str,
}

/// What all cases share: the scenarios.
pub struct Kit {
    folder: tempfile::TempDir,
}

impl Kit {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crash.toml"), SCENARIO).unwrap();
        std::fs::write(folder.path().join("red.toml"), format!("{SCENARIO}{RED}")).unwrap();
        Self { folder }
    }

    fn scenario(&self, row: &Row) -> PathBuf {
        let red = row.name == "github.rerun_failed_jobs";
        self.folder.path().join(if red { "red.toml" } else { "crash.toml" })
    }
}

pub(super) struct Home {
    folder: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

impl Home {
    /// An instance without any source.
    pub(super) fn alone(settings: &serde_json::Value) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() };
        assert!(home.command(&["init", "--yes"]).status().unwrap().success());
        std::fs::write(home.instance().join("read-only/settings.json"), settings.to_string()).unwrap();
        home
    }

    fn new(lab: &Lab, hook: &Hook) -> Self {
        let state = lab.get("/_lab/state");
        let services = &state["services"];
        let env = vec![
            ("GITHUB_TOKEN", "lab".to_owned()),
            ("GITHUB_API_URL", format!("{}/github", lab.url)),
            ("POSTHOG_API_KEY", "lab".to_owned()),
            ("POSTHOG_PROJECT_ID", services["posthog"]["project_id"].as_str().unwrap().to_owned()),
            ("POSTHOG_HOST", format!("{}/posthog", lab.url)),
            ("VERCEL_TOKEN", "lab".to_owned()),
            ("VERCEL_API_URL", format!("{}/vercel", lab.url)),
        ];
        let repository = &services["github"]["repository"];
        let vercel = json!({"projectId": services["vercel"]["project_id"], "teamId": services["vercel"]["team_id"]});
        let settings = json!({
            "github": {"repository": repository}, "posthog": {"rateShare": 1.0}, "vercel": vercel,
            "webhooks": {"ops": {"url": format!("{}/hook", hook.origin())}},
        });
        // Without credentials at first: it would try each of them.
        let mut home = Self::alone(&settings);
        home.env = env;
        let tools = json!({"vercel": {"triggerDeploys": true}}).to_string();
        std::fs::write(home.instance().join("read-only/tools.json"), tools).unwrap();
        home
    }

    fn instance(&self) -> PathBuf {
        self.folder.path().join("instances/default")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.instance().join("storage/wakeman.db")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakeman"));
        command.args(args).env_clear().env("WAKEMAN_ROOT", self.folder.path());
        command.envs(self.env.iter().map(|(k, v)| (*k, v))).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs it until it ends or its time is up, then kills it. Whether it killed itself.
    fn run(&self, args: &[&str], crash: Option<&str>) -> bool {
        self.run_for(args, crash, PATIENCE)
    }

    /// Runs what ends by itself, under load too.
    pub(super) fn run_to_its_end(&self, args: &[&str], crash: Option<&str>) -> bool {
        self.run_for(args, crash, LONG)
    }

    pub(super) fn run_for(&self, args: &[&str], crash: Option<&str>, patience: Duration) -> bool {
        let mut command = self.command(args);
        let mut child = command.envs(crash.map(|at| ("WAKEMAN_CRASH_AT", at))).spawn().unwrap();
        let began = Instant::now();
        while began.elapsed() < patience {
            if let Some(status) = child.try_wait().unwrap() {
                return status.signal() == Some(9);
            }
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        false
    }
}

pub fn with_store<T>(database: &Path, work: impl AsyncFnOnce(&Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(database, Options::default()).await.unwrap();
        let answer = work(&store).await;
        store.close().await;
        answer
    })
}

impl Case {
    /// Whether the process was killed at its label. Panics when an invariant does not hold.
    pub fn run(&self, kit: &Kit) -> bool {
        let lab = Lab::serve(&kit.scenario(self.row));
        let hook = Hook::listen();
        let home = Home::new(&lab, &hook);
        let at = format!("{}:{}", self.label, self.nth);
        let shown = match self.is_drawn() {
            true => drawn::shown(&home, world::to_draw(&lab, self.row, &hook.origin()), &at),
            false => put(&home, proposal(world::action(&lab, self.row, &hook.origin()))),
        };
        let id = shown.id.to_string();
        let applied = |call: &Call| match call.service {
            "webhook" => hook.taken(),
            _ => lab.applied(call.method, call.path),
        };
        let before: Vec<usize> = self.row.effects.iter().map(applied).collect();
        let fails = self.row.fails;
        match fails.service {
            "webhook" => hook.order(self.outcome),
            service => lab.fault(service, &format!("{} .*{}", fails.method, fails.path), self.outcome),
        }
        let mut died = self.is_drawn();
        let mut approve = vec!["approve", &id, "--digest", &shown.digest.as_str()[..12]];
        approve.extend(self.row.stepwise.then_some("--step"));
        died |= home.run(&approve, Some(&at).filter(|_| !died).map(|at| &**at));
        for nth in 0..RESTARTS {
            let found = with_store(&home.database(), async |store| pass_time(store, &id).await);
            match found.state {
                ProposalState::Pending => died |= home.run(&approve, Some(&at).filter(|_| !died).map(|at| &**at)),
                ProposalState::Approved | ProposalState::Executing => {
                    // The pull request it opened has its checks behind it. What is late elsewhere stays so until the end.
                    if self.is_drawn() && shown.steps.iter().any(|step| step.action.kind == "github.revert_pr") {
                        lab.go_on(nth);
                    }
                    died |= home.run(&["run", "--once"], Some(&at).filter(|_| !died).map(|at| &**at));
                }
                _ => break,
            }
        }
        if self.label.starts_with(checked::LABEL) {
            died |= checked::is_checked(&home, &id, Some(&*at).filter(|_| !died));
        }
        lab.advance();
        hook.land_late();
        let ended = with_store(&home.database(), async |store| check(store, self, &shown).await);
        for (call, before) in self.row.effects.iter().zip(before) {
            let applied = applied(call) - before;
            // An absolute state that is set to itself is no second effect, if nothing came in between.
            let same = self.row.absolute && lab.all_the_same(call.method, call.path);
            assert!(applied <= 1 || same, "I1: {self:?}: {call:?} applied {applied} times");
            assert!(applied == 0 || ended.steps[0].tries > 0, "I2: {self:?}: an effect without an intent");
            if matches!(ended.state, ProposalState::Succeeded | ProposalState::Verified) {
                assert!(applied > 0, "{self:?}: {call:?} told as done, and not done");
            }
        }
        died
    }

    /// Whether the program itself draws and shows the card, and dies over it.
    fn is_drawn(&self) -> bool {
        self.label.starts_with(drawn::LABEL)
    }
}

/// Puts a card where it waits for a decision, in a conversation of its own.
pub(super) fn put(home: &Home, shown: Proposal) -> Proposal {
    with_store(&home.database(), async |store| {
        assert_eq!(store.next_number("proposal").await.unwrap(), 1);
        let thread = Thread {
            conversation_id: ConversationId::new("conversation-20260115T090000Z-thread_1"),
            thread_id: shown.thread.clone(),
            channel: Channel::System,
            title: "crash".to_owned(),
            created_at: shown.created_at,
            updated_at: shown.created_at,
        };
        let commit = Commit::durable(shown.created_at).insert(&shown).insert(&thread);
        assert!(store.commit(commit).await.unwrap().landed());
    });
    shown
}

pub fn proposal(action: Action) -> Proposal {
    let now = Timestamp::from_ms(
        i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap(),
    );
    let steps = plan_steps(&action).unwrap();
    let check = checked::WORDS.to_owned();
    let card = draw(&action, ("A step".into(), "undo it".into()), check).unwrap();
    Proposal {
        id: ProposalId::new(1),
        digest: digest("default", &action),
        action,
        card,
        state: ProposalState::Pending,
        finding: None,
        thread: ThreadId::new("thread_1"),
        requested_by: Principal::system(),
        approvers: vec![],
        needed: 1,
        created_at: now,
        expires_at: now.plus_ms(HOUR_MS),
        decisions: vec![],
        steps,
        state_since: now,
        note: None,
    }
}

/// The proposal as it stands; what it waits for is over.
async fn pass_time(store: &Store, id: &str) -> Proposal {
    let found = store.get::<Proposal>(id).await.unwrap().unwrap();
    let mut proposal = found.value;
    let waited = proposal.steps.iter_mut().filter_map(|step| step.not_before.take()).count();
    if waited > 0 {
        let commit = Commit::new(proposal.created_at).replace(&proposal, found.version);
        assert!(store.commit(commit).await.unwrap().landed());
    }
    proposal
}

/// I2–I5 from what is stored.
async fn check(store: &Store, case: &Case, shown: &Proposal) -> Proposal {
    // What the watch of a restart proposes besides waits for somebody.
    let proposals = store.list::<Proposal>(&ListQuery::oldest(10)).await.unwrap().items;
    let others = proposals.iter().map(|found| &found.value).filter(|other| other.id != shown.id);
    assert!(others.into_iter().all(|other| other.decisions.is_empty() && other.steps[0].tries == 0), "I2: {case:?}");
    let ended = store.get::<Proposal>(&shown.id.to_string()).await.unwrap().unwrap().value;
    use ProposalState::{Failed, NeedsReview, NotRecovered, Succeeded, Verified};
    assert!(
        matches!(ended.state, Succeeded | Failed | NeedsReview | Verified | NotRecovered),
        "I4: {case:?}: {:?}",
        ended.state
    );
    let entries = store.journal_of(&shown.id.to_string(), LANE, Seq(1), 1000).await.unwrap();
    let mut yeses = 0;
    for entry in &entries {
        yeses += u64::from(entry.event_type == "proposal.approved");
        if entry.event_type == "proposal.intent" {
            let step = entry.payload.as_ref().unwrap()["step"].as_u64().unwrap();
            assert!(yeses >= if case.row.stepwise { step } else { 1 }, "I2: {case:?}: step {step} before its yes");
        }
    }
    for entry in &entries {
        if let Some(named) = entry.payload.as_ref().and_then(|payload| payload["digest"].as_str()) {
            assert_eq!(named, shown.digest.as_str(), "I3: {case:?}: {}", entry.event_type);
        }
    }
    assert_eq!(ended.digest, shown.digest, "I3: {case:?}");
    let steps: Vec<Option<u32>> = ended.decisions.iter().map(|decision| decision.step).collect();
    let wanted: &[Option<u32>] = if case.row.stepwise { &[Some(1), Some(2)][..steps.len().min(2)] } else { &[None] };
    assert_eq!(steps, wanted, "{case:?}");
    assert!(ended.steps.iter().all(|step| step.tries <= 3), "I5: {case:?}");
    let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { .. }), "{case:?}: {verdict:?}");
    ended
}
