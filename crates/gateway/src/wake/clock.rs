//! What a clock that is put back does to the schedules: what was written off in its last day is still to come; further back nothing that
//! stands is taken away, and nothing is told twice.

use serde_json::json;
use wakeman_store::{Commit, EntityRef, ListQuery, Versioned};
use wakeman_types::{DAY_MS, Occurrence, OccurrenceState, Timestamp};

use super::{pass::Wake, state::WakeupState};
use crate::settle::SettleError;

/// Rows that are looked at in one commit.
const PAGE: usize = 1_000;

impl Wake {
    /// Steps the cursor of a wakeup back to a clock that went back, and to where it was once the clock is there again: a clock that
    /// stood in 1970 for a moment leaves nothing to make up for.
    pub(super) async fn set_by_clock(&self, found: Versioned<WakeupState>, now: Timestamp) -> Result<(), SettleError> {
        let Versioned { value: mut state, version } = found;
        let before = state.cursor;
        if state.cursor > now {
            // Seen for the first time by a clock that was ahead, and nothing of it was due yet: it is as if it were seen now.
            if state.cursor == state.first_seen && state.ahead.is_none() {
                state.first_seen = now;
            }
            if before.since(now) <= DAY_MS {
                self.unsay(&state.id, now, before).await?;
            } else {
                state.ahead = state.ahead.max(Some(before));
            }
            state.cursor = now;
        } else if let Some(ahead) = state.ahead.filter(|ahead| *ahead <= now) {
            if state.cursor == state.first_seen {
                state.first_seen = ahead;
            }
            state.cursor = state.cursor.max(ahead);
            state.ahead = None;
        } else {
            return Ok(());
        }
        let mut commit = Commit::new(now).replace(&state, version);
        if before > now {
            commit = commit.event(self.event("wakeup.clock_back", &state.id, json!({"from": before, "to": now})));
        }
        // A conflict: somebody else was here; the next pass looks again.
        let _ = self.core.store.commit(commit).await?;
        Ok(())
    }

    /// Takes the rows away of slots between `now` and `until` that were written off: they are to come again.
    async fn unsay(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<(), SettleError> {
        let query = ListQuery::oldest(PAGE).parent(id.to_owned()).since(now.ms().saturating_add(1));
        loop {
            let found = self.core.store.list::<Occurrence>(&query).await?.items;
            let whole = found.len() < PAGE;
            let off = found.iter().filter(|found| found.value.due_at <= until && is_written_off(&found.value));
            let rows: Vec<_> = off.map(|found| (EntityRef::of(&found.value), found.version)).collect();
            if rows.is_empty() {
                return Ok(());
            }
            let mut commit = Commit::new(now);
            for (row, version) in rows {
                commit = commit.expect(&row, version).delete(row);
            }
            let landed = self.core.store.commit(commit).await?.landed();
            if whole || !landed {
                return Ok(());
            }
        }
    }
}

/// Whether the slot of this row is still to come, since a clock that was ahead wrote it off.
pub(super) fn is_still_to_come(row: &Occurrence, now: Timestamp) -> bool {
    is_written_off(row) && row.at > now
}

/// One that ran keeps its row, and so does one that a person skipped: that has its row before it is due.
fn is_written_off(row: &Occurrence) -> bool {
    match row.state {
        OccurrenceState::Missed => true,
        OccurrenceState::Skipped => row.attempts == 0 && row.at >= row.due_at,
        OccurrenceState::Running | OccurrenceState::Ran => false,
    }
}
