//! `doctor`: everything that can be checked, each failure with its remedy.

use std::sync::Arc;

use serde::Serialize;
use wakeman_gateway::{
    calendar,
    instance::InstanceDir,
    ports::{Clock, Random, SystemClock, SystemRandom},
};
use wakeman_integrations::{CheckOutcome, check_litellm};
use wakeman_store::{Audit, Mode, Options, Store, StoreError};
use wakeman_types::{Admin, SafeMode};

use super::{audit, live};
use crate::{
    compose::{self, Config},
    failure::{DONE, Failure},
    global::{Global, counted, printable},
};

/// One checked thing.
#[derive(Debug, Serialize)]
struct Line {
    check: String,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// All of them, in the order they are shown.
#[derive(Default)]
struct Report(Vec<Line>);

impl Report {
    fn good(&mut self, check: &str, detail: impl Into<String>) {
        self.0.push(Line { check: check.to_owned(), ok: true, detail: detail.into(), remedy: None });
    }

    fn bad(&mut self, check: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        let (detail, remedy) = (detail.into(), Some(remedy.into()));
        self.0.push(Line { check: check.to_owned(), ok: false, detail, remedy });
    }

    fn outcome(&mut self, outcome: CheckOutcome) {
        for check in outcome.checks {
            let ok = check.remedy.is_none();
            self.0.push(Line { check: check.name, ok, detail: check.detail, remedy: check.remedy });
        }
    }
}

/// Checks; 1 if any line failed.
pub async fn run(global: &Global) -> Result<u8, Failure> {
    let mut report = Report::default();
    let dir = global.dir()?;
    let progress = global.progress("checking");
    check(global, &dir, &mut report).await;
    drop(progress);
    let failed = report.0.iter().filter(|line| !line.ok).count();
    if global.json {
        global.print_json(&report.0)?;
    } else {
        global.print(&words(&report, failed, global.style.color))?;
    }
    Ok(if failed == 0 { DONE } else { 1 })
}

fn words(report: &Report, failed: usize, color: bool) -> String {
    let paint = |text: &str, code: &str| if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() };
    let mut out = String::new();
    for line in &report.0 {
        let mark = if line.ok { paint("✓", "32") } else { paint("✗", "31") };
        out += &format!("{mark} {}: {}\n", line.check, printable(&line.detail));
        if let Some(remedy) = &line.remedy {
            out += &format!("    {}\n", paint(&printable(remedy), "1"));
        }
    }
    let checks = counted(report.0.len(), "check");
    out + &match failed {
        0 => format!("{checks}, all fine\n"),
        failed => format!("{checks}, {failed} failed\n"),
    }
}

async fn check(global: &Global, dir: &InstanceDir, report: &mut Report) {
    if !dir.exists() {
        return report.bad("instance", format!("{} does not exist", dir.path().display()), "wakeman init");
    }
    report.good("instance", dir.path().display().to_string());
    let problems = dir.check_modes();
    if problems.is_empty() {
        report.good("files and modes", "only this account can read them");
    }
    for problem in problems {
        report.bad("files and modes", format!("{}: {}", problem.path.display(), problem.what), problem.remedy);
    }
    daemon(global, dir, report).await;
    database(dir, report).await;
    let config = match compose::load(dir) {
        Ok(config) => config,
        Err(error) => {
            return report.bad("configuration", error.to_string(), "mend the file and run `wakeman doctor` again");
        }
    };
    report.good("configuration", "settings.json, tools.json and wakeup.json are understood");
    for warning in &config.warnings {
        if let Some(what) = warning.strip_suffix("; use a longer one") {
            // It has its effect all the same.
            report.bad("configuration", what, "use a longer one");
            continue;
        }
        let (what, instead) = warning.split_once("it is ignored: ").unwrap_or((warning, ""));
        match instead {
            "" => report.bad("configuration", what, "correct the line; until then it has no effect"),
            instead => report.bad("configuration", format!("{what}it is ignored"), instead),
        }
    }
    calendars(&config, dir, report).await;
    sources(&config, report).await;
}

