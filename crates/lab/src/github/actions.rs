//! Workflow runs: one workflow, two jobs, run for pull requests and for pushes to the default branch.

use super::git::Oid;
use super::script::Event;
use super::{API_USER, BRANCH, Repo};
use crate::time::{MINUTE_MS, SECOND_MS};

/// How long the checks of a pull request take.
const PULL_RUN_MS: i64 = 3 * MINUTE_MS - 10 * SECOND_MS;
/// How long a rerun takes.
const RERUN_MS: i64 = 2 * MINUTE_MS;
/// How long a run takes that marks the beginning or the end of an incident: soon enough to date it.
const SHORT_RUN_MS: i64 = 2 * MINUTE_MS;
/// How long the first job takes.
const LINT_MS: i64 = 40 * SECOND_MS;

/// The jobs of the workflow, in order; a failing run fails in the last.
pub(super) const JOBS: [&str; 2] = ["lint", "test"];

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    Push,
    PullRequest,
    Schedule,
}

impl Trigger {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull_request",
            Self::Schedule => "schedule",
        }
    }
}

/// One job of one attempt.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) started_ms: i64,
    /// When it ends or ended.
    pub(super) finishes_ms: i64,
    /// `None` while nobody knows.
    pub(super) success: Option<bool>,
}

/// One attempt of a run.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) started_ms: i64,
    pub(super) finishes_ms: i64,
    pub(super) success: Option<bool>,
    pub(super) jobs: Vec<Job>,
    pub(super) actor: String,
}

/// A workflow run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) trigger: Trigger,
    pub(super) branch: String,
    pub(super) head: Oid,
    pub(super) title: String,
    pub(super) created_ms: i64,
    pub(super) actor: String,
    pub(super) pull: Option<u64>,
    /// Never empty.
    pub(super) attempts: Vec<Attempt>,
    /// Index of the trouble that makes or made it fail.
    pub(super) trouble: Option<usize>,
}

impl Run {
    pub(super) fn latest(&self) -> &Attempt {
        self.attempts.last().expect("invariant: a run has an attempt")
    }

    pub(super) fn updated_ms(&self, now_ms: i64) -> i64 {
        let latest = self.latest();
        if latest.success.is_some() {
            latest.finishes_ms
        } else {
            now_ms.min(latest.finishes_ms).max(latest.started_ms)
        }
    }
}

/// Which jobs a rerun repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RerunScope {
    All,
    FailedJobs,
}

/// Why a run is not rerun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RerunError {
    /// It has not finished.
    #[error("This workflow is already running")]
    Running,
    /// Nothing failed.
    #[error("This workflow run cannot be retried")]
    NothingFailed,
}

/// A run about to start.
pub(super) struct NewRun {
    pub(super) trigger: Trigger,
    pub(super) branch: String,
    pub(super) head: Oid,
    pub(super) actor: String,
    pub(super) pull: Option<u64>,
    pub(super) length_ms: i64,
}

impl Repo {
    pub(super) fn start_run(&mut self, new: NewRun) -> u64 {
        let (id, now_ms) = (self.next_id(), self.clock_ms);
        let on_main = new.branch == BRANCH;
        let trouble = if on_main { self.red_trouble(now_ms) } else { None };
        let message = self.git.commit(new.head).map(|commit| commit.message.as_str()).unwrap_or_default();
        let title = match new.pull.and_then(|number| self.pulls.get(&number)) {
            Some(pull) => pull.title.clone(),
            None => message.lines().next().unwrap_or_default().to_owned(),
        };
        let attempt = self.new_attempt(&new.actor, new.length_ms);
        let finishes_ms = attempt.finishes_ms;
        let run = Run {
            id,
            number: self.runs.len() as u64 + 1,
            trigger: new.trigger,
            branch: new.branch,
            head: new.head,
            title,
            created_ms: now_ms,
            actor: new.actor,
            pull: new.pull,
            attempts: vec![attempt],
            trouble,
        };
        self.runs.push(run);
        self.agenda.add(finishes_ms, Event::FinishRun { run: id });
        id
    }

    fn new_attempt(&mut self, actor: &str, length_ms: i64) -> Attempt {
        let started_ms = self.clock_ms;
        let finishes_ms = started_ms + length_ms;
        let ends = [finishes_ms.min(started_ms + LINT_MS), finishes_ms];
        let jobs = JOBS.iter().zip(ends);
        let jobs = jobs
            .map(|(name, finishes_ms)| Job { id: self.next_id(), name, started_ms, finishes_ms, success: None })
            .collect();
        Attempt { started_ms, finishes_ms, success: None, jobs, actor: actor.to_owned() }
    }

    pub(super) fn start_pull_run(&mut self, number: u64) {
        let Some(pull) = self.pulls.get(&number) else { return };
        let new = NewRun {
            trigger: Trigger::PullRequest,
            branch: pull.head_branch.clone(),
            head: pull.head,
            actor: pull.author.clone(),
            pull: Some(number),
            length_ms: PULL_RUN_MS,
        };
        self.start_run(new);
    }

