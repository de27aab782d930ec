//! Vercel: one project whose production deployments are those GitHub lists.
//!
//! Owns: which deployment is live, rollback and promotion, and the REST answers about them.
//! Must not: build anything by itself; what exists comes from the repository's deployments.
//! Start at [`router`].

mod api;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use api::router;

use crate::Scenario;
use crate::github::{Deployment, Repo};
use sha2::{Digest, Sha256};

/// Somebody pointed production at a deployment.
#[derive(Debug, Clone)]
struct Assignment {
    at_ms: i64,
    deployment: u64,
    /// Whether later deployments go live by themselves again.
    automatic: bool,
}

/// The project's state beyond its deployments.
#[derive(Debug, Clone)]
pub struct Vercel {
    seed: u64,
    assignments: Vec<Assignment>,
    incidents: BTreeMap<String, Vec<String>>,
}

impl Vercel {
    /// The project as it stands before the scenario's history.
    pub fn new(scenario: &Scenario) -> Vercel {
        Vercel { seed: scenario.seed, assignments: Vec::new(), incidents: BTreeMap::new() }
    }

    /// Moves the deployments to `now_ms`: they are the repository's, which moves by itself.
    pub fn advance(&mut self, _now_ms: i64) {}

    /// The deployments that an incident held up, by the ids of both services, for `/_lab/state?truth=1`.
    pub fn deployment_ids(&self, incident: &str) -> Vec<String> {
        self.incidents.get(incident).cloned().unwrap_or_default()
    }

    /// Notes which deployments the repository's incidents hold up.
    pub(crate) fn note(&mut self, repo: &Repo) {
        self.incidents.clear();
        for deployment in repo.deployments() {
            if let Some(incident) = repo.incident_of(deployment) {
                let ids = [self.id_of(deployment), deployment.id.to_string()];
                self.incidents.entry(incident.to_owned()).or_default().extend(ids);
            }
        }
    }

    /// `length` letters and digits that belong to `label`.
    fn code(&self, label: &str, length: usize) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let digest = Sha256::digest(format!("{} {label}", self.seed));
        digest.iter().take(length).map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()] as char).collect()
    }

    fn id_of(&self, deployment: &Deployment) -> String {
        format!("dpl_{}", self.code(&format!("deployment {}", deployment.id), 28))
    }

    /// The deployment that production shows at `at_ms`.
    fn production<'a>(&self, deployments: &'a [Deployment], at_ms: i64) -> Option<&'a Deployment> {
        let ready = |deployment: &&Deployment| deployment.ready_ms().is_some_and(|ready| ready <= at_ms);
        let last = self.assignments.iter().rev().find(|assignment| assignment.at_ms <= at_ms);
        let Some(last) = last else {
            return deployments.iter().filter(ready).max_by_key(|deployment| deployment.created_ms);
        };
        let later = |deployment: &&Deployment| last.automatic && deployment.created_ms > last.at_ms;
        let newest = deployments.iter().filter(ready).filter(later).max_by_key(|deployment| deployment.created_ms);
        newest.or_else(|| deployments.iter().find(|deployment| deployment.id == last.deployment))
    }

    /// Whether a deployment has been live at any time up to `at_ms`.
    fn was_live(&self, deployments: &[Deployment], deployment: &Deployment, at_ms: i64) -> bool {
        let assigned = self.assignments.iter().any(|one| one.deployment == deployment.id && one.at_ms <= at_ms);
        let ready_ms = deployment.ready_ms().filter(|ready| *ready <= at_ms);
        let showed = |ready_ms| self.production(deployments, ready_ms).is_some_and(|live| live.id == deployment.id);
        assigned || ready_ms.is_some_and(showed)
    }
}
