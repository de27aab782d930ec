//! Tests of the configuration files: messages by table, defaults, rules, and that nothing panics.

mod messages;
mod rules;
mod secrets;
mod shape;
mod tables;

use super::{Parsed, SETTINGS_FILE, Settings, TOOLS_FILE, ToolsConfig, WAKEUP_FILE, WakeupConfig};

/// The settings example of the documentation: everything in it must hold.
pub(super) const DOCUMENTED: &str = r#"
{ "app": {"name": "Wakeman"},
  "runtime": {"executionMode": "propose", "channels": ["telegram", "cli"], "port": 6900},
  "monitor": {"intervalMs": 60000, "alarmBudgetPerWeek": 2},
  "ai": {"aliases": {"chat": "chat", "router": "router", "tip-generator": "tip-generator", "embedder": "embedder"},
         "fallback": {"chat": "chat-small"},
         "timeoutMs": 60000, "dailyBudgetUsd": 5.0, "promptVersions": {"chat": "v1", "tip": {"v1": 1, "v2": 1}}},
  "posthog": {"context": "acme / app.acme.example", "host": "https://eu.posthog.com",
              "insightMonitors": [{"name": "Sign-ups", "query": "SELECT …", "kind": "count"}],
              "events": ["signed_up", "checkout_completed"], "rateShare": 0.1},
  "github": {"repository": "acme/app", "defaultBranch": "main", "branchPrefix": "wakeman/"},
  "vercel": {"projectId": "prj_…", "teamId": "team_…"},
  "operators": [{"id": "ada", "role": "owner", "timezone": "Europe/Berlin",
                 "principals": ["telegram:123456789", "discord:987654321098765432"]}],
  "approvals": {"default": {"approvers": ["ada"], "needed": 1, "expires": "30m"}, "vercel.rollback": {"needed": 2}},
  "execute": {"classes": ["github.rerun_failed_jobs"], "perHour": 4},
  "routes": [{"minSeverity": "critical", "to": ["telegram"], "fallback": ["discord"]}],
  "ui": {"timezone": "Europe/Berlin"} }
"#;

pub(super) fn settings(text: &str) -> Parsed<Settings> {
    super::parse_settings(text, SETTINGS_FILE).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn tools(text: &str) -> Parsed<ToolsConfig> {
    super::parse_tools(text, TOOLS_FILE).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn wakeup(text: &str) -> Parsed<WakeupConfig> {
    super::parse_wakeup(text, WAKEUP_FILE).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn warnings<T>(parsed: &Parsed<T>) -> Vec<String> {
    parsed.warnings.iter().map(ToString::to_string).collect()
}
