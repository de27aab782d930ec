//! `read-only/wakeup.json`: what is asked of the model at which times.

use std::{collections::BTreeMap, fmt};

use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    duration::parse_duration_ms,
    error::Problem,
    explain::quote,
    leaf::{self, Leaf},
    suggest::nearest,
};

/// The wakeups of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct WakeupConfig {
    /// Whether any runs. Default true.
    pub enabled: bool,
    /// What is asked, by id.
    pub prompts: BTreeMap<String, WakeupPrompt>,
    /// When, in the order of the file.
    pub schedule: Vec<ScheduleEntry>,
}

impl Default for WakeupConfig {
    fn default() -> Self {
        Self { enabled: true, prompts: BTreeMap::new(), schedule: Vec::new() }
    }
}

/// What a wakeup asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WakeupPrompt {
    /// What people call it.
    pub title: String,
    /// The words for the model.
    pub prompt: String,
}

/// One line of the schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleEntry {
    /// Which prompt.
    pub prompt_id: String,
    /// At which times.
    pub when: When,
    /// What to do with a slot that passed while nothing ran. Default `run`.
    pub late: Late,
}

/// At which times a wakeup is due.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Once each UTC day.
    Daily(TimeOfDay),
    /// By a cron pattern in a timezone.
    Cron {
        /// The pattern as it was written.
        pattern: String,
        /// The pattern, parsed: five fields, minutes first.
        cron: Box<Cron>,
        /// The zone its fields are read in. Default UTC.
        timezone: Tz,
    },
}

/// A time of day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// 0–23.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Leaf for TimeOfDay {
    const WANTED: &'static str = "a time of day; write it like \"06:30\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        let two = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        let (hour, minute) = text.split_once(':').ok_or(None)?;
        if !two(hour) || minute.len() != 2 || !two(minute) {
            return Err(None);
        }
        match (hour.parse(), minute.parse()) {
            (Ok(hour @ 0..24), Ok(minute @ 0..60)) => Ok(Self { hour, minute }),
            _ => Err(None),
        }
    }
}

/// What to do with a slot that passed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// Run it once, however late.
    #[default]
    Run,
    /// Leave it out.
    Skip,
    /// Run it if no more than so many milliseconds have passed.
    Within(i64),
}

impl Leaf for Late {
    const WANTED: &'static str = "a rule for late wakeups; write \"run\", \"skip\" or \"within:30m\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        match text {
            "run" => Ok(Self::Run),
            "skip" => Ok(Self::Skip),
            _ => text.strip_prefix("within:").and_then(parse_duration_ms).map(Self::Within).ok_or(None),
        }
    }
}

/// The file as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RawWakeups {
    /// Whether any runs. Default true.
    pub enabled: bool,
    /// What is asked, by id.
    pub prompts: BTreeMap<String, WakeupPrompt>,
    /// When: `timeUtc`, or `cron` with `timezone`.
    pub schedule: Vec<RawEntry>,
}

impl Default for RawWakeups {
    fn default() -> Self {
        Self { enabled: true, prompts: BTreeMap::new(), schedule: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawEntry {
    /// Which prompt.
    prompt_id: String,
    /// Once each UTC day at this time, `10:00`.
    #[serde(default, deserialize_with = "leaf::some")]
    #[schemars(with = "Option<String>")]
    time_utc: Option<TimeOfDay>,
    /// A cron pattern of five fields.
    cron: Option<String>,
    /// The zone the pattern is read in. Default UTC.
    #[serde(default, deserialize_with = "leaf::some")]
    #[schemars(with = "Option<String>")]
    timezone: Option<Tz>,
    /// `run` (default), `skip` or `within:30m`.
    #[serde(default, deserialize_with = "leaf::one")]
    #[schemars(with = "String")]
    late: Late,
}

impl RawWakeups {
    /// Checks what the types cannot say.
    pub(crate) fn resolve(self) -> Result<WakeupConfig, Vec<Problem>> {
        let mut problems = Vec::new();
        for (id, prompt) in &self.prompts {
            if prompt.prompt.trim().is_empty() {
                problems.push(Problem::new(format!("prompts.{id}.prompt"), "is empty; write what to ask"));
            }
        }
        let mut schedule = Vec::new();
        for (index, entry) in self.schedule.into_iter().enumerate() {
            let key = format!("schedule[{index}]");
            if !self.prompts.contains_key(&entry.prompt_id) {
                problems.push(unknown_prompt(&key, &entry.prompt_id, &self.prompts));
            }
            match entry.when(&key) {
                Ok(when) => schedule.push(ScheduleEntry { prompt_id: entry.prompt_id, when, late: entry.late }),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(WakeupConfig { enabled: self.enabled, prompts: self.prompts, schedule })
        } else {
            Err(problems)
        }
    }
}

fn unknown_prompt(key: &str, id: &str, prompts: &BTreeMap<String, WakeupPrompt>) -> Problem {
    let remedy = match nearest(id, prompts.keys().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "add it to prompts".to_owned(),
    };
    Problem::new(format!("{key}.promptId"), format!("{} is not a prompt of this file; {remedy}", quote(id)))
}

impl RawEntry {
    fn when(&self, key: &str) -> Result<When, Problem> {
        match (self.time_utc, &self.cron) {
            (Some(_), Some(_)) => Err(Problem::new(key, "has both timeUtc and cron; keep one")),
            (None, None) => {
                Err(Problem::new(key, "has no time; write \"timeUtc\": \"10:00\" or \"cron\": \"0 9 * * 1-5\""))
            }
            (Some(_), None) if self.timezone.is_some() => Err(Problem::new(
                format!("{key}.timezone"),
                "belongs to cron entries only, timeUtc is UTC; remove it or write a cron pattern",
            )),
            (Some(time), None) => Ok(When::Daily(time)),
            (None, Some(pattern)) => {
                let cron = parse_cron(pattern).map_err(|why| Problem::new(format!("{key}.cron"), why))?;
                let timezone = self.timezone.unwrap_or(Tz::UTC);
                Ok(When::Cron { pattern: pattern.clone(), cron: Box::new(cron), timezone })
            }
        }
    }
}

/// Five fields, minutes first.
fn parse_cron(pattern: &str) -> Result<Cron, String> {
    let shown = quote(pattern);
    let fields = pattern.split_whitespace().count();
    if fields != 5 && !pattern.starts_with('@') {
        return Err(format!("{shown} has {fields} fields, not 5; write it like \"0 9 * * 1-5\""));
    }
    if !pattern.is_ascii() {
        return Err(format!("{shown} is not a cron pattern; write it like \"0 9 * * 1-5\""));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(pattern).map_err(|_| format!("{shown} is not a cron pattern; write it like \"0 9 * * 1-5\""))
}
