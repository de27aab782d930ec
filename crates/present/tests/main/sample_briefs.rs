//! A brief for the tests of every renderer.

use wakeman_types::{BriefLine, BriefView};

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
