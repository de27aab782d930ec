//! `github_list`: commits, pull requests, issues, workflow runs, their jobs, deployments.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SOURCE, allowed, name, reader};
use crate::{
    core::Core,
    ports::{CodeReader, CommitRequest, Openness, RunRequest, RunStatus, SourceError, TopicCard},
    tools::{
        ToolAnswer, ToolContext, ToolError, TypedTool,
        input::{limit, needed, since, unread},
        output::{Rows, asked, stamp, stamp_or},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    what: What,
    /// open, closed; of runs: failure, …
    state: Option<String>,
    branch: Option<String>,
    path: Option<String>,
    author: Option<String>,
    days: Option<f64>,
    /// for jobs
    run: Option<u64>,
    limit: Option<u64>,
}

#[derive(Deserialize, JsonSchema, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum What {
    Commits,
    Pulls,
    Issues,
    Runs,
    Jobs,
    Deployments,
}

/// The tool.
pub struct List;

impl TypedTool for List {
    const NAME: &'static str = "github_list";
    const DESCRIPTION: &'static str = "Lists of the repository, newest first";
    const DOING: &'static str = "asking GitHub";
    type Arguments = Arguments;

    fn available(&self, core: &Core) -> bool {
        allowed(core)
    }

    async fn answer(&self, context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
        answer(context, arguments).await
    }
}

async fn answer(context: ToolContext<'_>, arguments: Arguments) -> Result<ToolAnswer, ToolError> {
    let what = arguments.what;
    let wanted = limit(arguments.limit, 20, 100);
    let reader = reader(context.core)?;
    let failed = |error: SourceError| unread(SOURCE, error);
    let text = match what {
        What::Commits => commits(context, reader, arguments, wanted).await?,
        What::Pulls => {
            let pulls = reader.pull_list(openness(arguments.state.as_deref())?, wanted).await.map_err(failed)?;
            topics(context, &pulls, wanted)
        }
        What::Issues => {
            let issues = reader.issue_list(openness(arguments.state.as_deref())?, wanted).await.map_err(failed)?;
            topics(context, &issues, wanted)
        }
        What::Runs => runs(context, reader, arguments, wanted).await?,
        What::Jobs => jobs(context, reader, needed("run", arguments.run, "`what: jobs`")?).await?,
        What::Deployments => deployments(context, reader, wanted).await?,
    };
    Ok(asked(context.core, SOURCE, &format!("list of {}", format!("{what:?}").to_lowercase()), None, text))
}

fn openness(state: Option<&str>) -> Result<Openness, ToolError> {
    match state {
        None | Some("all" | "merged") => Ok(Openness::All),
        Some("open") => Ok(Openness::Open),
        Some("closed") => Ok(Openness::Closed),
        Some(_) => Err(ToolError::Arguments("`state`: is not one of open, closed, all".to_owned())),
    }
}

async fn commits(
    context: ToolContext<'_>,
    reader: &dyn CodeReader,
    arguments: Arguments,
    wanted: usize,
) -> Result<String, ToolError> {
    let request = CommitRequest {
        branch: name("branch", arguments.branch)?,
        path: name("path", arguments.path)?,
        author: name("author", arguments.author)?,
        since: arguments.days.map(|days| since(context.core.now(), Some(days), days)),
        limit: wanted,
    };
    let commits = reader.commits(request).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["time", "commit", "author", "title"]);
    for commit in commits.iter().take(wanted) {
        let author = commit.author.as_deref().unwrap_or("-");
        rows.push([stamp(context, commit.at).as_str(), &commit.sha, author, &commit.title]);
    }
    Ok(rows.finish("no commits", commits.len() >= wanted))
}

fn topics(context: ToolContext<'_>, topics: &[TopicCard], wanted: usize) -> String {
    let mut rows = Rows::new(&["number", "state", "changed", "merged", "author", "title", "labels"]);
    for one in topics.iter().take(wanted) {
        let (number, changed, merged) =
            (format!("#{}", one.number), stamp(context, one.updated_at), stamp_or(context, one.merged_at));
        let (author, labels) = (one.author.as_deref().unwrap_or("-"), one.labels.join(", "));
        rows.push([&number, one.state, &changed, &merged, author, &one.title, &labels]);
    }
    rows.finish("none", topics.len() >= wanted)
}

async fn runs(
    context: ToolContext<'_>,
    reader: &dyn CodeReader,
    arguments: Arguments,
    wanted: usize,
) -> Result<String, ToolError> {
    let request =
        RunRequest { branch: name("branch", arguments.branch)?, state: name("state", arguments.state)?, limit: wanted };
    let runs = reader.run_list(request).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["run", "workflow", "result", "attempt", "commit", "started", "changed"]);
    for run in runs.iter().take(wanted) {
        let result = match run.status {
            RunStatus::Pending => "running",
            RunStatus::Passed => "passed",
            RunStatus::Failed => "failed",
            RunStatus::Neutral => "cancelled",
        };
        let (id, attempt) = (run.id.to_string(), run.attempt.to_string());
        let (started, changed) = (stamp(context, run.created_at), stamp(context, run.updated_at));
        rows.push([&id, &run.workflow, result, &attempt, &run.sha, &started, &changed]);
    }
    Ok(rows.finish("no runs", runs.len() >= wanted))
}

async fn jobs(context: ToolContext<'_>, reader: &dyn CodeReader, run: u64) -> Result<String, ToolError> {
    let jobs = reader.jobs(run).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["job", "name", "result", "failed steps", "started", "ended"]);
    for job in &jobs {
        let (started, ended) = (stamp_or(context, job.started_at), stamp_or(context, job.ended_at));
        rows.push([&job.id.to_string(), &job.name, &job.state, &job.failed_steps.join(", "), &started, &ended]);
    }
    Ok(rows.finish("no jobs", false))
}

async fn deployments(context: ToolContext<'_>, reader: &dyn CodeReader, wanted: usize) -> Result<String, ToolError> {
    // Each costs a second call for its status.
    let wanted = wanted.min(20);
    let deployments = reader.deployment_list(wanted).await.map_err(|error| unread(SOURCE, error))?;
    let mut rows = Rows::new(&["deployment", "environment", "status", "since", "created", "commit"]);
    for one in deployments.iter().take(wanted) {
        let (since, created) = (stamp(context, one.status_at), stamp(context, one.created_at));
        rows.push([&one.id.to_string(), &one.environment, &one.status, &since, &created, &one.sha]);
    }
    Ok(rows.finish("no deployments", deployments.len() >= wanted))
}