/// A running daemon holds port and database; without one both are tried.
async fn daemon(global: &Global, dir: &InstanceDir, report: &mut Report) {
    if let Some(holder) = dir.locked_by() {
        if holder.passing {
            return report.good("daemon", format!("not running; a command has the instance ({holder})"));
        }
        return match wakeman_client::SocketClient::connect(&dir.socket()).await {
            Ok(client) => {
                report.good("daemon", format!("running ({holder})"));
                let safe = client.status(&global.principal()).await.ok().and_then(|status| status.safe_mode);
                match safe {
                    Some(safe) => {
                        report.bad("database", format!("{}; the daemon only reads it", safe.reason), steps(&safe))
                    }
                    None => beside(dir, report).await,
                }
            }
            Err(error) => report.bad(
                "daemon",
                format!("{holder} holds the instance, but: {error}"),
                "stop it and start `wakeman run` again",
            ),
        };
    }
    report.good("daemon", "not running");
    let port = compose::load_settings(dir).map_or(6900, |settings| settings.runtime.port);
    let address = global.listen.unwrap_or_else(|| ([127, 0, 0, 1], port).into());
    match std::net::TcpListener::bind(address) {
        Ok(_) => report.good("port", format!("{address} is free")),
        Err(error) => report.bad(
            "port",
            format!("{address}: {error}"),
            "set runtime.port in read-only/settings.json or use --listen",
        ),
    }
}

/// Page by page however large it is: a start reads so much only of a small one.
async fn database(dir: &InstanceDir, report: &mut Report) {
    if dir.locked_by().is_some() {
        return;
    }
    match compose::open_or_safe(dir).await {
        Ok((store, Some(safe))) => {
            report.bad("database", format!("{}; nothing was written to it", safe.reason), steps(&safe));
            store.close().await;
        }
        Ok((store, None)) => {
            whole(&store, dir, "whole", report).await;
            store.close().await;
        }
        Err(error) => report.bad(
            "database",
            error.to_string(),
            "check the disk and the permissions of storage/, then `wakeman doctor` again",
        ),
    }
}

/// The same without writing, while the daemon goes on.
async fn beside(dir: &InstanceDir, report: &mut Report) {
    let options = Options { mode: Mode::ReadOnly, ..Options::default() };
    match Store::open(&dir.database(), options).await {
        Ok(store) => {
            whole(&store, dir, "in use by the daemon; whole", report).await;
            store.close().await;
        }
        Err(error) => report.bad(
            "database",
            error.to_string(),
            "check the disk and the permissions of storage/, then `wakeman doctor` again",
        ),
    }
}

/// What `audit verify` checks, and every page.
async fn whole(store: &Store, dir: &InstanceDir, so: &str, report: &mut Report) {
    let audited = match store.check_whole().await {
        Ok(()) => audit::audited(dir, store).await,
        Err(error) => Err(error),
    };
    match audited {
        Ok(Audit { first_bad: None, entries, .. }) => {
            report.good("database", format!("{so}; the journal is intact, {}", audit::entries(entries)));
        }
        Ok(Audit { first_bad: Some(bad), .. }) => report.bad(
            "database",
            format!("journal entry {} is not as it was written: it {}", bad.seq, bad.why),
            format!(
                "keep storage/ as it is for evidence, then restore a backup from before entry {}\n    \
                 if this is the backup, stop `wakeman run` and put aside what was signed after it: {}",
                bad.seq,
                dir.keep_newer_signatures(SystemClock.now())
            ),
        ),
        Err(error @ StoreError::Damaged { .. }) => {
            report.bad("database", error.to_string(), numbered(&dir.restore_steps(SystemClock.now())));
        }
        Err(error) => report.bad(
            "database",
            error.to_string(),
            "check the disk and the permissions of storage/, then `wakeman doctor` again",
        ),
    }
}

