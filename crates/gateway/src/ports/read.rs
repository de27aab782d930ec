//! Reading on demand: what a conversation asks of the sources, beyond what the watch polls. Nothing here has an effect.
//!
//! All text that comes back is untrusted. Every list is short: the asker says how much it can use, and is told if there was more.

use futures::future::BoxFuture;
use serde_json::Value;
use wakeman_types::Timestamp;

use super::{BucketAnswer, BucketRequest, DeploymentFact, ErrorIssue, RunFact, SourceError};

/// A query in the source's own language.
#[derive(Debug, Clone, Copy)]
pub struct QueryRequest<'a> {
    /// The query: exactly one that reads.
    pub sql: &'a str,
    /// Most rows that are wanted.
    pub rows_max: usize,
    /// Tables that it may not read: their switches are off.
    pub hidden: &'a [&'a str],
}

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, at most as many as were wanted.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more.
    pub more: bool,
    /// The query as it was run.
    pub asked: String,
    /// The source's own present.
    pub as_of: Option<Timestamp>,
}

/// How long a point of a trend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// An hour.
    Hour,
    /// A day of the source's zone.
    Day,
    /// A week of the source's zone.
    Week,
}

/// Events over time.
#[derive(Debug, Clone, Copy)]
pub struct TrendRequest<'a> {
    /// Which events.
    pub events: &'a [String],
    /// From then on.
    pub since: Timestamp,
    /// How long a point is.
    pub interval: Interval,
    /// A property to split by.
    pub breakdown: Option<&'a str>,
    /// Counts users instead of events.
    pub users: bool,
}

/// One line of a trend.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendLine {
    /// The event, or the value it was split by.
    pub label: String,
    /// Over the whole range.
    pub total: f64,
    /// The points, oldest first, each with the source's name of its start.
    pub points: Vec<(String, f64)>,
}

/// What a trend gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrendAnswer {
    /// The lines.
    pub lines: Vec<TrendLine>,
    /// The zone that the points are named in.
    pub zone: String,
    /// The source's own present.
    pub as_of: Option<Timestamp>,
}

/// Users who did one thing after the other.
#[derive(Debug, Clone, Copy)]
pub struct FunnelRequest<'a> {
    /// The events, in order.
    pub steps: &'a [String],
    /// From then on.
    pub since: Timestamp,
}

/// One step of a funnel.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelStep {
    /// The event.
    pub event: String,
    /// Users who came this far.
    pub users: u64,
    /// Half of them took at most so long from the step before, in milliseconds.
    pub median_ms: Option<i64>,
}

/// A feature flag as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagCard {
    /// Its key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Whether it is on.
    pub active: bool,
    /// Share of users it applies to, 0–1, where it is a single rollout.
    pub rollout: Option<f64>,
    /// Grows with each edit.
    pub version: u64,
    /// When it was edited last.
    pub updated_at: Option<Timestamp>,
    /// Who did.
    pub updated_by: Option<String>,
}

/// A note that people put on the time line.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The instant it marks.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub by: Option<String>,
}

/// Asks the product analytics. It takes what the watch leaves of the shared allowance.
pub trait ProductReader: Send + Sync {
    /// Runs a query.
    fn query<'a>(&'a self, request: QueryRequest<'a>) -> BoxFuture<'a, Result<QueryAnswer, SourceError>>;
    /// Events over time.
    fn trends<'a>(&'a self, request: TrendRequest<'a>) -> BoxFuture<'a, Result<TrendAnswer, SourceError>>;
    /// A funnel.
    fn funnel<'a>(&'a self, request: FunnelRequest<'a>) -> BoxFuture<'a, Result<Vec<FunnelStep>, SourceError>>;
    /// Errors since then, most frequent first.
    fn error_issues<'a>(
        &'a self,
        since: Timestamp,
        search: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<ErrorIssue>, SourceError>>;
    /// Flags, newest first, whose key or name holds `search`.
    fn flag_list<'a>(&'a self, search: Option<&'a str>) -> BoxFuture<'a, Result<Vec<FlagCard>, SourceError>>;
    /// Notes of the time line since then, newest first.
    fn annotations(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<Annotation>, SourceError>>;
    /// The buckets of watched metrics.
    fn series<'a>(&'a self, request: BucketRequest<'a>) -> BoxFuture<'a, Result<BucketAnswer, SourceError>>;
}

/// Which commits.
#[derive(Debug, Clone, Default)]
pub struct CommitRequest {
    /// On this branch, tag or commit; `None`: the default branch.
    pub branch: Option<String>,
    /// That touched this path.
    pub path: Option<String>,
    /// By this author.
    pub author: Option<String>,
    /// Since then.
    pub since: Option<Timestamp>,
    /// At most so many, up to 100.
    pub limit: usize,
}

/// A commit.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitCard {
    /// Its id.
    pub sha: String,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub author: Option<String>,
    /// The first line of its message.
    pub title: String,
    /// Where a person can look.
    pub url: Option<String>,
}

/// Which pull requests or issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    /// Those that are open.
    Open,
    /// Those that are not.
    Closed,
    /// All.
    All,
}

