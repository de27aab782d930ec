//! What a scenario file says, checked and resolved: instants instead of hours, defaults filled in.
//!
//! Start at [`Scenario::parse`]; the keys are those of the project's scenario format.

mod csv;
mod metric;
mod parse;
mod plot;
mod read;
mod shipped;

pub use parse::ScenarioError;
pub use shipped::shipped;

/// One world: its numbers, its changes, what goes wrong and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The scenario's name, as told by `/_lab/state`.
    pub name: String,
    /// Seeds every random number of this world.
    pub seed: u64,
    /// The first watched instant, Unix milliseconds.
    pub start_ms: i64,
    /// Watched time after the start, milliseconds.
    pub watched_ms: i64,
    /// Length of one step of the metrics, milliseconds.
    pub step_ms: i64,
    /// History before the start, milliseconds.
    pub warmup_ms: i64,
    /// The product's numbers.
    pub metrics: Vec<Metric>,
    /// Everything that could be a cause, in order of time.
    pub changes: Vec<Change>,
    /// What goes wrong, in the file's order.
    pub incidents: Vec<Incident>,
    /// When a service does not answer as it should.
    pub outages: Vec<Outage>,
    /// Hostile texts and where they stand.
    pub untrusted: Vec<Untrusted>,
}

impl Scenario {
    /// The first instant with history.
    pub fn history_start_ms(&self) -> i64 {
        self.start_ms - self.warmup_ms
    }

    /// The last watched instant.
    pub fn end_ms(&self) -> i64 {
        self.start_ms + self.watched_ms
    }

    /// The change with this id.
    pub fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.id == id)
    }

    /// The metric with this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// How a metric's value arises from events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Events per step.
    Count,
    /// Events of this metric per event of its denominator.
    Ratio,
    /// Mean of the events' `duration_ms`.
    Duration,
}

impl MetricKind {
    /// The word scenario files use.
    pub fn word(self) -> &'static str {
        match self {
            MetricKind::Count => "count",
            MetricKind::Ratio => "ratio",
            MetricKind::Duration => "duration",
        }
    }
}

/// The noise around a metric's level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// Variance equals the mean.
    Poisson,
    /// Variance μ + μ²/r.
    NegBin {
        /// Size r.
        size: f64,
    },
    /// A normal whose standard deviation is this fraction of the level.
    Normal {
        /// Standard deviation as a fraction of the level.
        deviation: f64,
    },
}

/// One property that splits a metric's events.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Property name, for example `browser`.
    pub key: String,
    /// The values it takes.
    pub values: Vec<String>,
    /// Share of each value; sums to 1.
    pub shares: Vec<f64>,
}

/// One number of the product.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Unique name.
    pub name: String,
    /// How the value arises from events.
    pub kind: MetricKind,
    /// Mean per step (count), share 0–1 (ratio) or milliseconds (duration).
    pub level: f64,
    /// The count metric a ratio divides by, or whose events carry the duration.
    pub of: Option<String>,
    /// Swing over the day as a fraction of the level.
    pub daily_amplitude: f64,
    /// Swing over the week as a fraction of the level.
    pub weekly_amplitude: f64,
    /// Growth per day as a fraction of the level.
    pub trend_per_day: f64,
    /// Randomness around the mean.
    pub noise: Noise,
    /// The PostHog event that carries this metric.
    pub event: String,
    /// Properties that split the events.
    pub segments: Vec<Segment>,
    /// Time until an event can be queried, milliseconds.
    pub lag_ms: i64,
    /// A recorded series, one value per step from the history's start; replaces level, seasons, trend and noise.
    pub replay: Option<Vec<f64>>,
}

/// What sort of change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A pull request merged into the default branch.
    Merge,
    /// A deployment of the current head.
    Deploy,
    /// A tagged release.
    Release,
    /// An edit of a feature flag.
    Flag,
    /// An experiment launched or changed.
    Experiment,
    /// A configuration edit committed without a pull request.
    Config,
}

impl ChangeKind {
    /// The word scenario files use.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::Merge => "merge",
            ChangeKind::Deploy => "deploy",
            ChangeKind::Release => "release",
            ChangeKind::Flag => "flag",
            ChangeKind::Experiment => "experiment",
            ChangeKind::Config => "config",
        }
    }
}

