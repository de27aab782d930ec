//! `init`: creates the instance, or takes another one over.

use std::{
    io::{BufRead, Write},
    path::Path,
    sync::Arc,
};

use serde_json::{Value, json};
use wakeman_gateway::{
    instance::{InstanceDir, TakeoverContext, apply_takeover, plan_takeover, write_atomic},
    ports::{Clock, Random, SystemClock, SystemRandom, WriteGate},
};
use wakeman_integrations::{CheckOutcome, discover};
use wakeman_types::{MetricKind, MetricQuery, MetricSpec};

use super::live;
use crate::{
    args::InitArgs,
    compose,
    failure::{DONE, Failure},
    global::{Global, printable},
    templates,
};

/// Creates, takes over if asked, asks for what is missing unless told not to, checks what is set.
pub async fn run(global: &Global, args: InitArgs) -> Result<u8, Failure> {
    let dir = global.dir()?;
    let template = templates::runtime();
    let takeover = args.from.as_deref().map(plan_takeover).transpose().map_err(Failure::usage)?;
    let created = dir.create_from_template(&template).map_err(Failure::failed)?;
    let mut answer = json!({"instance": global.instance, "path": dir.path()});
    if let Some(plan) = takeover {
        let _lock = dir.lock_for_command(std::process::id()).map_err(Failure::failed)?;
        let store = compose::open_store(&dir).await?;
        let random = SystemRandom::from_os();
        let salt = || random.bytes16();
        let actor = global.principal().to_string();
        let context = TakeoverContext { at: SystemClock.now(), actor: &actor, salt: &salt, template: &template };
        let outcome = apply_takeover(&plan, &dir, &store, &context).await;
        store.close().await;
        let outcome = outcome.map_err(Failure::failed)?;
        answer["takeover"] = json!(plan.report);
        if !global.json {
            told_takeover(global, &plan.report, &outcome)?;
        }
    } else if !global.json {
        let verb = if created.written.is_empty() { "is there already" } else { "created" };
        global.print(&format!("{} {verb}\n", dir.path().display()))?;
    }
    if !args.yes && global.interactive && !global.json {
        ask_for_missing(global, &dir).await?;
    }
    let config = compose::load(&dir)?;
    // A takeover has named them, with what to do instead.
    if args.from.is_none() {
        config.warnings.iter().for_each(|warning| global.complain(warning));
    }
    let mut outcomes = Vec::new();
    let progress = global.progress("trying what is set up");
    let tried = live::tried(&config).await;
    drop(progress);
    for (_, outcome) in tried {
        outcomes.extend(outcome?);
    }
    let failed = tell_checks(global, &outcomes, &mut answer)?;
    if global.json {
        global.print_json(&answer)?;
    } else {
        global.print("Next: `wakeman doctor` checks everything, `wakeman run` starts the watch.\n")?;
    }
    Ok(if failed { 1 } else { DONE })
}

fn tell_checks(global: &Global, outcomes: &[CheckOutcome], answer: &mut Value) -> Result<bool, Failure> {
    let mut lines = Vec::new();
    for check in outcomes.iter().flat_map(|outcome| &outcome.checks) {
        let mark = if check.remedy.is_none() { "✓" } else { "✗" };
        let mut text = format!("{mark} {}: {}\n", check.name, printable(&check.detail));
        if let Some(remedy) = &check.remedy {
            text += &format!("    {}\n", printable(remedy));
        }
        if !global.json {
            global.print(&text)?;
        }
        lines.push(json!({"check": check.name, "detail": check.detail, "remedy": check.remedy}));
    }
    answer["checks"] = Value::Array(lines);
    Ok(outcomes.iter().any(|outcome| !outcome.ok()))
}

fn told_takeover(
    global: &Global,
    report: &wakeman_gateway::instance::TakeoverReport,
    outcome: &wakeman_gateway::instance::TakeoverOutcome,
) -> Result<(), Failure> {
    let mut text = format!(
        "taken over: {} threads, {} messages, {} notes, {} wakeups, {} settings\n",
        report.threads,
        report.messages,
        report.notes,
        report.wakeups.len(),
        report.settings.len()
    );
    text += &format!("new here: {} threads, {} messages, {} notes\n", outcome.threads, outcome.messages, outcome.notes);
    for line in &report.unreadable {
        text += &format!("kept as it is, unreadable: {}:{}: {}\n", line.file, line.line, line.reason);
    }
    for setting in report.settings.iter().filter(|setting| !setting.used) {
        let note = setting.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
        text += &format!("kept without effect: {}{note}\n", setting.key);
    }
    for warning in &report.warnings {
        text += &format!("note: {warning}\n");
    }
    global.print(&format!("{}\n", printable(&text)))
}

