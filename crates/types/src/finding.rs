//! Findings: what the operator hears of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Change, Entity, FindingId, MetricId, MetricKind, ProposalId, SeriesPoint, ThreadId, Timestamp};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a line in the digest.
    Info,
    /// Worth a look today.
    Warning,
    /// Wakes people.
    Critical,
}

/// What the finding is about. Names come from outside and are untrusted text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    /// A watched metric left its expected band.
    Metric {
        /// Which.
        metric: MetricId,
        /// What people call it.
        name: String,
        /// Its statistics.
        kind: MetricKind,
        /// The PostHog event behind it, where it is one.
        event: Option<String>,
    },
    /// An error that is new or came back.
    Error {
        /// The issue's id at PostHog.
        issue: String,
        /// The exception's type.
        name: String,
        /// Its message, shortened.
        description: String,
        /// The file of its top frame, where known.
        source: Option<String>,
        /// The function of its top frame, where known.
        function: Option<String>,
    },
    /// A workflow that fails on the default branch.
    Run {
        /// The workflow's name.
        workflow: String,
        /// The newest failing run.
        run: u64,
        /// Its commit.
        sha: String,
        /// Where to look.
        url: Option<String>,
    },
    /// A deployment that failed or does not finish.
    Deployment {
        /// Its id at the host.
        id: u64,
        /// The commit it carries.
        sha: String,
        /// `production`, …
        environment: String,
        /// `failure`, `error`, `in_progress`, …
        status: String,
    },
}

/// Which way a metric went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Above what was expected.
    Up,
    /// Below what was expected.
    Down,
}

/// Where it is heading now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// Still moving away from what is expected.
    Worsening,
    /// Neither.
    Steady,
    /// On its way back.
    Recovering,
}

/// What was measured against what was expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// The value over the window: events, a share, or milliseconds.
    pub observed: f64,
    /// The expected value over the same window.
    pub expected: f64,
    /// Lower edge of the expected band.
    pub low: f64,
    /// Upper edge of the expected band.
    pub high: f64,
    /// Length of the window in milliseconds.
    pub window_ms: i64,
    /// Chance of a deviation at least this large if nothing had changed, 0–1.
    pub p_value: f64,
    /// Which way.
    pub direction: Direction,
    /// Where it is heading.
    pub trend: Trend,
}

impl Measure {
    /// Relative deviation: −0.62 means 62 % below what was expected. `None` when nothing was expected.
    pub fn relative(&self) -> Option<f64> {
        (self.expected > 0.0).then(|| self.observed / self.expected - 1.0)
    }
}

/// Why a change is, or is not, a likely cause. Data only; the wording is in `present`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reason {
    /// How long before the onset it took effect (negative: after).
    Lead {
        /// Milliseconds from the change to the onset.
        lead_ms: i64,
    },
    /// A deployment carried it to users then.
    WentLive {
        /// When.
        at: Timestamp,
    },
    /// It touched files that the new errors name.
    FilesInErrors {
        /// Up to three of them.
        files: Vec<String>,
        /// Occurrences of those errors.
        errors: u64,
    },
    /// Its files or title name what broke.
    NamesSubject {
        /// The shared words.
        words: Vec<String>,
    },
    /// The users it reached changed, the others did not.
    SplitConfirms {
        /// Ratio observed/expected among the exposed.
        exposed: f64,
        /// The same among the others.
        unexposed: f64,
    },
    /// The users it reached are no different from the others.
    SplitClears,
    /// It carries these other changes, which explain it better.
    Carries {
        /// Their labels.
        changes: Vec<String>,
    },
    /// It is the very commit that the failing run or deployment was built from.
    SameCommit,
}

/// A change that may have caused the finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateCause {
    /// The change as it was known when the finding was made.
    pub change: Change,
    /// Probability, 0–1; all candidates and `none_probability` sum to 1.
    pub probability: f64,
    /// The evidence, strongest first.
    pub reasons: Vec<Reason>,
}

