//! A brief and its slot, for the tests of every renderer.

use wakeman_types::{BriefLine, BriefView, Occurrence, OccurrenceState};

use super::ago;

/// A morning brief with these lines.
pub fn brief(lines: Vec<BriefLine>) -> BriefView {
    BriefView {
        title: "Morning brief".into(),
        since: ago(18 * 60 + 35),
        lines,
        note: None,
        prompt: None,
        no_model: None,
        own: false,
        budget: None,
        occurrence: "morning-brief-1a2b3c@0".into(),
    }
}

/// What became of a slot.
pub fn occurrence() -> Occurrence {
    Occurrence {
        wakeup_id: "morning-brief-1a2b3c".into(),
        prompt_id: "morning-brief".into(),
        due_at: ago(5 * 60 + 35),
        state: OccurrenceState::Skipped,
        reason: "nothing changed".into(),
        attempts: 1,
        at: ago(5 * 60 + 35),
        thread_id: None,
        turn_id: None,
    }
}
