//! What the correlation is asked.

use crate::config::Kind;
use crate::verdict::Direction;
use serde::{Deserialize, Serialize};

/// Something that went wrong and wants a cause: a metric, a new error, a red workflow run, a stuck deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The most likely start, Unix milliseconds.
    pub since_ms: i64,
    /// The earliest start there may have been, Unix milliseconds. The range may lie to one side of the likeliest start.
    pub earliest_ms: i64,
    /// The latest start there may have been, Unix milliseconds.
    pub latest_ms: i64,
    /// The metric's kind; `None` for errors, runs and deployments.
    pub kind: Option<Kind>,
    /// Which way the metric went.
    pub direction: Direction,
    /// Observed over expected; 1 when there is no such thing.
    pub effect: f64,
    /// New errors seen since about the onset.
    pub errors: Vec<ErrorEvidence>,
    /// Words that name what broke: the metric's name, its event, the workflow.
    pub names: Vec<String>,
    /// The commit that failed, when a run or a deployment names it.
    pub head_sha: Option<String>,
}

impl Anomaly {
    /// An anomaly of which only the time is known, up to `uncertainty_ms` each way.
    pub fn at(since_ms: i64, uncertainty_ms: i64) -> Self {
        Self {
            since_ms,
            earliest_ms: since_ms - uncertainty_ms.max(0),
            latest_ms: since_ms + uncertainty_ms.max(0),
            kind: None,
            direction: Direction::None,
            effect: 1.0,
            errors: Vec::new(),
            names: Vec::new(),
            head_sha: None,
        }
    }

    /// The middle of the range, and half its width: what a time that is not exactly known is compared with.
    pub(crate) fn onset(&self) -> (i64, i64) {
        let half = (self.latest_ms - self.earliest_ms).max(0) / 2;
        (self.earliest_ms + half, half)
    }
}

/// New errors of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ErrorEvidence {
    /// Files of its in-app frames, innermost first.
    pub files: Vec<String>,
    /// Functions of its in-app frames.
    pub functions: Vec<String>,
    /// How many such errors were seen.
    pub events: u64,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A merged pull request or a pushed commit.
    Merge,
    /// A deployment.
    Deploy,
    /// A published release.
    Release,
    /// An edit of a feature flag.
    Flag,
    /// An experiment launched, changed or stopped.
    Experiment,
    /// A configuration edit.
    Config,
}

/// A change that could be the cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateChange {
    /// Its id, unique among the candidates.
    pub id: String,
    /// What kind.
    pub kind: ChangeKind,
    /// When it was made, Unix milliseconds.
    pub at_ms: i64,
    /// When users first met it, if that is known and later.
    pub live_at_ms: Option<i64>,
    /// The id of the deploy that made it live.
    pub live_by: Option<String>,
    /// Its title or message: outside text, compared word by word and never shown from here.
    pub title: String,
    /// Files it touches.
    pub files: Vec<String>,
    /// Its flag, for flag edits and experiments.
    pub flag_key: Option<String>,
    /// Share of the users it reaches, 0..1.
    pub rollout: Option<f64>,
    /// How the metric did among those who have the flag and those who have not.
    pub flag_split: Option<FlagSplit>,
    /// Ids of the changes a deploy or release contains.
    pub carries: Vec<String>,
    /// Its commit.
    pub sha: Option<String>,
}

impl CandidateChange {
    /// A change of which no more is known.
    pub fn new(id: impl Into<String>, kind: ChangeKind, at_ms: i64, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind,
            at_ms,
            live_at_ms: None,
            live_by: None,
            title: title.into(),
            files: Vec::new(),
            flag_key: None,
            rollout: None,
            flag_split: None,
            carries: Vec::new(),
            sha: None,
        }
    }

    /// When it began to act, as far as it says itself.
    pub(crate) fn live_from_ms(&self) -> i64 {
        self.live_at_ms.unwrap_or(self.at_ms)
    }
}

/// The metric among users exposed to a flag and among the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlagSplit {
    /// Observed over expected among the exposed.
    pub exposed_ratio: f64,
    /// Observed over expected among the others.
    pub unexposed_ratio: f64,
    /// How probable such a difference is by chance.
    pub p_value: f64,
}
