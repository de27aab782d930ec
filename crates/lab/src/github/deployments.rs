//! Production deployments, as GitHub lists them and as Vercel builds them.

use super::git::Oid;
use super::script::Event;
use super::{BRANCH, Repo};
use crate::time::{MINUTE_MS, SECOND_MS};

/// How long a build may take before it is given up.
const BUILD_MS_MAX: i64 = 5 * MINUTE_MS;

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeployState {
    InProgress,
    Success,
    Failure,
    Inactive,
}

impl DeployState {
    /// GitHub's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Inactive => "inactive",
        }
    }
}

/// One status of a deployment.
#[derive(Clone, Debug)]
pub(super) struct DeployStatus {
    pub(super) id: u64,
    pub(super) state: DeployState,
    pub(super) at_ms: i64,
}

/// One deployment of a commit to production.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) commit: Oid,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) created_ms: i64,
    /// In order of time, never empty.
    pub(super) statuses: Vec<DeployStatus>,
    /// Index of the trouble that keeps it from becoming ready.
    pub(super) trouble: Option<usize>,
}

impl Deployment {
    /// When it became ready, if it did.
    pub(crate) fn ready_ms(&self) -> Option<i64> {
        self.time_of(DeployState::Success)
    }

    /// When it failed, if it did.
    pub(crate) fn failed_ms(&self) -> Option<i64> {
        self.time_of(DeployState::Failure)
    }

    fn time_of(&self, state: DeployState) -> Option<i64> {
        self.statuses.iter().find(|status| status.state == state).map(|status| status.at_ms)
    }
}

impl Repo {
    /// Every deployment so far, oldest first.
    pub(crate) fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// A commit's message; empty for an unknown one.
    pub(crate) fn message_of(&self, commit: Oid) -> &str {
        self.git.commit(commit).map(|commit| commit.message.as_str()).unwrap_or_default()
    }

    /// The scenario's incident that keeps a deployment from becoming ready.
    pub(crate) fn incident_of(&self, deployment: &Deployment) -> Option<&str> {
        deployment.trouble.map(|at| self.troubles[at].incident.id.as_str())
    }

    /// Starts a production deployment of the newest commit on the default branch.
    pub(super) fn deploy(&mut self, title: &str, author: &str, trouble: Option<usize>) {
        let (id, status_id, at_ms) = (self.next_id(), self.next_id(), self.clock_ms);
        let build_ms = 45 * SECOND_MS + self.dice.roll(&["build", &id.to_string()], 45) as i64 * SECOND_MS;
        self.deployments.push(Deployment {
            id,
            commit: self.main_head(),
            title: title.to_owned(),
            author: author.to_owned(),
            created_ms: at_ms,
            statuses: vec![DeployStatus { id: status_id, state: DeployState::InProgress, at_ms }],
            trouble,
        });
        let settles_ms = at_ms + if trouble.is_some() { BUILD_MS_MAX } else { build_ms };
        self.agenda.add(settles_ms, Event::SettleDeployment { id });
    }

    /// Ends a build: in failure when trouble holds it, else it becomes production and its forerunners inactive.
    pub(super) fn settle_deployment(&mut self, id: u64) {
        let stuck = self.deployments.iter().any(|deployment| deployment.id == id && deployment.trouble.is_some());
        let state = if stuck { DeployState::Failure } else { DeployState::Success };
        if !stuck {
            let live = |deployment: &Deployment| {
                deployment.statuses.last().is_some_and(|status| status.state == DeployState::Success)
            };
            let retired: Vec<u64> =
                self.deployments.iter().filter(|deployment| live(deployment)).map(|deployment| deployment.id).collect();
            for old in retired {
                self.add_status(old, DeployState::Inactive);
            }
        }
        self.add_status(id, state);
    }

    fn add_status(&mut self, id: u64, state: DeployState) {
        let (status_id, at_ms) = (self.next_id(), self.clock_ms);
        if let Some(deployment) = self.deployments.iter_mut().find(|deployment| deployment.id == id) {
            deployment.statuses.push(DeployStatus { id: status_id, state, at_ms });
        }
    }

    /// Deploys the head again, as the platform does by itself after a repair.
    pub(super) fn redeploy(&mut self) {
        let message = self.git.commit(self.main_head()).map(|commit| commit.message.clone()).unwrap_or_default();
        let title = message.lines().next().unwrap_or(BRANCH).to_owned();
        let trouble = self.stuck_trouble(self.clock_ms);
        self.deploy(&title, super::DEPLOY_USER, trouble);
    }
}
