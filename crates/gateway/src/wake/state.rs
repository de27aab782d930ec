//! How far each wakeup is settled, and what it told last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wakeman_store::canonical;
use wakeman_types::{Entity, Occurrence, OccurrenceState, ThreadId, Timestamp};

use crate::config::{Plan, ScheduleEntry, When};

/// One wakeup's own row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WakeupState {
    /// The wakeup's id.
    pub id: String,
    /// The prompt it asks.
    pub prompt_id: String,
    /// When it was first in the file; slots before are none of its.
    pub first_seen: Timestamp,
    /// Every slot up to here has its row.
    pub cursor: Timestamp,
    /// Where the cursor stood before the clock was put back; until then slots have their rows already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Timestamp>,
    /// The conversation it speaks in.
    pub thread: Option<ThreadId>,
    /// When it last spoke.
    pub said_at: Option<Timestamp>,
    /// How things stood then: what [`super::facts`] compares with.
    pub told: BTreeMap<String, String>,
}

impl WakeupState {
    /// A wakeup that was just found in the file.
    pub fn new(id: String, prompt_id: String, now: Timestamp) -> Self {
        Self {
            id,
            prompt_id,
            first_seen: now,
            cursor: now,
            ahead: None,
            thread: None,
            said_at: None,
            told: BTreeMap::new(),
        }
    }

    /// From when on news count: what was told before is not told again.
    pub fn since(&self) -> Timestamp {
        self.said_at.unwrap_or(self.first_seen)
    }
}

impl Entity for WakeupState {
    const KIND: &'static str = "wakeup";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn sort_key(&self) -> i64 {
        self.first_seen.ms()
    }
}

/// A slot of the wakeup `id`, as it is begun.
pub(super) fn slot_of(id: String, entry: &ScheduleEntry, due_at: Timestamp, now: Timestamp) -> Occurrence {
    Occurrence {
        wakeup_id: id,
        prompt_id: entry.prompt_id.clone(),
        due_at,
        state: OccurrenceState::Running,
        reason: "under way".to_owned(),
        attempts: 0,
        at: now,
        thread_id: None,
        turn_id: None,
    }
}

/// The id of a wakeup: its prompt, and a short hash of when. The same entry has the same id wherever it stands in the file.
pub(crate) fn wakeup_id(entry: &ScheduleEntry) -> String {
    let when = match &entry.plan {
        Ok(Plan { when: When::Daily(time), .. }) => format!("daily {time}"),
        Ok(Plan { when: When::Cron { pattern, timezone, .. }, .. }) => {
            let fields: Vec<&str> = pattern.split_whitespace().collect();
            format!("cron {} {timezone}", fields.join(" "))
        }
        Err(_) => format!("wrong {:?} {:?} {:?} {}", entry.time_utc, entry.cron, entry.timezone, entry.line),
    };
    let digest = canonical::sha256_hex(format!("{}\n{when}", entry.prompt_id).as_bytes());
    format!("{}-{}", entry.prompt_id, &digest[..6])
}