fn steps(safe: &SafeMode) -> String {
    numbered(&safe.steps)
}

fn numbered(steps: &[String]) -> String {
    let lines: Vec<String> = steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1)).collect();
    lines.join("\n    ")
}

/// Files and addresses that say when an operator is away or busy.
async fn calendars(config: &Config, dir: &InstanceDir, report: &mut Report) {
    let reader = match compose::calendars(dir, &config.settings) {
        Ok(reader) => reader,
        Err(error) => return report.bad("calendar", error.to_string(), "mend the address in read-only/settings.json"),
    };
    for source in calendar::sources(&config.settings) {
        match calendar::look(&reader, &source, SystemClock.now()).await {
            Ok(understood) => report.good("calendar", format!("{source}: {understood}")),
            Err(trouble) => report.bad("calendar", format!("{source}: {}", trouble.reason), trouble.remedy),
        }
    }
}

async fn sources(config: &Config, report: &mut Report) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for (service, tried) in live::tried(config).await {
        match tried {
            Ok(Some(outcome)) => report.outcome(outcome),
            Ok(None) => not_configured(service, config, report),
            Err(error) => report.bad(service, error.to_string(), "mend the setting"),
        }
    }
    model(config, &clock, report).await;
    let metrics = wakeman_gateway::config::metric_specs(&config.settings).len();
    if metrics == 0 {
        report.bad(
            "metrics",
            "none is watched",
            "name events in posthog.events or queries in posthog.insightMonitors in read-only/settings.json",
        );
    } else {
        report.good("metrics", format!("{metrics} watched"));
    }
}

/// PostHog and GitHub are what is watched; the rest are extras.
fn not_configured(service: &str, config: &Config, report: &mut Report) {
    let half = config.secrets.vercel_token.is_some() || config.settings.vercel.project_id.is_some();
    match service {
        "PostHog" => report.bad(
            service,
            "not configured",
            "set POSTHOG_API_KEY and POSTHOG_PROJECT_ID in the environment or in the instance's .env",
        ),
        "GitHub" => report.bad(
            service,
            "not configured",
            "set GITHUB_TOKEN (or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY) in the environment or .env, and github.repository in read-only/settings.json",
        ),
        "Vercel" if half => report.bad(
            service,
            "half configured",
            "set both VERCEL_TOKEN in the environment or .env, and vercel.projectId in read-only/settings.json",
        ),
        "Vercel" => report.good(service, "not configured (VERCEL_TOKEN, vercel.projectId); nothing is rolled back"),
        "Telegram" => report.good(service, "not configured (TELEGRAM_BOT_TOKEN)"),
        _ => report.good(service, "not configured (DISCORD_BOT_TOKEN)"),
    }
}

/// A model is an extra: without one everything but free text works.
async fn model(config: &Config, clock: &Arc<dyn Clock>, report: &mut Report) {
    let random: Arc<dyn Random> = Arc::new(SystemRandom::from_os());
    match compose::litellm(config, clock, &random) {
        Ok(Some(litellm)) => report.outcome(check_litellm(&litellm, &aliases(config)).await),
        Ok(None) => {
            report.good("LiteLLM", "not configured (LITELLM_URL); the verbs work without a model, free text does not")
        }
        Err(error) => report.bad("LiteLLM", error.to_string(), "mend the setting"),
    }
}

/// Every alias that settings name and a running instance may ask for; `judge` is for evaluation only.
fn aliases(config: &Config) -> Vec<String> {
    let (named, fallback) = (&config.settings.ai.aliases, &config.settings.ai.fallback);
    let first = [&named.chat, &named.router, &named.tip_generator, &named.embedder].map(Some);
    let second = [&fallback.chat, &fallback.router, &fallback.tip_generator, &fallback.embedder].map(Option::as_ref);
    let mut aliases = Vec::new();
    for alias in first.into_iter().chain(second).flatten() {
        if !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    aliases
}