/// What can be asked for, with the words of the question.
const QUESTIONS: [(&str, &str); 4] = [
    ("POSTHOG_API_KEY", "PostHog personal API key (phx_…), empty to skip"),
    ("POSTHOG_PROJECT_ID", "PostHog project id"),
    ("GITHUB_TOKEN", "GitHub token, empty to skip"),
    ("POSTHOG_HOST", "PostHog address, empty for https://us.posthog.com"),
];

async fn ask_for_missing(global: &Global, dir: &InstanceDir) -> Result<(), Failure> {
    let kept = std::fs::read_to_string(dir.env_file()).unwrap_or_default();
    let set =
        |name: &str| std::env::var_os(name).is_some() || kept.lines().any(|line| line.starts_with(&format!("{name}=")));
    let mut added = String::new();
    for (name, question) in QUESTIONS.iter().filter(|(name, _)| !set(name)) {
        let value = line(question)?;
        if !value.is_empty() {
            added += &format!("{name}={value}\n");
        }
    }
    if !added.is_empty() {
        let newline = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
        write_atomic(&dir.env_file(), format!("{kept}{newline}{added}").as_bytes()).map_err(Failure::failed)?;
    }
    let mut settings = read_json(&dir.settings())?;
    let before = settings.clone();
    if settings["github"]["repository"].as_str().is_none() {
        let repository = line("GitHub repository (owner/name), empty to skip")?;
        if !repository.is_empty() {
            settings["github"]["repository"] = json!(repository);
        }
    }
    if settings != before {
        save_settings(dir, &settings)?;
    }
    suggest_metrics(global, dir, settings).await
}

/// Offers the project's own events and insights when nothing is watched yet.
async fn suggest_metrics(global: &Global, dir: &InstanceDir, mut settings: Value) -> Result<(), Failure> {
    let config = compose::load(dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let watched = !wakeman_gateway::config::metric_specs(&config.settings).is_empty();
    let Some(posthog) = compose::posthog(&config, (&clock, &WriteGate::default()))?.filter(|_| !watched) else {
        return Ok(());
    };
    let progress = global.progress("looking what PostHog has");
    let found = discover(&posthog).await;
    drop(progress);
    let Ok(found) = found else { return Ok(()) };
    if found.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = found.iter().map(|spec| printable(&spec.name)).collect();
    global.print(&format!("PostHog has {} things that can be watched: {}\n", found.len(), names.join(", ")))?;
    if line("Watch them all? (y/n)")?.to_lowercase().starts_with('y') {
        watch(&mut settings, &found);
        save_settings(dir, &settings)?;
    }
    Ok(())
}

/// Writes metrics into settings in the form people write them. An event that a saved insight is about is not watched twice.
pub(super) fn watch(settings: &mut Value, metrics: &[MetricSpec]) {
    let queried = |event: &str| {
        metrics.iter().any(|spec| match &spec.query {
            MetricQuery::HogQl { query } => query.contains(&format!("'{event}'")),
            MetricQuery::Event { .. } => false,
        })
    };
    let events: Vec<&str> = metrics
        .iter()
        .filter_map(|spec| match &spec.query {
            MetricQuery::Event { event } if !queried(event) => Some(event.as_str()),
            _ => None,
        })
        .collect();
    let monitors: Vec<Value> = metrics
        .iter()
        .filter_map(|spec| match &spec.query {
            MetricQuery::HogQl { query } => Some(json!({"name": spec.name, "query": query, "kind": kind(spec.kind)})),
            MetricQuery::Event { .. } => None,
        })
        .collect();
    settings["posthog"]["events"] = json!(events);
    settings["posthog"]["insightMonitors"] = json!(monitors);
}

const fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Count => "count",
        MetricKind::Ratio => "ratio",
        MetricKind::Duration => "duration",
    }
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn save_settings(dir: &InstanceDir, settings: &Value) -> Result<(), Failure> {
    write_atomic(&dir.settings(), format!("{settings:#}\n").as_bytes()).map_err(Failure::failed)
}

fn line(question: &str) -> Result<String, Failure> {
    let mut out = std::io::stdout();
    write!(out, "{question}: ")?;
    out.flush()?;
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(text.trim().to_owned())
}
