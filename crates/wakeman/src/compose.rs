//! From an instance directory to a running brain: files parsed, adapters built, nothing started.

use std::{path::Path, sync::Arc};

use wakeman_gateway::{
    Core, Hands, HealthBoard, Readers,
    brain::prompts::{PromptProblem, PromptRegistry, read_overrides},
    config::{
        self, Parsed, SETTINGS_FILE, Secrets, Settings, TOOLS_FILE, ToolsConfig, WAKEUP_FILE, WakeupConfig,
        local_operator,
    },
    instance::{InstanceDir, read_input, read_secret_file},
    ports::{Clock, CodeSource, Model, ProductSource, Random, SystemClock, SystemRandom, WriteGate},
};
use wakeman_integrations::{
    Calendars, Github, GithubOptions, Litellm, LitellmOptions, Posthog, PosthogOptions, Timeouts, Vercel,
    VercelOptions, Webhooks,
};
use wakeman_store::{Mode, Options, Store, StoreError};
use wakeman_types::{Channel, Principal, SafeMode};

use crate::failure::Failure;

/// GitHub's own address.
const GITHUB_API: &str = "https://api.github.com";
/// Vercel's own address.
const VERCEL_API: &str = "https://api.vercel.com";
/// PostHog's, where settings name none.
const POSTHOG_HOST: &str = "https://us.posthog.com";

/// The largest file of people's input that is read.
const INPUT_BYTES_MAX: u64 = 1024 * 1024;

/// The configuration of an instance, parsed, with what was odd about it.
pub struct Config {
    /// `read-only/settings.json`.
    pub settings: Settings,
    /// `read-only/tools.json`.
    pub tools: ToolsConfig,
    /// `read-only/wakeup.json`.
    pub wakeups: WakeupConfig,
    /// Credentials and base URLs.
    pub secrets: Secrets,
    /// What a model is told: the shipped prompts and the instance's own.
    pub prompts: PromptRegistry,
    /// What is wrong with prompt files and with the versions that are chosen; the shipped ones are used in their place.
    pub prompt_problems: Vec<PromptProblem>,
    /// Unknown keys and the like, each with a suggestion.
    pub warnings: Vec<String>,
}

/// Reads and checks every file of people's input. A missing file counts as empty.
///
/// # Errors
/// A usage failure naming file, key and remedy.
pub fn load(dir: &InstanceDir) -> Result<Config, Failure> {
    let mut warnings = Vec::new();
    let settings = parse(&dir.settings(), SETTINGS_FILE, config::parse_settings, &mut warnings)?;
    let tools = parse(&dir.tools(), TOOLS_FILE, config::parse_tools, &mut warnings)?;
    let wakeups = parse(&dir.wakeup(), WAKEUP_FILE, config::parse_wakeup, &mut warnings)?;
    let env = |name: &str| std::env::var(name).ok();
    let secrets = Secrets::load(env, &dir.env_file(), read_secret_file).map_err(Failure::usage)?;
    warnings.extend(secrets.warnings(".env"));
    let (prompts, prompt_problems) = prompts(dir, &settings, &secrets);
    warnings.extend(prompt_problems.iter().map(ToString::to_string));
    Ok(Config { settings, tools, wakeups, secrets, prompts, prompt_problems, warnings })
}

/// The settings alone, for who wants one of them though another file cannot be used.
///
/// # Errors
/// A usage failure naming key and remedy.
pub fn load_settings(dir: &InstanceDir) -> Result<Settings, Failure> {
    parse(&dir.settings(), SETTINGS_FILE, config::parse_settings, &mut Vec::new())
}

/// The prompts of the instance. Nothing that is wrong with one stops anything.
fn prompts(dir: &InstanceDir, settings: &Settings, secrets: &Secrets) -> (PromptRegistry, Vec<PromptProblem>) {
    let (files, mut problems) = read_overrides(&dir.prompts());
    let (registry, wrong) = PromptRegistry::load(&files);
    problems.extend(wrong);
    problems.extend(registry.check_settings(&settings.ai, secrets.default_prompt_version.as_deref()));
    (registry, problems)
}

fn parse<T, E: std::fmt::Display>(
    path: &Path,
    label: &str,
    parse: impl Fn(&str, &str) -> Result<Parsed<T>, E>,
    warnings: &mut Vec<String>,
) -> Result<T, Failure> {
    let text = match read_input(path, INPUT_BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "{}".to_owned(),
        Err(error) => {
            return Err(Failure::usage(format!("{label}: {}", unreadable(&error))));
        }
    };
    let parsed = parse(&text, label).map_err(Failure::usage)?;
    warnings.extend(parsed.warnings.iter().map(ToString::to_string));
    Ok(parsed.value)
}

