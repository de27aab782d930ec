//! A code host that answers what a test put there, or fails.

use std::sync::{Mutex, MutexGuard};

use futures::future::BoxFuture;
use wakeman_gateway::ports::{CodeAnswer, CodeRequest, CodeSource, DeploymentFact, RunFact, RunStatus, SourceError};
use wakeman_types::Timestamp;

#[derive(Default)]
pub struct State {
    pub answer: CodeAnswer,
    pub down: Option<SourceError>,
    pub polls: usize,
}

#[derive(Default)]
pub struct FakeCode(Mutex<State>);

impl FakeCode {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A finished run of workflow `ci`, newer than all before.
    pub fn run(&self, id: u64, sha: &str, passed: bool, at: Timestamp) {
        let run = RunFact {
            id,
            workflow: "ci".to_owned(),
            sha: sha.to_owned(),
            status: if passed { RunStatus::Passed } else { RunStatus::Failed },
            attempt: 1,
            created_at: at,
            updated_at: at,
            url: None,
        };
        self.state().answer.runs.insert(0, run);
    }

    /// A deployment to production, newer than all before.
    pub fn deployment(&self, id: u64, sha: &str, status: &str, at: Timestamp) {
        let deployment = DeploymentFact {
            id,
            sha: sha.to_owned(),
            environment: "production".to_owned(),
            status: status.to_owned(),
            created_at: at,
            status_at: at,
        };
        self.state().answer.deployments.insert(0, deployment);
    }
}

impl CodeSource for FakeCode {
    fn poll(&self, _: CodeRequest) -> BoxFuture<'_, Result<CodeAnswer, SourceError>> {
        let mut state = self.state();
        state.polls += 1;
        let answer = state.down.clone().map_or_else(|| Ok(state.answer.clone()), Err);
        Box::pin(std::future::ready(answer))
    }
}
