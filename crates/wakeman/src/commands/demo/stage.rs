//! The throw-away instance: a real directory, a real database, the real adapters pointed at the lab.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use secrecy::SecretString;
use serde_json::json;
use wakeman_gateway::{
    Core, Desk,
    act::Executor,
    brain::{Brain, prompts::PromptRegistry},
    config::{self, GithubCredential, HttpUrl, SETTINGS_FILE, Secrets, TOOLS_FILE, ToolsConfig, WakeupConfig},
    instance::{InstanceDir, read_secret_file},
    ports::{Clock, Model, Random, SystemRandom, WriteGate},
    watch::Watch,
};
use wakeman_integrations::discover;
use wakeman_lab::{LabClient, client::LabState};
use wakeman_types::{Principal, Timestamp};

use super::clock::{DemoClock, WaitingClock};
use crate::{
    commands::init::watch as write_metrics,
    compose::{self, Config},
    failure::Failure,
    templates,
};

/// The name of the instance; part of every digest, so it is the same in every run.
const INSTANCE: &str = "demo";

/// The variable with the model's key.
const MODEL_KEY: &str = "LITELLM_MASTER_KEY";

/// Everything the play moves.
pub struct Stage {
    /// The shared core.
    pub core: Arc<Core>,
    /// Moved with the world.
    pub clock: Arc<DemoClock>,
    /// The watch.
    pub watch: Watch,
    /// The executor.
    pub executor: Executor,
    /// What the operator talks to.
    pub desk: Desk,
    /// Adds notes, where a model was given.
    pub brain: Arc<Brain>,
    folder: Folder,
}

/// What one play wants of its instance.
pub struct Wishes<'a> {
    /// Draws everything.
    pub seed: u64,
    /// The address of a model.
    pub llm: Option<&'a str>,
    /// Another alarm budget than the usual one.
    pub alarms_per_week: Option<u32>,
}

/// A directory that is gone when the demo is.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind it is only clutter in the temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// Builds the instance: template, settings discovered from the lab's own PostHog, adapters.
    ///
    /// # Errors
    /// When the lab does not answer, or the temporary directory cannot be written.
    pub async fn build(
        operator: &Principal,
        lab: &LabClient,
        state: &LabState,
        wishes: Wishes<'_>,
    ) -> Result<Self, Failure> {
        let start = instant(&state.now)?;
        let clock = Arc::new(DemoClock::new(start));
        let as_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let folder = folder()?;
        let dir = InstanceDir::new(&folder.0, INSTANCE).map_err(Failure::failed)?;
        dir.create_from_template(&templates::runtime()).map_err(Failure::failed)?;
        let secrets = at_lab(model(&dir, wishes.llm)?, lab, state)?;
        let mut settings = settings(operator, state);
        if let Some(alarms) = wishes.alarms_per_week {
            settings["monitor"] = json!({"alarmBudgetPerWeek": alarms});
        }
        let config = parse(&settings, secrets.clone())?;
        let posthog = compose::posthog(&config, (&as_clock, &WriteGate::default()))?
            .ok_or_else(|| Failure::failed("the lab has no PostHog"))?;
        let metrics = discover(&posthog).await.map_err(Failure::unavailable)?;
        write_metrics(&mut settings, &metrics);
        let config = parse(&settings, secrets)?;
        let compose::Adapters { sources, hands, readers } = compose::adapters(&config, &as_clock)?;
        let store = compose::open_store(&dir).await?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom::from_seed(wishes.seed));
        let waiting: Arc<dyn Clock> = Arc::new(WaitingClock(Arc::clone(&clock)));
        let model = compose::litellm(&config, &waiting, &random)?;
        let core = compose::core_with(&dir, store, config, (hands, readers), as_clock, random)?;
        let core = Arc::new(Core { model: model.map(|adapter| adapter as Arc<dyn Model>), ..core });
        let brain = Brain::new(Arc::clone(&core));
        let watch = Watch::new(Arc::clone(&core), sources.product, sources.code).map_err(Failure::failed)?;
        Ok(Self {
            watch,
            executor: Executor::new(Arc::clone(&core)),
            desk: Desk::with_brain(Arc::clone(&core), Arc::clone(&brain)),
            brain,
            core,
            clock,
            folder,
        })
    }

    /// Lets go of the database and removes the instance.
    pub async fn close(self) {
        self.core.store.close().await;
        drop(self.folder);
    }
}

