//! `read-only/wakeup.json`: what is asked of the model at which times.

use std::{collections::BTreeMap, fmt};

use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    duration::parse_duration_ms,
    error::{Parsed, Warning},
    explain::{name_value, quote, with_example},
    keys,
    leaf::Leaf,
    place::{Step, line_of},
    suggest::nearest,
};

/// The wakeup that tells each operator the one thing worth doing.
pub const TIP_WAKEUP: &str = "tip";
/// What a wakeup may tell besides the prompts of the file.
pub const SHIPPED_PROMPTS: [(&str, &str); 5] = [
    ("morning-brief", "Morning brief"),
    ("night-check", "Night check"),
    ("weekly-review", "Weekly review"),
    (RELEASE_CHECK, "Before the release"),
    (TIP_WAKEUP, "One tip"),
];
/// The prompt that looks at how everything stands, also at what was told before.
pub const RELEASE_CHECK: &str = "release-check";

/// The wakeups of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct WakeupConfig {
    /// Whether any runs. Default true.
    pub enabled: bool,
    /// What is asked, by id.
    pub prompts: BTreeMap<String, WakeupPrompt>,
    /// When, in the order of the file: also what is wrong, so that it can be shown.
    pub schedule: Vec<ScheduleEntry>,
}

impl Default for WakeupConfig {
    fn default() -> Self {
        Self { enabled: true, prompts: BTreeMap::new(), schedule: Vec::new() }
    }
}

impl WakeupConfig {
    /// What people call a prompt.
    pub fn title<'a>(&'a self, prompt_id: &'a str) -> &'a str {
        let own = self.prompts.get(prompt_id).map(|prompt| prompt.title.as_str());
        let shipped = || SHIPPED_PROMPTS.iter().find(|(id, _)| *id == prompt_id).map(|(_, title)| *title);
        own.filter(|title| !title.trim().is_empty()).or_else(shipped).unwrap_or(prompt_id)
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
    /// The line of the file it begins on, from 1.
    pub line: usize,
    /// `timeUtc` as it is written.
    pub time_utc: Option<String>,
    /// `cron` as it is written.
    pub cron: Option<String>,
    /// `timezone` as it is written.
    pub timezone: Option<String>,
    /// `late` as it is written.
    pub late: Option<String>,
    /// `only` as it is written.
    pub only: Option<String>,
    /// `jitter` as it is written.
    pub jitter: Option<String>,
    /// When it is due; or what is wrong with it, with line and remedy. Such an entry never runs, the others do.
    pub plan: Result<Plan, String>,
}

/// When a wakeup is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// At which times.
    pub when: When,
    /// What to do with a slot that passed while nothing ran. Default `run`.
    pub late: Late,
    /// What must be so that it speaks. Default: nothing.
    pub only: Only,
    /// A slot runs up to so many milliseconds later, each by its own part of it. Default 0.
    pub jitter_ms: i64,
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

/// What must be so that a wakeup speaks. Where it is not, no model is asked and nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Only {
    /// Nothing: it always speaks.
    #[default]
    Always,
    /// Something changed since it spoke last.
    Changed,
    /// A finding is not over, a card waits, or a source does not answer.
    Open,
    /// One of both.
    OpenOrChanged,
}

impl Leaf for Only {
    const WANTED: &'static str = "a condition; write \"changed\", \"open\", \"open-or-changed\" or \"always\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        match text {
            "always" => Ok(Self::Always),
            "changed" => Ok(Self::Changed),
            "open" => Ok(Self::Open),
            "open-or-changed" => Ok(Self::OpenOrChanged),
            _ => Err(None),
        }
    }
}

/// How far a slot may be put off.
struct Jitter(i64);

/// Whether `text` takes the jitter away.
pub(crate) fn is_no_jitter(text: &str) -> bool {
    matches!(Jitter::read(text), Ok(Jitter(0)))
}

