//! The correlation's reasons in the contract's terms.

use std::collections::HashMap;

use wakeman_detect::Reason as Found;
use wakeman_types::{Reason, Timestamp};

/// Labels of carried changes that are worth naming.
const CARRIED_MAX: usize = 3;

/// A reason as findings keep it. `None`: not worth showing. `labels` names changes by id.
pub(super) fn reason(found: &Found, labels: &HashMap<String, String>) -> Option<Reason> {
    Some(match found {
        Found::LeadTime { lead_ms } => Reason::Lead { lead_ms: *lead_ms },
        Found::AfterOnset { by_ms } => Reason::Lead { lead_ms: -by_ms },
        Found::WentLive { at_ms, .. } => Reason::WentLive { at: Timestamp::from_ms(*at_ms) },
        Found::FilesInErrors { files, events } => {
            Reason::FilesInErrors { files: files.iter().take(3).cloned().collect(), errors: *events }
        }
        Found::NamesMatch { words } => Reason::NamesSubject { words: words.iter().take(3).cloned().collect() },
        Found::FlagSplitConfirms { exposed_ratio, unexposed_ratio } => {
            Reason::SplitConfirms { exposed: *exposed_ratio, unexposed: *unexposed_ratio }
        }
        Found::FlagUsersUnaffected { .. } | Found::FlagSplitEven { .. } => Reason::SplitClears,
        Found::HeadCommit => Reason::SameCommit,
        Found::Carries { ids } => {
            Reason::Carries { changes: ids.iter().filter_map(|id| labels.get(id).cloned()).take(CARRIED_MAX).collect() }
        }
        Found::FilesNotInErrors | Found::RolloutTooSmall { .. } => return None,
    })
}