/// Something people did that could be a cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Unique id.
    pub id: String,
    /// When it took effect, Unix milliseconds.
    pub at_ms: i64,
    /// What sort it was.
    pub kind: ChangeKind,
    /// Its title.
    pub title: String,
    /// Login of who did it.
    pub author: String,
    /// Paths it touched.
    pub files: Vec<String>,
    /// Stack frames its errors show.
    pub frames: Vec<String>,
    /// Key of the feature flag it edited.
    pub flag: Option<String>,
    /// Share of users the flag reaches afterwards, 0–1.
    pub rollout: Option<f64>,
    /// Pull-request number.
    pub pr: Option<u64>,
}

impl Change {
    /// The flag this change turned on for a share of the users, with that share.
    pub fn flag_edit(&self) -> Option<(&str, f64)> {
        if !matches!(self.kind, ChangeKind::Flag | ChangeKind::Experiment) {
            return None;
        }
        self.flag.as_deref().map(|flag| (flag, self.rollout.unwrap_or(1.0)))
    }
}

/// What an incident does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The metric is multiplied by 1 − magnitude.
    Drop,
    /// The metric is multiplied by magnitude.
    Spike,
    /// The metric is multiplied by magnitude.
    Shift,
    /// The metric is zero.
    Flatline,
    /// A new error appears, magnitude events an hour.
    NewError,
    /// Workflow runs on the default branch fail.
    CiRed,
    /// Production deployments do not become ready.
    DeployStuck,
}

impl Effect {
    /// The word scenario files use.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Drop => "drop",
            Effect::Spike => "spike",
            Effect::Shift => "shift",
            Effect::Flatline => "flatline",
            Effect::NewError => "new_error",
            Effect::CiRed => "ci_red",
            Effect::DeployStuck => "deploy_stuck",
        }
    }

    /// Whether it works on a metric's values.
    pub fn is_on_metric(self) -> bool {
        matches!(self, Effect::Drop | Effect::Spike | Effect::Shift | Effect::Flatline)
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Unique id.
    pub id: String,
    /// When it begins, Unix milliseconds.
    pub at_ms: i64,
    /// When it ends by itself; `None`: it does not.
    pub until_ms: Option<i64>,
    /// The metric it is about; always set for effects on a metric.
    pub metric: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// How much (see [`Effect`]).
    pub magnitude: f64,
    /// Time until the effect is complete, milliseconds.
    pub onset_ms: i64,
    /// Only events with this property value are affected.
    pub segment: Option<(String, String)>,
    /// Id of the change that caused it; `None`: no change did.
    pub cause: Option<String>,
    /// Kind of action that ends it, for example `github.revert_pr`.
    pub fix: Option<String>,
}

/// A counterpart that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// PostHog.
    Posthog,
    /// GitHub.
    Github,
    /// Vercel.
    Vercel,
    /// The model proxy.
    Model,
    /// Telegram.
    Telegram,
    /// Discord.
    Discord,
}

impl Service {
    /// Every service, in the order messages list them.
    pub const ALL: [Service; 6] =
        [Service::Posthog, Service::Github, Service::Vercel, Service::Model, Service::Telegram, Service::Discord];

    /// The word scenario files and `/_lab` use.
    pub fn word(self) -> &'static str {
        match self {
            Service::Posthog => "posthog",
            Service::Github => "github",
            Service::Vercel => "vercel",
            Service::Model => "model",
            Service::Telegram => "telegram",
            Service::Discord => "discord",
        }
    }

    /// The service of that word.
    pub fn of_word(word: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.word() == word)
    }
}

/// How a service fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutageMode {
    /// Rate limited.
    TooManyRequests,
    /// Server errors.
    ServerError,
    /// No answer at all.
    Timeout,
    /// Answers, but as of the moment it began.
    Stale,
}

/// A time during which a service does not answer as it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// When it begins, Unix milliseconds.
    pub at_ms: i64,
    /// When it is over.
    pub until_ms: i64,
    /// Which service.
    pub service: Service,
    /// How it fails.
    pub mode: OutageMode,
}

/// A text somebody hostile wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    /// When it appears, Unix milliseconds.
    pub at_ms: i64,
    /// Where it stands: `commit_message`, `github_issue`, `pr_body`, `posthog_property`, `exception_message`,
    /// `feature_flag_name`; `chat_from_non_operator` and `tool_output` stand nowhere here.
    pub channel: String,
    /// The text.
    pub text: String,
}
