//! `doctor`: everything that can be checked, each failure with its remedy.

use std::sync::Arc;

use serde::Serialize;
use wakeman_gateway::{
    instance::InstanceDir,
    ports::{Clock, Random, SystemClock, SystemRandom},
};
use wakeman_integrations::{CheckOutcome, check_github, check_litellm, check_posthog};

use crate::{
    compose::{self, Config},
    failure::{DONE, Failure},
    global::{Global, printable},
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
    let progress = wakeman_cli::Progress::start("checking", global.interactive && !global.json, global.style);
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
    let checks = report.0.len();
    out + &match failed {
        0 => format!("{checks} checks, all fine\n"),
        failed => format!("{checks} checks, {failed} failed\n"),
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
        report.bad("configuration", warning.clone(), "correct the line; until then it has no effect");
    }
    sources(&config, report).await;
}

/// A running daemon holds port and database; without one both are tried.
async fn daemon(global: &Global, dir: &InstanceDir, report: &mut Report) {
    if let Some(holder) = dir.locked_by() {
        return match wakeman_client::SocketClient::connect(&dir.socket()).await {
            Ok(_) => report.good("daemon", format!("running ({holder})")),
            Err(error) => report.bad(
                "daemon",
                format!("{holder} holds the instance, but: {error}"),
                "stop it and start `wakeman run` again",
            ),
        };
    }
    report.good("daemon", "not running");
    let port = compose::load(dir).map_or(6900, |config| config.settings.runtime.port);
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

async fn database(dir: &InstanceDir, report: &mut Report) {
    if dir.locked_by().is_some() {
        return report.good("database", "in use by the daemon");
    }
    match compose::open_store(dir).await {
        Ok(store) => {
            let verified = store
                .verify_journal(wakeman_store::LANE, wakeman_store::Seq(1), wakeman_store::FIRST_PREVIOUS_LINK)
                .await;
            match verified {
                Ok(wakeman_store::Verdict::Verified { entries, .. }) => {
                    report.good("database", format!("whole; {entries} journal entries prove themselves"));
                }
                Ok(wakeman_store::Verdict::FirstBad(bad)) => report.bad(
                    "database",
                    format!("journal entry {} does not hold: {}", bad.seq, bad.why),
                    "somebody edited the database; restore a backup",
                ),
                Err(error) => report.bad("database", error.to_string(), "restore a backup of storage/wakeman.db"),
            }
            store.close().await;
        }
        Err(error) => report.bad(
            "database",
            error.to_string(),
            "restore a backup of storage/wakeman.db, or move it away to begin anew",
        ),
    }
}

async fn sources(config: &Config, report: &mut Report) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match compose::posthog(config, &clock) {
        Ok(Some(posthog)) => report.outcome(check_posthog(&posthog).await),
        Ok(None) => report.bad(
            "PostHog",
            "not configured",
            "set POSTHOG_API_KEY and POSTHOG_PROJECT_ID in the environment or in the instance's .env",
        ),
        Err(error) => report.bad("PostHog", error.to_string(), "mend the setting"),
    }
    match compose::github(config, &clock) {
        Ok(Some(github)) => report.outcome(check_github(&github).await),
        Ok(None) => report.bad(
            "GitHub",
            "not configured",
            "set GITHUB_TOKEN (or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY) in the environment or .env, and github.repository in read-only/settings.json",
        ),
        Err(error) => report.bad("GitHub", error.to_string(), "mend the setting"),
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
