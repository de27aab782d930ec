//! From the file's text to a [`Scenario`]: the scenario's own table, outages and texts; metrics, changes and incidents
//! have their own modules.

use std::path::Path;

use toml::de::DeTable;

use super::read::{Table, line_of};
use super::{Outage, OutageMode, Scenario, Service, Untrusted, metric, plot};
use crate::time::{HOUR_MS, MINUTE_MS};

/// What is wrong with a scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read the scenario {path}: {}", unreadable(source))]
    Read {
        /// The path as given.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// No scenario of that name is shipped.
    #[error("there is no scenario named {name:?}; shipped are {known}, or give the path of a .toml file")]
    NoSuch {
        /// The name as given.
        name: String,
        /// The shipped names.
        known: String,
    },
    /// Not TOML.
    #[error("line {line}: not valid TOML: {problem}; correct the syntax")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// One key's value does not do.
    #[error("line {line}: `{path}` {problem}")]
    Key {
        /// Path of the key, for example `metric[1].level`.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// Why a file could not be read, and what to do about it.
fn unreadable(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there; check the path",
        std::io::ErrorKind::IsADirectory => "it is a directory; name a .toml file",
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text; save it as UTF-8",
        _ => "the system does not allow it; check who owns it and its mode",
    }
}

/// How a scenario's `csv` files are found: path as written to contents.
pub(super) type Files<'f> = &'f dyn Fn(&str) -> std::io::Result<String>;

impl Scenario {
    /// Parses a scenario whose `csv` files, if any, are among the shipped ones.
    ///
    /// # Errors
    /// [`ScenarioError`], naming the first key that does not do.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        parse(text, &super::shipped::embedded_file)
    }

    /// Loads a scenario from a file; relative `csv` paths are looked up beside it.
    ///
    /// # Errors
    /// [`ScenarioError`], naming the file or the first key that does not do.
    pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: path.display().to_string(), source })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        parse(&text, &|name| std::fs::read_to_string(folder.join(name)))
    }
}

const SECTIONS: [&str; 6] = ["scenario", "metric", "change", "incident", "outage", "untrusted"];
const HEAD: [&str; 6] = ["name", "seed", "start", "hours", "step_minutes", "warmup_hours"];
/// Where a hostile text can stand. The last two are of chats and tools, which the services here do not play.
const CHANNELS: [&str; 8] = [
    "commit_message",
    "github_issue",
    "pr_body",
    "posthog_property",
    "exception_message",
    "feature_flag_name",
    "chat_from_non_operator",
    "tool_output",
];
/// More steps than this would take too long to simulate.
const STEPS_MAX: i64 = 400_000;

fn parse(text: &str, files: Files<'_>) -> Result<Scenario, ScenarioError> {
    let document = DeTable::parse(text).map_err(|error| ScenarioError::Syntax {
        line: error.span().map_or(1, |span| line_of(text, &span)),
        problem: error.message().replace('\n', ", "),
    })?;
    let root = Table::root(&document, text);
    root.only(&SECTIONS)?;
    let mut scenario = head(&root)?;
    metric::read_all(&root, files, &mut scenario)?;
    plot::read_changes(&root, &mut scenario)?;
    plot::read_incidents(&root, &mut scenario)?;
    scenario.outages = outages(&root, scenario.start_ms)?;
    scenario.untrusted = untrusted(&root, scenario.start_ms)?;
    Ok(scenario)
}

fn head(root: &Table<'_>) -> Result<Scenario, ScenarioError> {
    let head = root.required("scenario", "…` in a table `[scenario]")?.table()?;
    head.only(&HEAD)?;
    let hours_to_ms = |hours: f64| (hours * HOUR_MS as f64).round() as i64;
    let hours = head.required("hours", "6")?;
    let watched_ms = hours_to_ms(hours.number_in((0.01, 20_000.0))?);
    let step_ms = match head.get("step_minutes") {
        Some(value) => value.integer_in(1, 1_440)? as i64 * MINUTE_MS,
        None => 5 * MINUTE_MS,
    };
    let warmup_ms = hours_to_ms(head.number_or("warmup_hours", 336.0, (0.0, 20_000.0))?);
    if (warmup_ms + watched_ms) / step_ms > STEPS_MAX {
        return Err(hours.bad(format!(
            "makes, with the warm-up, more than {STEPS_MAX} steps; shorten it or lengthen `step_minutes`"
        )));
    }
    Ok(Scenario {
        name: head.string("name", "\"my-scenario\"")?,
        seed: head.get("seed").map_or(Ok(1), |value| value.integer_in(0, u64::MAX))?,
        start_ms: head.required("start", "\"2026-01-05T08:00:00Z\"")?.instant()?,
        watched_ms,
        step_ms,
        warmup_ms,
        metrics: Vec::new(),
        changes: Vec::new(),
        incidents: Vec::new(),
        outages: Vec::new(),
        untrusted: Vec::new(),
    })
}

fn outages(root: &Table<'_>, start_ms: i64) -> Result<Vec<Outage>, ScenarioError> {
    let services: Vec<_> = Service::ALL.iter().map(|service| (service.word(), *service)).collect();
    let modes = [
        ("429", OutageMode::TooManyRequests),
        ("5xx", OutageMode::ServerError),
        ("timeout", OutageMode::Timeout),
        ("stale", OutageMode::Stale),
    ];
    let outage = |table: Table<'_>| {
        table.only(&["at", "minutes", "service", "mode"])?;
        let at_ms = table.required("at", "1.5")?.moment(start_ms)?;
        let minutes = table.required("minutes", "10")?.number_in((0.01, 100_000.0))?;
        Ok(Outage {
            at_ms,
            until_ms: at_ms + (minutes * MINUTE_MS as f64).round() as i64,
            service: table.required("service", "\"posthog\"")?.one_of(&services)?,
            mode: table.required("mode", "\"429\"")?.one_of(&modes)?,
        })
    };
    root.tables("outage")?.into_iter().map(outage).collect()
}

fn untrusted(root: &Table<'_>, start_ms: i64) -> Result<Vec<Untrusted>, ScenarioError> {
    let channels = CHANNELS.map(|channel| (channel, channel));
    let text = |table: Table<'_>| {
        table.only(&["at", "channel", "text"])?;
        Ok(Untrusted {
            at_ms: table.required("at", "1.5")?.moment(start_ms)?,
            channel: table.required("channel", "\"commit_message\"")?.one_of(&channels)?.to_owned(),
            text: table.required("text", "\"…\"")?.string()?.to_owned(),
        })
    };
    root.tables("untrusted")?.into_iter().map(text).collect()
}
