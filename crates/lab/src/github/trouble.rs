//! The incidents that show in this service: red workflow runs and stuck deployments.

use std::collections::BTreeSet;

use super::Repo;
use crate::scenario::{Change, ChangeKind, Effect, Incident};
use crate::time::MINUTE_MS;

/// How long before an incident its cause's own deployment may have begun and still be the stuck one.
const SAME_DEPLOYMENT_MS: i64 = 20 * MINUTE_MS;
/// How long before an incident its cause's commit may have landed and its first run still be the red one.
pub(super) const SAME_RUN_MS: i64 = 20 * MINUTE_MS;

/// What a scenario names as the cause of an incident that no change caused.
pub(crate) const NO_CAUSE: &str = "none";

/// One such incident and whether it was ended early.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) incident: Incident,
    pub(super) ended_ms: Option<i64>,
}

impl Trouble {
    fn active(&self, at_ms: i64) -> bool {
        self.incident.at_ms <= at_ms
            && self.incident.until_ms.is_none_or(|until| at_ms < until)
            && self.ended_ms.is_none_or(|ended| at_ms < ended)
    }
}

impl Repo {
    /// The trouble that makes runs on the default branch fail at `at_ms`.
    pub(super) fn red_trouble(&self, at_ms: i64) -> Option<usize> {
        self.troubles.iter().position(|trouble| trouble.incident.effect == Effect::CiRed && trouble.active(at_ms))
    }

    /// The trouble that keeps a deployment begun at `at_ms` from becoming ready.
    pub(super) fn stuck_trouble(&self, at_ms: i64) -> Option<usize> {
        self.troubles.iter().position(|trouble| trouble.incident.effect == Effect::DeployStuck && trouble.active(at_ms))
    }

    /// The trouble that a scenario's deployment runs into: an active one, or one it is about to cause.
    pub(super) fn trouble_of_deploy(&self, change: &Change) -> Option<usize> {
        let caused = |trouble: &Trouble| {
            let incident = &trouble.incident;
            let near = (change.at_ms..=change.at_ms + SAME_DEPLOYMENT_MS).contains(&incident.at_ms);
            let mine = incident.cause.as_deref().and_then(|id| self.script.change(id)).is_some_and(|cause| {
                cause.id == change.id || (cause.kind != ChangeKind::Deploy && cause.at_ms <= change.at_ms)
            });
            incident.effect == Effect::DeployStuck && trouble.ended_ms.is_none() && near && mine
        };
        self.stuck_trouble(change.at_ms).or_else(|| self.troubles.iter().position(caused))
    }

    pub(super) fn cause_of(&self, trouble: usize) -> Option<&Change> {
        self.script.change(self.troubles[trouble].incident.cause.as_deref()?)
    }

    /// Ends the troubles with one of these causes (`None`: no change) whose fix is `action`.
    pub(crate) fn settle(&mut self, causes: &[Option<&str>], action: &str) {
        let now_ms = self.clock_ms;
        for trouble in &mut self.troubles {
            let incident = &trouble.incident;
            let fixes = incident.fix.as_deref() == Some(action) && causes.contains(&incident.cause.as_deref());
            if fixes && trouble.ended_ms.is_none() && incident.at_ms <= now_ms {
                trouble.ended_ms = Some(now_ms);
            }
        }
    }

    /// Takes over what the world knows: an incident that a repair elsewhere ended is over here too.
    pub(super) fn sync_troubles(&mut self, active: &BTreeSet<String>) {
        let now_ms = self.clock_ms;
        for trouble in &mut self.troubles {
            if trouble.active(now_ms) && !active.contains(&trouble.incident.id) {
                trouble.ended_ms = Some(now_ms);
            }
        }
    }
}