impl Leaf for Jitter {
    const WANTED: &'static str = "a time of at most 1h; write it like \"5m\", or \"off\"";
    fn read(text: &str) -> Result<Self, Option<String>> {
        if matches!(text.trim(), "off" | "0" | "0m" | "0s") {
            return Ok(Self(0));
        }
        parse_duration_ms(text).filter(|ms| (0..=wakeman_types::HOUR_MS).contains(ms)).map(Self).ok_or(None)
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
    #[schemars(with = "Vec<RawEntry>")]
    pub schedule: Vec<WrittenEntry>,
}

impl Default for RawWakeups {
    fn default() -> Self {
        Self { enabled: true, prompts: BTreeMap::new(), schedule: Vec::new() }
    }
}

/// An entry of whatever kinds: one that is wrong does not stop the others.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WrittenEntry {
    prompt_id: Value,
    time_utc: Value,
    cron: Value,
    timezone: Value,
    late: Value,
    only: Value,
    jitter: Value,
}

#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct RawEntry {
    /// Which prompt: one of this file, or `morning-brief`, `night-check`, `weekly-review`, `release-check` or `tip`.
    prompt_id: String,
    /// Once each UTC day at this time, `10:00`.
    time_utc: Option<String>,
    /// A cron pattern of five fields.
    cron: Option<String>,
    /// The zone the pattern is read in. Default UTC.
    timezone: Option<String>,
    /// `run` (default), `skip` or `within:30m`.
    late: Option<String>,
    /// Speaks only when so: `changed`, `open`, `open-or-changed` or `always` (default).
    only: Option<String>,
    /// Put off by up to so long, `5m`, each time otherwise; `off`. Default: not.
    jitter: Option<String>,
}

impl RawWakeups {
    /// Checks what the types cannot say, entry by entry: one that is wrong does not stop the others. `text` is the file.
    pub(crate) fn resolve(self, text: &str, label: &str) -> Parsed<WakeupConfig> {
        let mut warnings = Vec::new();
        let mut schedule: Vec<ScheduleEntry> = Vec::new();
        for (index, written) in self.schedule.into_iter().enumerate() {
            let (entry, read) = written.read();
            let plan = read.and_then(|()| entry.plan(&self.prompts)).and_then(|plan| {
                match schedule.iter().any(|other| {
                    other.prompt_id == entry.prompt_id && other.plan.as_ref().is_ok_and(|other| other.when == plan.when)
                }) {
                    true => Err(("promptId", "is there twice with the same times; remove one".to_owned())),
                    false => Ok(plan),
                }
            });
            let plan = plan.map_err(|(key, why)| {
                let path = [Step::Key("schedule"), Step::Index(index), Step::Key(key)];
                let place = format!("line {}, schedule[{index}]", line_of(text, &path));
                let place = if key.is_empty() { place } else { format!("{place}.{key}") };
                warnings.push(Warning::new(label, format!("{place}:"), format!("{why} (this wakeup does not run)")));
                format!("{label}: {place}: {why}")
            });
            let line = line_of(text, &[Step::Key("schedule"), Step::Index(index)]);
            let RawEntry { prompt_id, time_utc, cron, timezone, late, only, jitter } = entry;
            schedule.push(ScheduleEntry { prompt_id, line, time_utc, cron, timezone, late, only, jitter, plan });
        }
        let value = WakeupConfig { enabled: self.enabled, prompts: self.prompts, schedule };
        Parsed { value, warnings }
    }
}

