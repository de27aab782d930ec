//! Wakeups: a schedule with a prompt, and what became of each due slot.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entity, ThreadId, Timestamp, TurnId};

/// How a due slot stands. Each ends as exactly one of `ran`, `skipped` and `missed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// Claimed; being run.
    Running,
    /// It ran and its answer was owed to the operators.
    Ran,
    /// Left out on purpose: nothing new, paused, out of budget, a policy.
    Skipped,
    /// It could not run in time.
    Missed,
}

impl OccurrenceState {
    /// Every state, for tables.
    pub const ALL: [Self; 4] = [Self::Running, Self::Ran, Self::Skipped, Self::Missed];

    /// Its name in files and queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ran => "ran",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }
}

/// One due slot of a wakeup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// The wakeup's id.
    pub wakeup_id: String,
    /// The prompt it asks.
    pub prompt_id: String,
    /// When it was due; with the wakeup's id unique.
    pub due_at: Timestamp,
    /// How it stands.
    pub state: OccurrenceState,
    /// Why, in words for people.
    pub reason: String,
    /// How often a run of it was begun.
    pub attempts: u32,
    /// When it ended, or was claimed.
    pub at: Timestamp,
    /// Where its answer is.
    pub thread_id: Option<ThreadId>,
    /// The turn that answered, where a model was asked.
    pub turn_id: Option<TurnId>,
}

impl Entity for Occurrence {
    const KIND: &'static str = "occurrence";

    fn entity_id(&self) -> String {
        format!("{}@{}", self.wakeup_id, self.due_at.ms())
    }

    fn state_name(&self) -> &str {
        self.state.name()
    }

    fn parent_id(&self) -> Option<String> {
        Some(self.wakeup_id.clone())
    }

    fn sort_key(&self) -> i64 {
        self.due_at.ms()
    }
}

/// A wakeup as it is shown. The first fields are those of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WakeupView {
    /// Its id: stable while what it asks and when stay the same.
    pub id: String,
    /// The prompt it asks.
    pub prompt_id: String,
    /// What people call it.
    pub title: String,
    /// Once each UTC day at this time, `10:00`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_utc: Option<String>,
    /// A cron pattern of five fields.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cron: Option<String>,
    /// The zone the pattern is read in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timezone: Option<String>,
    /// `run`, `skip` or `within:30m`.
    pub late: String,
    /// It speaks only when so: `changed`, `open` or `open-or-changed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub only: Option<String>,
    /// Its slots are put off by up to so long, `5m`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jitter: Option<String>,
    /// Whether it runs.
    pub enabled: bool,
    /// Who paused it, if it is paused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paused_by: Option<String>,
    /// What it was called before the edit that this answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub was: Option<String>,
    /// Where it comes from: `read-only/wakeup.json`.
    pub origin: String,
    /// What is wrong with it; such an entry never runs, the others do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
    /// When it is next due.
    pub next: Option<Timestamp>,
    /// What became of the last slot.
    pub last: Option<Occurrence>,
}

/// The rules of a wakeup, as `wakeup.json` writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WakeupRules {
    /// It speaks only when so: `changed`, `open` or `open-or-changed`; `always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Its slots are put off by up to so long, `5m`; `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// What becomes of a slot that is late: `run`, `skip` or `within:30m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<String>,
}

impl WakeupRules {
    /// Takes the rules off the end of what a person wrote: `weekdays 09:00 only changed jitter 5m`. What is before them, and they.
    pub fn split(text: &str) -> (String, Self) {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let mut rules = Self::default();
        while let [.., name, value] = words.as_slice() {
            let rule = match name.to_ascii_lowercase().as_str() {
                "only" => &mut rules.only,
                "jitter" => &mut rules.jitter,
                "late" => &mut rules.late,
                _ => break,
            };
            *rule = Some((*value).to_owned());
            words.truncate(words.len() - 2);
        }
        (words.join(" "), rules)
    }
}

impl fmt::Display for WakeupRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = [("only", &self.only), ("jitter", &self.jitter), ("late", &self.late)];
        rules.iter().try_for_each(|(name, rule)| rule.iter().try_for_each(|rule| write!(f, " {name} {rule}")))
    }
}

/// What is set of a wakeup at run time. The file is never rewritten: it lies over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum WakeupOrder {
    /// A wakeup of its own.
    Add {
        /// When, in a person's words: `weekdays 09:00 Europe/Berlin`.
        when: String,
        /// The id of a shipped prompt, or what to ask in one's own words.
        what: String,
        /// By which rules.
        #[serde(default)]
        rules: WakeupRules,
    },
    /// Another time or other rules for it.
    Edit {
        /// Which.
        id: String,
        /// When, as for [`WakeupOrder::Add`]; the same as before, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<String>,
        /// Its rules; those that are absent stay.
        #[serde(default)]
        rules: WakeupRules,
    },
    /// Leaves its slots out.
    Pause {
        /// Which.
        id: String,
    },
    /// No longer leaves them out.
    Resume {
        /// Which.
        id: String,
    },
    /// Runs it once, now.
    Run {
        /// Which.
        id: String,
    },
    /// Leaves its next slot out.
    Skip {
        /// Which.
        id: String,
    },
}
