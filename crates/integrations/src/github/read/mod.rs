//! What a conversation asks of GitHub, as long as enough of the hourly limit is left for the watch and for actions.

mod diff;
mod files;
mod log;
mod topics;

use futures::future::BoxFuture;
use wakeman_gateway::ports::{
    CodeReader, CommitCard, CommitRequest, DeploymentFact, DiffFile, DiffOf, FileAnswer, JobCard, LogTail, Openness,
    RunFact, RunRequest, SourceError, TopicCard,
};

use super::{Github, commits, deployments, runs};
use crate::http::Failure;

impl CodeReader for Github {
    fn commits(&self, request: CommitRequest) -> BoxFuture<'_, Result<Vec<CommitCard>, SourceError>> {
        Box::pin(async move { commits::list(&self.wire, &self.branch, request).await.map_err(Failure::source) })
    }

    fn pull_list(&self, state: Openness, limit: usize) -> BoxFuture<'_, Result<Vec<TopicCard>, SourceError>> {
        Box::pin(async move { topics::pulls(&self.wire, state, limit).await.map_err(Failure::source) })
    }

    fn pull_request(&self, number: u64) -> BoxFuture<'_, Result<TopicCard, SourceError>> {
        Box::pin(async move { topics::pull(&self.wire, number).await.map_err(Failure::source) })
    }

    fn issue_list(&self, state: Openness, limit: usize) -> BoxFuture<'_, Result<Vec<TopicCard>, SourceError>> {
        Box::pin(async move { topics::issues(&self.wire, state, limit).await.map_err(Failure::source) })
    }

    fn issue(&self, number: u64) -> BoxFuture<'_, Result<TopicCard, SourceError>> {
        Box::pin(async move { topics::issue(&self.wire, number).await.map_err(Failure::source) })
    }

    fn diff(&self, of: DiffOf) -> BoxFuture<'_, Result<Vec<DiffFile>, SourceError>> {
        Box::pin(async move { diff::diff(&self.wire, of).await.map_err(Failure::source) })
    }

    fn file<'a>(&'a self, path: &'a str, at: Option<&'a str>) -> BoxFuture<'a, Result<FileAnswer, SourceError>> {
        Box::pin(
            async move { files::file(&self.wire, path, at.unwrap_or(&self.branch)).await.map_err(Failure::source) },
        )
    }

    fn run_list(&self, request: RunRequest) -> BoxFuture<'_, Result<Vec<RunFact>, SourceError>> {
        Box::pin(async move { runs::list(&self.wire, request).await.map_err(Failure::source) })
    }

    fn jobs(&self, run: u64) -> BoxFuture<'_, Result<Vec<JobCard>, SourceError>> {
        Box::pin(async move { runs::jobs(&self.wire, run).await.map_err(Failure::source) })
    }

    fn job_log(&self, job: u64, bytes: usize) -> BoxFuture<'_, Result<LogTail, SourceError>> {
        Box::pin(async move { log::tail(&self.wire, job, bytes).await.map_err(Failure::source) })
    }

    fn deployment_list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<DeploymentFact>, SourceError>> {
        Box::pin(async move { deployments::list(&self.wire, limit).await.map_err(Failure::source) })
    }
}