/// Why a file of people's input could not be read, and what to do about it.
fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::InvalidData => "is not UTF-8 text; save it as UTF-8".to_owned(),
        std::io::ErrorKind::InvalidInput => "is not a file; put the file in its place".to_owned(),
        std::io::ErrorKind::FileTooLarge => format!("is larger than {} KiB; shorten it", INPUT_BYTES_MAX / 1024),
        std::io::ErrorKind::IsADirectory => "is a directory; put the file in its place".to_owned(),
        _ => format!("cannot be read ({error}); check who owns it and its mode"),
    }
}

/// What the watch reads from.
#[derive(Clone, Default)]
pub struct Sources {
    /// PostHog.
    pub product: Option<Arc<dyn ProductSource>>,
    /// GitHub.
    pub code: Option<Arc<dyn CodeSource>>,
}

/// Everything outside, as far as it is configured.
#[derive(Default)]
pub struct Adapters {
    /// What the watch reads from.
    pub sources: Sources,
    /// What approved actions are done with.
    pub hands: Hands,
    /// What a conversation may ask.
    pub readers: Readers,
}

/// What every adapter that changes something is built with: the clock, and what holds its writes back.
pub type Around<'a> = (&'a Arc<dyn Clock>, &'a WriteGate);

/// Builds the adapters that are configured. Sends nothing.
///
/// # Errors
/// A usage failure naming the setting an adapter cannot use.
pub fn adapters(config: &Config, clock: &Arc<dyn Clock>) -> Result<Adapters, Failure> {
    let mut adapters = Adapters::default();
    let Adapters { sources, hands, readers } = &mut adapters;
    let gate = hands.gate.clone();
    if let Some(posthog) = posthog(config, (clock, &gate))? {
        sources.product = Some(Arc::clone(&posthog) as _);
        readers.product = Some(Arc::clone(&posthog) as _);
        hands.product = Some(Arc::clone(&posthog) as _);
        hands.flags = Some(posthog);
    }
    if let Some(github) = github(config, (clock, &gate))? {
        sources.code = Some(Arc::clone(&github) as _);
        readers.code = Some(Arc::clone(&github) as _);
        hands.repo = Some(github);
    }
    if let Some(vercel) = vercel(config, (clock, &gate))? {
        readers.deploys = Some(Arc::clone(&vercel) as _);
        hands.deploys = Some(vercel);
    }
    hands.webhooks = webhooks(config, (clock, &gate))?.map(|webhooks| webhooks as _);
    Ok(adapters)
}

/// The targets of `webhook.post`, if settings name any.
fn webhooks(config: &Config, (clock, gate): Around<'_>) -> Result<Option<Arc<Webhooks>>, Failure> {
    let targets = &config.settings.webhooks;
    if targets.is_empty() {
        return Ok(None);
    }
    let targets = targets.iter().map(|(name, target)| (name.clone(), target.url.to_string()));
    let built =
        Webhooks::new(targets, Timeouts::default(), (Arc::clone(clock), gate.clone())).map_err(Failure::usage)?;
    Ok(Some(Arc::new(built)))
}

/// The calendars that settings name.
///
/// # Errors
/// A usage failure naming an address that is none.
pub fn calendars(dir: &InstanceDir, settings: &Settings) -> Result<Calendars, Failure> {
    let sources = wakeman_gateway::calendar::sources(settings);
    Calendars::new(dir.read_only(), &sources, Timeouts::default()).map_err(Failure::usage)
}

/// The PostHog adapter, if key and project are set.
pub fn posthog(config: &Config, (clock, gate): Around<'_>) -> Result<Option<Arc<Posthog>>, Failure> {
    let (Some(key), Some(project)) = (&config.secrets.posthog_api_key, &config.secrets.posthog_project_id) else {
        return Ok(None);
    };
    let host = config.secrets.posthog_host.as_ref().or(config.settings.posthog.host.as_ref());
    let options = PosthogOptions {
        host: host.map_or_else(|| POSTHOG_HOST.to_owned(), ToString::to_string),
        project_id: project.clone(),
        key: key.clone(),
        rate_share: config.settings.posthog.rate_share,
        timeouts: Timeouts::default(),
        clock: Arc::clone(clock),
        gate: gate.clone(),
    };
    Posthog::new(options).map(|adapter| Some(Arc::new(adapter))).map_err(Failure::usage)
}

/// The GitHub adapter, if token and repository are set.
pub fn github(config: &Config, (clock, gate): Around<'_>) -> Result<Option<Arc<Github>>, Failure> {
    let Some(repository) = &config.settings.github.repository else { return Ok(None) };
    let Some(credential) = config.secrets.github.clone() else { return Ok(None) };
    let api_url = config.secrets.github_api_url.as_ref();
    let options = GithubOptions {
        api_url: api_url.map_or_else(|| GITHUB_API.to_owned(), ToString::to_string),
        repository: repository.to_string(),
        default_branch: config.settings.github.default_branch.clone(),
        credential,
        timeouts: Timeouts::default(),
        clock: Arc::clone(clock),
        gate: gate.clone(),
    };
    Github::new(options).map(|adapter| Some(Arc::new(adapter))).map_err(Failure::usage)
}

