//! `read-only/settings.json`. Every key is optional; each field says what holds without it.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};
use wakeman_types::{Channel, ExecutionMode, MetricKind, OperatorId, Principal, Role, Severity};

use super::leaf::{self, DurationMs, HttpUrl, ProtectedPaths, Repository, RouteKind};
use super::{calendar::CalendarSource, quiet::QuietWindow, wakeup::TimeOfDay};

/// The settings of an instance, defaults filled in.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// How it presents itself.
    pub app: App,
    /// How it runs.
    pub runtime: Runtime,
    /// How it watches.
    pub monitor: Monitor,
    /// Models, by alias.
    pub ai: Ai,
    /// What is watched at PostHog.
    pub posthog: Posthog,
    /// The watched repository.
    pub github: Github,
    /// The watched deployments at Vercel.
    pub vercel: Vercel,
    /// Who may talk to it.
    pub operators: Vec<Operator>,
    /// Who must approve what: by class of action, and `default`.
    pub approvals: BTreeMap<String, Approval>,
    /// What may run without approval in mode `execute`.
    pub execute: Execute,
    /// Where `webhook.post` may post, by name. Default: nowhere.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Where findings go. None: to every channel that is configured.
    pub routes: Vec<Route>,
    /// How things are shown.
    pub ui: Ui,
}

/// How the instance presents itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct App {
    /// Its name in messages. Default `Wakeman`.
    pub name: String,
}

impl Default for App {
    fn default() -> Self {
        Self { name: "Wakeman".to_owned() }
    }
}

/// How the instance runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Runtime {
    /// What it may do by itself. Default `propose`.
    #[serde(deserialize_with = "leaf::one")]
    pub execution_mode: ExecutionMode,
    /// The chats it serves. Default (`None`): all that have credentials, and the terminal.
    #[serde(deserialize_with = "leaf::some_list")]
    #[schemars(with = "Option<Vec<String>>")]
    pub channels: Option<Vec<Channel>>,
    /// TCP port of its HTTP side on loopback; 0 picks one. Default 6900.
    pub port: u16,
}

impl Default for Runtime {
    fn default() -> Self {
        Self { execution_mode: ExecutionMode::Propose, channels: None, port: 6900 }
    }
}

/// How the instance watches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Monitor {
    /// Milliseconds between two looks. Default 60,000.
    pub interval_ms: u64,
    /// Interruptions that a week may have, critical findings apart. Default 2.
    pub alarm_budget_per_week: u32,
    /// When each day what could wait is told, in each operator's zone. Default `09:00`.
    #[serde(deserialize_with = "leaf::one")]
    #[schemars(with = "String")]
    pub digest_at: TimeOfDay,
}

impl Default for Monitor {
    fn default() -> Self {
        Self { interval_ms: 60_000, alarm_budget_per_week: 2, digest_at: TimeOfDay { hour: 9, minute: 0 } }
    }
}

/// Models by alias; which model stands behind an alias is the proxy's business.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Ai {
    /// The proxy's name for each use. Default: the use's own name.
    pub aliases: Aliases,
    /// The proxy's name to try when the first fails. Default: none.
    pub fallback: Fallbacks,
    /// Milliseconds a call may take. Default 60,000.
    pub timeout_ms: u64,
    /// US dollars a day. Default 5.
    pub daily_budget_usd: f64,
    /// Which version of a prompt is used, by prompt id. Default: see the prompt files.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub prompt_versions: BTreeMap<String, PromptChoice>,
}

impl Default for Ai {
    fn default() -> Self {
        Self {
            aliases: Aliases::default(),
            fallback: Fallbacks::default(),
            timeout_ms: 60_000,
            daily_budget_usd: 5.0,
            prompt_versions: BTreeMap::new(),
        }
    }
}

/// The proxy's name for each use of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Aliases {
    /// Answers people.
    pub chat: String,
    /// Chooses who answers.
    pub router: String,
    /// Writes tips.
    pub tip_generator: String,
    /// Turns text to vectors.
    pub embedder: String,
    /// Grades answers, offline only.
    pub judge: String,
}