/// Where a finding is in its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FindingState {
    /// Nobody has taken it.
    Open,
    /// Somebody has.
    Acknowledged {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Quiet until then, then open again if it still holds.
    Snoozed {
        /// Who.
        by: String,
        /// Until when.
        until: Timestamp,
    },
    /// Over.
    Resolved {
        /// When.
        at: Timestamp,
        /// How.
        how: Resolution,
    },
}

/// How a finding ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Resolution {
    /// The numbers came back.
    Recovered,
    /// The numbers came back after this proposal ran.
    Repaired {
        /// Which.
        proposal: ProposalId,
    },
    /// A person said so.
    Closed {
        /// Who.
        by: String,
    },
}

/// How the operator was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Interruption {
    /// At once.
    Now,
    /// In the next digest.
    Digest,
    /// Kept in the list only.
    Silent,
}

/// Something else that shows the same problem: it began about then and has the same likely cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// What would be the fingerprint of a finding of its own.
    pub fingerprint: String,
    /// What it is.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// Its estimated onset.
    pub since: Timestamp,
    /// For a metric: the numbers.
    pub measure: Option<Measure>,
    /// For an error: occurrences since it began.
    pub occurrences: u64,
}

/// What the operator hears of: one problem, with its evidence and its likely causes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `F-128`.
    pub id: FindingId,
    /// What makes two reports the same problem; unique among findings that are not over.
    pub fingerprint: String,
    /// What it is about.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// Where in its life.
    pub state: FindingState,
    /// Estimated onset of the problem.
    pub since: Timestamp,
    /// When Wakeman opened it.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// For a metric: the numbers.
    pub measure: Option<Measure>,
    /// For an error: occurrences since it began. For a run: failing runs in a row.
    pub occurrences: u64,
    /// The recent series, oldest first, at most 96 points.
    pub series: Vec<SeriesPoint>,
    /// Length of one point of `series` in milliseconds.
    pub step_ms: i64,
    /// What else shows it, at most 8. The finding is over when all of it is.
    #[serde(default)]
    pub also: Vec<Related>,
    /// Which part of the users it hits, e.g. `browser safari`; `None` when all or unknown.
    pub scope: Option<String>,
    /// Likely causes, most probable first, at most 5.
    pub causes: Vec<CandidateCause>,
    /// Probability that none of the known changes is the cause, 0–1.
    pub none_probability: f64,
    /// The conversation it is discussed in.
    pub thread: ThreadId,
    /// The newest proposal made for it.
    pub proposal: Option<ProposalId>,
    /// How the operator was told.
    pub interruption: Interruption,
    /// How often it came back after being resolved.
    pub reopened: u32,
    /// Set while the source cannot be read: the state is unknown, not fine.
    pub unknown_since: Option<Timestamp>,
}

impl Finding {
    /// Whether it still needs somebody.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, FindingState::Resolved { .. })
    }

    /// Everything that shows the problem: its own subject first.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(self.also.iter().map(|related| &related.subject))
    }

    /// The most probable cause, if it beats "none of these".
    pub fn likely_cause(&self) -> Option<&CandidateCause> {
        self.causes.first().filter(|cause| cause.probability > self.none_probability)
    }
}

impl Entity for Finding {
    const KIND: &'static str = "finding";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn state_name(&self) -> &str {
        match self.state {
            FindingState::Open => "open",
            FindingState::Acknowledged { .. } => "acknowledged",
            FindingState::Snoozed { .. } => "snoozed",
            FindingState::Resolved { .. } => "resolved",
        }
    }

    /// Findings of one fingerprint are siblings: what comes back is found among them.
    fn parent_id(&self) -> Option<String> {
        Some(self.fingerprint.clone())
    }

    fn sort_key(&self) -> i64 {
        self.id.number() as i64
    }

    /// Two findings with one fingerprint cannot both be under way.
    fn unique_key(&self) -> Option<String> {
        (!self.is_over()).then(|| self.fingerprint.clone())
    }
}