/// A pull request or an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicCard {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// `open`, `closed`, `merged`.
    pub state: &'static str,
    /// Who opened it.
    pub author: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// For a pull request: from which branch into which.
    pub branches: Option<(String, String)>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its text; only when it was asked for by itself.
    pub body: Option<String>,
    /// What was said about it, as `(when, who, what)`; only when it was asked for by itself.
    pub comments: Vec<(Timestamp, Option<String>, String)>,
    /// Where a person can look.
    pub url: Option<String>,
}

/// What is compared with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffOf {
    /// What a pull request changes.
    Pull(u64),
    /// What a commit changed.
    Commit(String),
    /// What `head` has that `base` lacks.
    Between {
        /// The older one.
        base: String,
        /// The newer one.
        head: String,
    },
}

/// One file of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffFile {
    /// Its path.
    pub path: String,
    /// `added`, `modified`, `removed`, `renamed`.
    pub status: String,
    /// Lines that came.
    pub added: u64,
    /// Lines that went.
    pub removed: u64,
    /// The hunks; `None` where the host shows none (binary, too large).
    pub patch: Option<String>,
}

/// What there is at a path of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAnswer {
    /// A file's text.
    Text(String),
    /// A file that is no text, or that the host does not show: its size in bytes.
    Opaque(u64),
    /// A folder's entries: name, and size in bytes where it is a file.
    Folder(Vec<(String, Option<u64>)>),
}

/// Which workflow runs.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// On this branch; `None`: on any.
    pub branch: Option<String>,
    /// `success`, `failure`, `in_progress`, …
    pub state: Option<String>,
    /// At most so many, up to 100.
    pub limit: usize,
}

/// A job of a workflow run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobCard {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// How it ended, or how it stands.
    pub state: String,
    /// The steps of it that failed.
    pub failed_steps: Vec<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// Its last bytes, from the beginning of a line.
    pub text: String,
    /// How long the whole log is, in bytes.
    pub bytes: u64,
}

/// Asks the code host.
pub trait CodeReader: Send + Sync {
    /// Commits, newest first.
    fn commits(&self, request: CommitRequest) -> BoxFuture<'_, Result<Vec<CommitCard>, SourceError>>;
    /// Pull requests, last changed first.
    fn pull_list(&self, state: Openness, limit: usize) -> BoxFuture<'_, Result<Vec<TopicCard>, SourceError>>;
    /// One pull request with its text and comments.
    fn pull_request(&self, number: u64) -> BoxFuture<'_, Result<TopicCard, SourceError>>;
    /// Issues, last changed first.
    fn issue_list(&self, state: Openness, limit: usize) -> BoxFuture<'_, Result<Vec<TopicCard>, SourceError>>;
    /// One issue with its text and comments.
    fn issue(&self, number: u64) -> BoxFuture<'_, Result<TopicCard, SourceError>>;
    /// The files of a diff, up to 300.
    fn diff(&self, of: DiffOf) -> BoxFuture<'_, Result<Vec<DiffFile>, SourceError>>;
    /// What is at a path, at a branch, tag or commit; `None`: the default branch.
    fn file<'a>(&'a self, path: &'a str, at: Option<&'a str>) -> BoxFuture<'a, Result<FileAnswer, SourceError>>;
    /// Workflow runs, newest first.
    fn run_list(&self, request: RunRequest) -> BoxFuture<'_, Result<Vec<RunFact>, SourceError>>;
    /// The jobs of a run's newest attempt.
    fn jobs(&self, run: u64) -> BoxFuture<'_, Result<Vec<JobCard>, SourceError>>;
    /// The last `bytes` of a job's log.
    fn job_log(&self, job: u64, bytes: usize) -> BoxFuture<'_, Result<LogTail, SourceError>>;
    /// Deployments with their newest status, newest first.
    fn deployment_list(&self, limit: usize) -> BoxFuture<'_, Result<Vec<DeploymentFact>, SourceError>>;
}

/// Which deployments of the deploy host.
#[derive(Debug, Clone, Copy)]
pub struct DeployRequest<'a> {
    /// Only to production.
    pub production: bool,
    /// `READY`, `ERROR`, `BUILDING`, …
    pub state: Option<&'a str>,
    /// At most so many, up to 100.
    pub limit: usize,
}

/// A deployment at the deploy host.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployCard {
    /// Its id there.
    pub id: String,
    /// `READY`, `ERROR`, `BUILDING`, …
    pub state: String,
    /// `production`, or `preview`.
    pub target: String,
    /// Whether it was live before and can be rolled back to.
    pub rollback_candidate: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was ready.
    pub ready_at: Option<Timestamp>,
    /// The commit it carries.
    pub sha: Option<String>,
    /// The first line of that commit's message.
    pub title: Option<String>,
    /// Who made that commit.
    pub author: Option<String>,
    /// Where a person can look.
    pub url: Option<String>,
}

/// Asks the deploy host.
pub trait DeployReader: Send + Sync {
    /// Deployments, newest first.
    fn deployments<'a>(&'a self, request: DeployRequest<'a>) -> BoxFuture<'a, Result<Vec<DeployCard>, SourceError>>;
}