/// The key that is wrong (empty: the entry as a whole), and why.
type Wrong = (&'static str, String);

impl WrittenEntry {
    /// The entry, and what of it is of the wrong kind.
    fn read(self) -> (RawEntry, Result<(), Wrong>) {
        let mut wrong = Ok(());
        let mut text = |key: &'static str, value: Value| {
            let why = match value {
                Value::String(text) => return Some(text),
                Value::Null if key != "promptId" => return None,
                Value::Null => "is missing".to_owned(),
                other => format!("{} is not a text", name_value(&other)),
            };
            let like = keys::WAKEUP.iter().find(|(pattern, _)| pattern.strip_prefix("schedule[].") == Some(key));
            if wrong.is_ok() {
                wrong = Err((key, with_example(&why, like.map(|(_, example)| *example))));
            }
            None
        };
        let entry = RawEntry {
            prompt_id: text("promptId", self.prompt_id).unwrap_or_else(|| "unnamed".to_owned()),
            time_utc: text("timeUtc", self.time_utc),
            cron: text("cron", self.cron),
            timezone: text("timezone", self.timezone),
            late: text("late", self.late),
            only: text("only", self.only),
            jitter: text("jitter", self.jitter),
        };
        (entry, wrong)
    }
}

impl RawEntry {
    fn plan(&self, prompts: &BTreeMap<String, WakeupPrompt>) -> Result<Plan, Wrong> {
        self.check_prompt(prompts)?;
        let when = self.when()?;
        let late = self.late.as_deref().map_or(Ok(Late::default()), |text| leaf("late", text))?;
        let only = self.only.as_deref().map_or(Ok(Only::default()), |text| leaf("only", text))?;
        let jitter = self.jitter.as_deref().map_or(Ok(Jitter(0)), |text| leaf("jitter", text))?;
        Ok(Plan { when, late, only, jitter_ms: jitter.0 })
    }

    fn check_prompt(&self, prompts: &BTreeMap<String, WakeupPrompt>) -> Result<(), Wrong> {
        let id = self.prompt_id.as_str();
        match prompts.get(id) {
            Some(prompt) if prompt.prompt.trim().is_empty() => {
                Err(("promptId", format!("{} has an empty prompt; write what to ask", quote(id))))
            }
            Some(_) => Ok(()),
            None if SHIPPED_PROMPTS.iter().any(|(shipped, _)| *shipped == id) => Ok(()),
            None => {
                let known = prompts.keys().map(String::as_str).chain(SHIPPED_PROMPTS.iter().map(|(id, _)| *id));
                let remedy = match nearest(id, known) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => "add it to prompts".to_owned(),
                };
                Err(("promptId", format!("{} is not a prompt of this file; {remedy}", quote(id))))
            }
        }
    }

    fn when(&self) -> Result<When, Wrong> {
        match (&self.time_utc, &self.cron) {
            (Some(_), Some(_)) => Err(("", "has both timeUtc and cron; keep one".to_owned())),
            (None, None) => {
                Err(("", "has no time; write \"timeUtc\": \"10:00\" or \"cron\": \"0 9 * * 1-5\"".to_owned()))
            }
            (Some(_), None) if self.timezone.is_some() => Err((
                "timezone",
                "belongs to cron entries only, timeUtc is UTC; remove it or write a cron pattern".to_owned(),
            )),
            (Some(time), None) => leaf("timeUtc", time).map(When::Daily),
            (None, Some(pattern)) => {
                let cron = parse_cron(pattern).map_err(|why| ("cron", why))?;
                let timezone = self.timezone.as_deref().map_or(Ok(Tz::UTC), |text| leaf("timezone", text))?;
                Ok(When::Cron { pattern: pattern.clone(), cron: Box::new(cron), timezone })
            }
        }
    }
}

fn leaf<T: Leaf>(key: &'static str, text: &str) -> Result<T, Wrong> {
    T::read(text).map_err(|why| (key, why.unwrap_or_else(|| format!("{} is not {}", quote(text), T::WANTED))))
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
    let cron =
        parser.parse(pattern).map_err(|_| format!("{shown} is not a cron pattern; write it like \"0 9 * * 1-5\""))?;
    match cron.find_next_occurrence(&chrono::DateTime::UNIX_EPOCH, false) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!("{shown} names a day that never comes; write it like \"0 9 * * 1-5\"")),
    }
}