impl Default for Aliases {
    fn default() -> Self {
        Self {
            chat: "chat".to_owned(),
            router: "router".to_owned(),
            tip_generator: "tip-generator".to_owned(),
            embedder: "embedder".to_owned(),
            judge: "judge".to_owned(),
        }
    }
}

/// The proxy's name to try when the first fails.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct Fallbacks {
    /// For `chat`.
    pub chat: Option<String>,
    /// For `router`.
    pub router: Option<String>,
    /// For `tip-generator`.
    pub tip_generator: Option<String>,
    /// For `embedder`.
    pub embedder: Option<String>,
    /// For `judge`.
    pub judge: Option<String>,
}

/// Which version of a prompt is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptChoice {
    /// Always this one.
    One(String),
    /// In rotation, by weight.
    Weighted(BTreeMap<String, u32>),
}

impl<'de> Deserialize<'de> for PromptChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Choice;
        impl<'de> de::Visitor<'de> for Choice {
            type Value = PromptChoice;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a prompt version; write it like \"v1\", or {\"v1\": 1, \"v2\": 1} to take turns")
            }
            fn visit_str<E: de::Error>(self, version: &str) -> Result<PromptChoice, E> {
                Ok(PromptChoice::One(version.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PromptChoice, A::Error> {
                BTreeMap::deserialize(de::value::MapAccessDeserializer::new(map)).map(PromptChoice::Weighted)
            }
        }
        from.deserialize_any(Choice)
    }
}

/// What is watched at PostHog.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Posthog {
    /// What the project is, in the operator's words. Shown to the model as data, in one line; the rest of this file is not.
    pub context: Option<String>,
    /// The PostHog to ask, unless the environment names one. Default: PostHog's own in the US, <https://us.posthog.com>.
    #[serde(deserialize_with = "leaf::some")]
    pub host: Option<HttpUrl>,
    /// Metrics with a query of their own.
    pub insight_monitors: Vec<InsightMonitor>,
    /// Events whose number is watched.
    pub events: Vec<String>,
    /// Share of the team's request allowance that may be used, above 0 and up to 1. Default 0.1.
    pub rate_share: f64,
}

impl Default for Posthog {
    fn default() -> Self {
        Self { context: None, host: None, insight_monitors: Vec::new(), events: Vec::new(), rate_share: 0.1 }
    }
}

/// A metric with a query of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct InsightMonitor {
    /// What people call it.
    pub name: String,
    /// HogQL that yields one number.
    pub query: String,
    /// Its statistics. Default `count`.
    #[serde(default = "count", deserialize_with = "leaf::one")]
    pub kind: MetricKind,
}

const fn count() -> MetricKind {
    MetricKind::Count
}

/// The watched repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Github {
    /// Which. Default: none, and GitHub is not configured without it.
    #[serde(deserialize_with = "leaf::some")]
    pub repository: Option<Repository>,
    /// The branch that is deployed. Default `main`.
    pub default_branch: String,
    /// What the branches that Wakeman may write to begin with. Default `wakeman/`.
    pub branch_prefix: String,
    /// Whether a patch may touch workflows, lockfiles and CODEOWNERS. Default `never`.
    #[serde(deserialize_with = "leaf::one")]
    pub protected_paths: ProtectedPaths,
}

impl Default for Github {
    fn default() -> Self {
        Self {
            repository: None,
            default_branch: "main".to_owned(),
            branch_prefix: "wakeman/".to_owned(),
            protected_paths: ProtectedPaths::Never,
        }
    }
}

/// The watched deployments at Vercel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Vercel {
    /// Which project. Default: none, and Vercel is not configured without it.
    pub project_id: Option<String>,
    /// The team that owns it. Default: none, a personal account.
    pub team_id: Option<String>,
}

/// A person allowed to talk to the instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Operator {
    /// Their name here.
    #[serde(deserialize_with = "leaf::one")]
    pub id: OperatorId,
    /// What they may do. Default `viewer`, the least.
    #[serde(default = "viewer", deserialize_with = "leaf::one")]
    pub role: Role,
    /// The zone their times are shown in. Default: `ui.timezone`.
    #[serde(default, deserialize_with = "leaf::some")]
    #[schemars(with = "Option<String>")]
    pub timezone: Option<Tz>,
    /// Who they are on each channel: `telegram:123456789`.
    #[serde(default, deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub principals: Vec<Principal>,
    /// Hours in which only what is critical interrupts them, `22:00-07:00`, read in their zone. Default: none.
    #[serde(default, rename = "quietHours", deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub quiet_hours: Vec<QuietWindow>,
    /// Calendars whose whole days are quiet, as files in `read-only/` or addresses: `holidays.ics`. Default: none.
    #[serde(default, deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub holidays: Vec<CalendarSource>,
    /// Calendars whose entries are quiet while they last, unless they are marked as free. Default: none.
    #[serde(default, deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub busy: Vec<CalendarSource>,
}