/// An instant of the lab.
pub fn instant(text: &str) -> Result<Timestamp, Failure> {
    wakeman_lab::time::parse_rfc3339(text)
        .map(Timestamp::from_ms)
        .ok_or_else(|| Failure::unavailable(format!("the lab says \"{text}\" where a time is due; is it a lab?")))
}

fn folder() -> Result<Folder, Failure> {
    use std::os::unix::fs::DirBuilderExt;
    // The name needs no secret: the directory is made new, for this account alone, or the demo stops.
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_nanos());
    static NTH: AtomicU32 = AtomicU32::new(0);
    let (process, nth) = (std::process::id(), NTH.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(format!("wakeman-demo-{process}-{nth}-{nanos}"));
    std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
        Failure::failed(format!("{}: {error}; set TMPDIR to a directory you may write", path.display()))
    })?;
    Ok(Folder(path))
}

/// The model's address and its key, which is given as everywhere: `LITELLM_MASTER_KEY`, or a private file that
/// `LITELLM_MASTER_KEY_FILE` names. No other credential of the account is looked at.
fn model(dir: &InstanceDir, llm: Option<&str>) -> Result<Secrets, Failure> {
    let Some(url) = llm else { return Ok(Secrets::default()) };
    let url = HttpUrl::parse(url)
        .ok_or_else(|| Failure::usage("--llm: is not an address; write it like http://127.0.0.1:4000"))?;
    let env = |name: &str| name.starts_with(MODEL_KEY).then(|| std::env::var(name).ok()).flatten();
    let secrets = Secrets::load(env, &dir.env_file(), read_secret_file).map_err(Failure::usage)?;
    Ok(Secrets { litellm_url: Some(url), ..secrets })
}

fn at_lab(secrets: Secrets, lab: &LabClient, state: &LabState) -> Result<Secrets, Failure> {
    let url = |service: &str| {
        HttpUrl::parse(&lab.service_url(service)).ok_or_else(|| Failure::usage("--lab: is not an address"))
    };
    let token = || SecretString::from("lab");
    Ok(Secrets {
        posthog_api_key: Some(token()),
        posthog_project_id: Some(state.services.posthog.project_id.clone()),
        posthog_host: Some(url("posthog")?),
        github: Some(GithubCredential::Token(token())),
        github_api_url: Some(url("github")?),
        vercel_token: Some(token()),
        vercel_api_url: Some(url("vercel")?),
        ..secrets
    })
}

fn settings(operator: &Principal, state: &LabState) -> serde_json::Value {
    json!({
        "runtime": {"executionMode": "propose", "channels": ["cli"]},
        // The lab's allowance is ours alone.
        "posthog": {"rateShare": 1.0},
        "github": {
            "repository": state.services.github.repository, "defaultBranch": state.services.github.default_branch,
        },
        "vercel": {"projectId": "app"},
        "operators": [{"id": "you", "role": "owner", "principals": [operator.to_string()]}],
    })
}

fn parse(settings: &serde_json::Value, secrets: Secrets) -> Result<Config, Failure> {
    let settings = config::parse_settings(&settings.to_string(), SETTINGS_FILE).map_err(Failure::failed)?.value;
    let tools =
        templates::runtime().into_iter().find(|file| TOOLS_FILE.ends_with(file.path) || file.path == TOOLS_FILE);
    let tools = match tools {
        Some(file) => {
            let mut switches: serde_json::Value = serde_json::from_slice(file.bytes).map_err(Failure::failed)?;
            // Off in a new instance; in the simulated world a rollback is part of the play.
            switches["vercel"]["triggerDeploys"] = json!(true);
            config::parse_tools(&switches.to_string(), TOOLS_FILE).map_err(Failure::failed)?.value
        }
        None => ToolsConfig::default(),
    };
    let (prompts, prompt_problems) = PromptRegistry::load(&[]);
    Ok(Config {
        settings,
        tools,
        wakeups: WakeupConfig::default(),
        secrets,
        prompts,
        prompt_problems,
        warnings: Vec::new(),
    })
}