    /// The run of a push to the default branch; its length is drawn once per commit.
    pub(super) fn start_push_run(&mut self, head: Oid) {
        let length_ms = 3 * MINUTE_MS + self.dice.roll(&["run", &head.to_string()], 150) as i64 * SECOND_MS;
        self.start_main_run(Trigger::Push, head, length_ms);
    }

    /// The run that shows the beginning or the end of an incident.
    pub(super) fn start_short_run(&mut self, trigger: Trigger, head: Oid) {
        self.start_main_run(trigger, head, SHORT_RUN_MS);
    }

    fn start_main_run(&mut self, trigger: Trigger, head: Oid, length_ms: i64) {
        let actor = self.git.commit(head).map_or_else(|| API_USER.to_owned(), |commit| commit.author.name.clone());
        self.start_run(NewRun { trigger, branch: BRANCH.to_owned(), head, actor, pull: None, length_ms });
    }

    /// Settles the latest attempt of a run: it fails if its trouble was active when the attempt began.
    pub(super) fn finish_run(&mut self, id: u64) {
        let now_ms = self.clock_ms;
        let Some(at) = self.runs.iter().position(|run| run.id == id) else { return };
        let started_ms = self.runs[at].latest().started_ms;
        let red = self.runs[at].branch == BRANCH && self.red_trouble(started_ms).is_some();
        let Some(attempt) = self.runs[at].attempts.last_mut().filter(|attempt| attempt.finishes_ms <= now_ms) else {
            return;
        };
        attempt.success = Some(!red);
        for job in &mut attempt.jobs {
            let failing = red && job.name == JOBS[JOBS.len() - 1];
            job.success = job.success.or(Some(!failing));
        }
    }

    /// Starts another attempt. Returns the index of the trouble that had failed the run, if one had.
    pub(super) fn rerun(&mut self, id: u64, scope: RerunScope) -> Result<Option<usize>, RerunError> {
        let at = self.runs.iter().position(|run| run.id == id).ok_or(RerunError::NothingFailed)?;
        let last = self.runs[at].latest().clone();
        match (last.success, scope) {
            (None, _) => return Err(RerunError::Running),
            (Some(true), RerunScope::FailedJobs) => return Err(RerunError::NothingFailed),
            _ => {}
        }
        let mut attempt = self.new_attempt(API_USER, RERUN_MS);
        if scope == RerunScope::FailedJobs {
            let kept = last.jobs.iter().filter(|job| job.success == Some(true));
            for old in kept {
                for job in attempt.jobs.iter_mut().filter(|job| job.name == old.name) {
                    *job = Job { id: job.id, ..old.clone() };
                }
            }
        }
        self.agenda.add(attempt.finishes_ms, Event::FinishRun { run: id });
        self.runs[at].attempts.push(attempt);
        Ok(self.runs[at].trouble.filter(|_| last.success == Some(false)))
    }

    /// The plain-text log of a job, with what a person would look for.
    pub(super) fn job_log(&self, run: &Run, job: &Job) -> String {
        let stamp = |offset: i64| {
            let at_ms = (job.started_ms + offset * SECOND_MS).min(job.finishes_ms);
            crate::time::utc(at_ms).format("%Y-%m-%dT%H:%M:%S.0000000Z").to_string()
        };
        let mut lines = vec![
            "Current runner version: '2.329.0'".to_owned(),
            format!("##[group]Run actions/checkout@v4\nHEAD is now at {}\n##[endgroup]", &run.head.to_string()[..7]),
            format!("##[group]Run npm run {0}\n> app@1.0.0 {0}\n##[endgroup]", job.name),
        ];
        match job.success {
            Some(false) => lines.extend(self.failure_lines(run)),
            Some(true) => lines.push("Done, no problems found.".to_owned()),
            None => {}
        }
        let lines = lines.iter().flat_map(|line| line.lines());
        lines.enumerate().map(|(at, line)| format!("{} {line}\n", stamp(at as i64))).collect()
    }

    fn failure_lines(&self, run: &Run) -> Vec<String> {
        let cause = run.trouble.and_then(|at| self.cause_of(at));
        let path = cause.and_then(|change| super::script::paths_of(change).into_iter().next());
        let detail = path.map_or_else(
            || {
                "npm error network request to the registry failed: connect ETIMEDOUT\n\
                 npm error network This is a problem related to network connectivity."
                    .to_owned()
            },
            |path| {
                let value = self.dice.roll(&["expected", &path], 90) + 10;
                let (received, line) = (value + 1, value % 40 + 1);
                format!("FAIL {path}\n  Error: expected {value}, received {received}\n    at {path}:{line}")
            },
        );
        vec![detail, "##[error]Process completed with exit code 1.".to_owned()]
    }
}