const fn viewer() -> Role {
    Role::Viewer
}

/// Who must approve a class of action. What is left out is taken from `approvals.default`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Approval {
    /// Exactly these may decide. Default: every approver and owner.
    #[serde(deserialize_with = "leaf::some_list")]
    #[schemars(with = "Option<Vec<String>>")]
    pub approvers: Option<Vec<OperatorId>>,
    /// How many of them must say yes. Default 1.
    pub needed: Option<u8>,
    /// How long a proposal stays open. Default `30m`.
    #[serde(deserialize_with = "leaf::some")]
    pub expires: Option<DurationMs>,
    /// Whether who asked for it in a conversation may approve it too. Default `true`: it is exactly what the card shows either way.
    pub requester_may_approve: Option<bool>,
    /// The only channel on which it is approved, and to which its card goes. Default: any.
    #[serde(deserialize_with = "leaf::some")]
    #[schemars(with = "Option<String>")]
    pub channel: Option<Channel>,
}

/// What may run without approval in mode `execute`: never a deploy, flag or merge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Execute {
    /// Classes of action. Default: none.
    pub classes: Vec<String>,
    /// How many such actions an hour may have. Default 4.
    pub per_hour: u32,
}

impl Default for Execute {
    fn default() -> Self {
        Self { classes: Vec::new(), per_hour: 4 }
    }
}

/// A target of `webhook.post`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Webhook {
    /// Its whole address.
    #[serde(deserialize_with = "leaf::one")]
    pub url: HttpUrl,
}

/// Where messages of some severity and kind go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Messages at least this bad. Default `info`: all.
    #[serde(default = "info", deserialize_with = "leaf::one")]
    pub min_severity: Severity,
    /// What they are about: finding, proposal, source, digest, brief, notice. Default: everything.
    #[serde(default, deserialize_with = "leaf::some_list")]
    #[schemars(with = "Option<Vec<String>>")]
    pub kinds: Option<Vec<RouteKind>>,
    /// The operators who get them; the terminal is everybody's. Default: all.
    #[serde(default, deserialize_with = "leaf::some_list")]
    #[schemars(with = "Option<Vec<String>>")]
    pub operators: Option<Vec<OperatorId>>,
    /// Channels that get them.
    #[serde(deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub to: Vec<Channel>,
    /// Channels that get them when none of `to` works. Default: none.
    #[serde(default, deserialize_with = "leaf::list")]
    #[schemars(with = "Vec<String>")]
    pub fallback: Vec<Channel>,
    /// Told again, and on `fallback` too, when nobody reacted for so long. Default: never.
    #[serde(default, deserialize_with = "leaf::some")]
    #[schemars(with = "Option<String>")]
    pub escalate_after: Option<DurationMs>,
}

impl Route {
    /// Whether it is for messages of this kind that are this bad.
    pub fn takes(&self, severity: Severity, kind: RouteKind) -> bool {
        self.min_severity <= severity && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Whether it is for this operator's chat on `channel`.
    pub fn reaches(&self, channel: Channel, whose: Option<&Operator>) -> bool {
        let named = |ids: &Vec<OperatorId>| whose.is_some_and(|operator| ids.contains(&operator.id));
        channel == Channel::Cli || self.operators.as_ref().is_none_or(named)
    }
}

const fn info() -> Severity {
    Severity::Info
}

/// How things are shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ui {
    /// The zone times are shown in. Default UTC.
    #[serde(deserialize_with = "leaf::one")]
    #[schemars(with = "String")]
    pub timezone: Tz,
}

impl Default for Ui {
    fn default() -> Self {
        Self { timezone: Tz::UTC }
    }
}