/// The model adapter, if `LITELLM_URL` is set. Some hosts want no key, so that alone is enough.
///
/// # Errors
/// A usage failure naming the variable it cannot use.
pub fn litellm(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Option<Arc<Litellm>>, Failure> {
    let Some(url) = &config.secrets.litellm_url else { return Ok(None) };
    let options = LitellmOptions {
        url: url.to_string(),
        key: config.secrets.litellm_master_key.clone(),
        clock: Arc::clone(clock),
        random: Arc::clone(random),
    };
    Litellm::new(options).map(|adapter| Some(Arc::new(adapter))).map_err(Failure::usage)
}

/// The Vercel adapter, if token and project are set.
pub fn vercel(config: &Config, (clock, gate): Around<'_>) -> Result<Option<Arc<Vercel>>, Failure> {
    let settings = &config.settings.vercel;
    let (Some(token), Some(project)) = (&config.secrets.vercel_token, &settings.project_id) else { return Ok(None) };
    let api_url = config.secrets.vercel_api_url.as_ref();
    let options = VercelOptions {
        api_url: api_url.map_or_else(|| VERCEL_API.to_owned(), ToString::to_string),
        project_id: project.clone(),
        team_id: settings.team_id.clone(),
        token: token.clone(),
        timeouts: Timeouts::default(),
        clock: Arc::clone(clock),
        gate: gate.clone(),
    };
    Vercel::new(options).map(|adapter| Some(Arc::new(adapter))).map_err(Failure::usage)
}

/// Opens the instance's database to write it.
///
/// # Errors
/// What the store says: damaged, full, newer; each with the remedy.
pub async fn open_store(dir: &InstanceDir) -> Result<Store, Failure> {
    Store::open(&dir.database(), options(dir)).await.map_err(Failure::failed)
}

/// Where there was a database, one of which nothing is left is damaged.
fn options(dir: &InstanceDir) -> Options {
    Options { existing: dir.had_database(), ..Options::default() }
}

/// Opens the instance's database; a damaged one to read what it still gives, and then not a byte of it is changed.
///
/// # Errors
/// What the store says otherwise: full, newer; each with the remedy.
pub async fn open_or_safe(dir: &InstanceDir) -> Result<(Store, Option<SafeMode>), Failure> {
    let path = dir.database();
    match Store::open(&path, options(dir)).await {
        Ok(store) => Ok((store, None)),
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(cause = ?std::error::Error::source(&error), "store.damaged");
            let options = Options { mode: Mode::ReadOnly, ..Options::default() };
            let store = Store::open(&path, options).await.map_err(Failure::failed)?;
            let (reason, steps) = (dir.damage(), dir.restore_steps(SystemClock.now()));
            Ok((store, Some(SafeMode { reason, steps, unread: false })))
        }
        Err(error) => Err(Failure::failed(error)),
    }
}

/// The shared core of a process that holds the instance.
///
/// # Errors
/// A usage failure naming the variable that the model adapter cannot use.
pub fn core(dir: &InstanceDir, store: Store, config: Config, outside: (Hands, Readers)) -> Result<Core, Failure> {
    core_with(dir, store, config, outside, Arc::new(SystemClock), Arc::new(SystemRandom::from_os()))
}

/// The same with a clock and randomness of the caller's.
///
/// # Errors
/// As [`core()`].
pub fn core_with(
    dir: &InstanceDir,
    store: Store,
    config: Config,
    (hands, readers): (Hands, Readers),
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Core, Failure> {
    let model = litellm(&config, &clock, &random)?.map(|adapter| adapter as Arc<dyn Model>);
    let readers = Readers { calendars: Some(Arc::new(calendars(dir, &config.settings)?)), ..readers };
    let guard = config.secrets.guard();
    let uid = rustix::process::getuid().as_raw().to_string();
    Ok(Core {
        instance: dir.name().as_str().to_owned(),
        store,
        settings: config.settings,
        tools: config.tools,
        wakeups: config.wakeups,
        prompts: config.prompts,
        default_prompt_version: config.secrets.default_prompt_version,
        warnings: config.warnings,
        safe_mode: None,
        clock,
        random,
        hands,
        readers,
        workspace: Some(dir.workspace()),
        model,
        health: HealthBoard::after(dir.last_successes()),
        served: vec![Channel::Cli],
        local_operator: local_operator(&Principal::new(Channel::Cli, uid)),
        overlay: Default::default(),
        guard,
        work: tokio::sync::Notify::new(),
        alarm: tokio::sync::Notify::new(),
        surfaces: Default::default(),
        calendars: Default::default(),
    })
}
